//! A throw-away certificate authority: identities for the workloads of one lab.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// The authority. Its key lives as long as the lab.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

/// A workload's certificate, its key, and the root that vouches for all; all PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The authority's certificate.
    pub root: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Authority> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, "lab");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&key)?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), root })
    }

    /// Its own certificate, in PEM.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Its key, in PEM, for a CA that takes the authority's place.
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Issues a certificate for a SPIFFE identity.
    pub fn issue(&self, spiffe: &str) -> Result<Identity> {
        self.sign(SanType::URI(spiffe.try_into()?))
    }

    /// Issues a certificate for a host.
    pub fn certify(&self, host: &str) -> Result<Identity> {
        self.sign(SanType::DnsName(host.try_into()?))
    }

    fn sign(&self, subject: SanType) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.subject_alt_names = vec![subject];
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Ok(Identity {
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
            root: self.root.clone(),
        })
    }
}
