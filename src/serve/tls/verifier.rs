//! Verifying clients: each against the roots of its own trust domain.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::Trusted;
use crate::api::Str;
use crate::ca::certificate::Certificate;
use crate::model::identity::trust_domain;

/// One verifier for each trust domain.
#[derive(Debug)]
pub struct ByTrustDomain {
    domains: BTreeMap<Str, Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ByTrustDomain {
    /// With these roots.
    pub fn new(provider: &Arc<CryptoProvider>, trusted: &Trusted) -> Result<ByTrustDomain, String> {
        let mut domains = BTreeMap::new();
        for (domain, certificates) in &trusted.roots {
            let mut store = RootCertStore::empty();
            for certificate in certificates {
                store
                    .add(certificate.clone())
                    .map_err(|error| format!("a root of {domain} cannot be used: {error}"))?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone())
                    .with_crls(trusted.revoked.iter().cloned())
                    .allow_unknown_revocation_status()
                    .build()
                    .map_err(|error| format!("the roots of {domain} cannot be used: {error}"))?;
            domains.insert(domain.clone(), verifier);
        }
        Ok(ByTrustDomain { domains, provider: provider.clone() })
    }
}

impl ClientCertVerifier for ByTrustDomain {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Clients have one certificate; nobody needs to be told which to choose.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let read = Certificate::from_der(end_entity.clone().into_owned());
        let read = read.map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let [uri] = read.uris.as_slice() else {
            let found = read.uris.len();
            return Err(Error::General(format!(
                "the client's certificate has {found} URIs; one SPIFFE ID is needed"
            )));
        };
        let verifier = trust_domain(uri).and_then(|domain| self.domains.get(domain));
        let verifier = verifier
            .ok_or_else(|| Error::General(format!("the trust domain of {uri} is not known")))?;
        verifier.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
