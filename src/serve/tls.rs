//! TLS of the secure port: what it is configured with, and what a handshake tells of the client.
//!
//! Certificates of clients are optional, and verified where there is one: against the roots of the trust domain that
//! it names. A configuration is immutable; a new certificate or root is a new one, for the handshakes from then on.

mod suites;
mod verifier;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use tokio::sync::watch;

use self::verifier::ByTrustDomain;
use crate::api::Str;
use crate::ca::certificate::Certificate;

pub use self::suites::{Suites, provider};

/// What the server proves to be.
#[derive(Debug)]
pub struct Identity {
    /// Its certificate, and those up to a root.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first.
    pub key: PrivateKeyDer<'static>,
}

/// The roots that clients' certificates are verified with, by trust domain.
pub type Roots = BTreeMap<Str, Vec<CertificateDer<'static>>>;

/// Whom clients are verified by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted {
    /// The roots.
    pub roots: Roots,
    /// What their owners revoked. Of who has no list here everything is good.
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
}

/// What TLS offers and accepts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The suites (--tls-cipher-suites).
    pub provider: Arc<CryptoProvider>,
    /// Version 1.2 is not accepted (--tls-min-version).
    pub only_13: bool,
}

impl Policy {
    fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        const NEW: &[&SupportedProtocolVersion] = &[&TLS13];
        const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        if self.only_13 { NEW } else { BOTH }
    }
}

/// A configuration for servers of HTTP/2.
///
/// # Errors
/// When key and certificate do not match, or a root cannot be used.
pub fn config(
    policy: &Policy,
    identity: Identity,
    trusted: &Trusted,
) -> Result<Arc<ServerConfig>, String> {
    let verifier = Arc::new(ByTrustDomain::new(&policy.provider, trusted)?);
    let builder = ServerConfig::builder_with_provider(policy.provider.clone())
        .with_protocol_versions(policy.versions())
        .map_err(|error| error.to_string())?;
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain, identity.key)
        .map_err(|error| format!("the server's certificate cannot be used: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Who comes back is verified again: its certificate may be over, or its root gone.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A configuration for servers whose clients nobody asks who they are. Each handshake proves the server's identity with
/// the certificate that the newest of other configurations has.
///
/// # Errors
/// When the suites of the policy serve none of its versions.
pub fn for_anybody(
    policy: &Policy,
    newest: watch::Receiver<Arc<ServerConfig>>,
) -> Result<Arc<ServerConfig>, String> {
    let mut config = ServerConfig::builder_with_provider(policy.provider.clone())
        .with_protocol_versions(policy.versions())
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Newest(newest)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The certificate of the newest configuration.
#[derive(Debug)]
struct Newest(watch::Receiver<Arc<ServerConfig>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let newest = self.0.borrow().clone();
        newest.cert_resolver.resolve(hello)
    }
}

/// The identities in the certificate of a client; empty without one. It was verified by the handshake.
pub fn identities(connection: &ServerConnection) -> Arc<[Str]> {
    let presented = connection.peer_certificates().and_then(|chain| chain.first());
    let read = presented.and_then(|leaf| Certificate::from_der(leaf.clone().into_owned()).ok());
    read.map(|certificate| certificate.uris.into()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
