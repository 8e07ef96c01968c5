//! How servers of documents are verified: by the system's roots, and those that the operator adds.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tracing::warn;

use super::SCOPE;

/// How clients do TLS. Roots that cannot be read are said and left out.
///
/// # Errors
/// When the library cannot do TLS.
pub(super) async fn tls(insecure: bool, extra: PathBuf) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .context("no version of TLS")?;
    if insecure {
        warn!(target: SCOPE, "servers of JSON web keys are not verified (JWKS_RESOLVER_INSECURE_SKIP_VERIFY)");
        let anybody = Arc::new(Anybody(provider));
        let config = config.dangerous().with_custom_certificate_verifier(anybody);
        return Ok(config.with_no_client_auth());
    }
    let roots = tokio::task::spawn_blocking(move || roots(&extra));
    let roots = roots.await.context("the thread that reads roots ended")?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn roots(extra: &Path) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in system.errors {
        warn!(target: SCOPE, "roots of the system cannot be read: {error}");
    }
    store.add_parsable_certificates(system.certs);
    let read = match std::fs::read(extra) {
        Ok(text) => CertificateDer::pem_slice_iter(&text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    };
    match read {
        Ok(certificates) => {
            store.add_parsable_certificates(certificates);
        }
        Err(why) => warn!(target: SCOPE, "{} cannot be read: {why}", extra.display()),
    }
    store
}

/// Takes everybody for whom a client asked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
