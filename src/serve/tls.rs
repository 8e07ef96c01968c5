//! TLS of the secure port: what it is configured with, and what a handshake tells of the client.
//!
//! Certificates of clients are optional, and verified where there is one: against the roots of the trust domain that
//! it names. A configuration is immutable; a new certificate or root is a new one, for the handshakes from then on.

mod suites;
mod verifier;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection};

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

/// What TLS offers and accepts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The suites (--tls-cipher-suites).
    pub provider: Arc<CryptoProvider>,
    /// Version 1.2 is not accepted (--tls-min-version).
    pub only_13: bool,
}

/// A configuration for servers of HTTP/2.
///
/// # Errors
/// When key and certificate do not match, or a root cannot be used.
pub fn config(
    policy: &Policy,
    identity: Identity,
    roots: &Roots,
) -> Result<Arc<ServerConfig>, String> {
    let versions = if policy.only_13 { &[&TLS13][..] } else { &[&TLS13, &TLS12] };
    let verifier = Arc::new(ByTrustDomain::new(&policy.provider, roots)?);
    let builder = ServerConfig::builder_with_provider(policy.provider.clone())
        .with_protocol_versions(versions)
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

/// The identities in the certificate of a client; empty without one. It was verified by the handshake.
pub fn identities(connection: &ServerConnection) -> Arc<[Str]> {
    let presented = connection.peer_certificates().and_then(|chain| chain.first());
    let read = presented.and_then(|leaf| Certificate::from_der(leaf.clone().into_owned()).ok());
    read.map(|certificate| certificate.uris.into()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
