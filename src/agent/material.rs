//! Certificates, keys and roots, checked: what is handed to Envoy parses and belongs together.
//!
//! A pair of files is not written at once, and Envoy refuses a certificate with another's key. So nothing is an
//! [`Identity`] whose key does not match. Knows neither where material comes from nor who gets it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

use super::keys::PrivateKey;
use crate::api::pem;

/// What a secret holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// A certificate and its key.
    Identity(Identity),
    /// What others are verified by.
    Roots(Roots),
}

/// A certificate chain and the key of its first certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain in PEM, the leaf first.
    pub chain: Vec<u8>,
    /// The leaf's key.
    pub key: PrivateKey,
    /// When the leaf ends.
    pub not_after: SystemTime,
}

impl Identity {
    /// From PEM; an error unless the key is that of the chain's first certificate.
    pub fn new(chain: Vec<u8>, key: PrivateKey) -> anyhow::Result<Identity> {
        let (certificates, private) = parse_pair(&chain, &key)?;
        let leaf = certificates.first().context("no certificate")?;
        let (_, leaf) = parse_x509_certificate(leaf).context("no X.509 certificate")?;
        let seconds = leaf.validity().not_after.timestamp();
        let not_after = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
            .context("the certificate has no end")?;
        let signing = any_supported_type(&private).context("a private key of an unknown kind")?;
        CertifiedKey::new(certificates, signing)
            .keys_match()
            .context("the private key is not that of the certificate")?;
        Ok(Identity { chain, key, not_after })
    }

    /// From two files.
    pub fn read(chain: &Path, key: &Path) -> anyhow::Result<Identity> {
        let (chain_pem, key_pem) = (read(chain)?, read(key)?);
        Identity::new(chain_pem, PrivateKey::new(key_pem))
            .with_context(|| format!("{} with {}", chain.display(), key.display()))
    }

    /// In the form that a TLS client presents.
    pub fn presentable(
        &self,
    ) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        parse_pair(&self.chain, &self.key)
    }

    /// Whether it has ended.
    pub fn has_ended(&self, now: SystemTime) -> bool {
        self.not_after <= now
    }
}

/// Certificates that are trusted, and what their owners revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    pem: Vec<u8>,
    revoked: Vec<u8>,
}

impl Roots {
    /// The certificates of PEM that can be read, each once; an error if there is none. One that cannot be read must not
    /// cost the others.
    pub fn new(pem: &[u8]) -> anyhow::Result<Roots> {
        let mut kept = String::new();
        let mut known = BTreeSet::new();
        for certificate in CertificateDer::pem_slice_iter(pem).filter_map(Result::ok) {
            if parse_x509_certificate(&certificate).is_ok() && known.insert(certificate.to_vec()) {
                kept.push_str(&pem::encode("CERTIFICATE", &certificate));
            }
        }
        ensure!(!kept.is_empty(), "no root certificate in PEM");
        Ok(Roots { pem: kept.into_bytes(), revoked: Vec::new() })
    }

    /// Those of a file.
    pub fn read(file: &Path) -> anyhow::Result<Roots> {
        Roots::new(&read(file)?).with_context(|| file.display().to_string())
    }

    /// These and others.
    pub fn and(&self, others: &Roots) -> anyhow::Result<Roots> {
        let revoked = if self.revoked.is_empty() { &others.revoked } else { &self.revoked };
        Ok(Roots::new(&[self.pem(), others.pem()].concat())?.revoking(revoked.clone()))
    }

    /// The same, with these revocation lists in PEM.
    #[must_use]
    pub fn revoking(mut self, lists: Vec<u8>) -> Roots {
        self.revoked = lists;
        self
    }

    /// The revocation lists in PEM; empty for none.
    pub fn revoked(&self) -> &[u8] {
        &self.revoked
    }

    /// In PEM.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// In the form that a TLS client verifies by.
    pub fn store(&self) -> rustls::RootCertStore {
        let mut store = rustls::RootCertStore::empty();
        store.add_parsable_certificates(
            CertificateDer::pem_slice_iter(&self.pem).filter_map(Result::ok),
        );
        store
    }
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn parse_pair(chain: &[u8], key: &PrivateKey) -> anyhow::Result<Pair> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let certificates = certificates.context("no certificate chain in PEM")?;
    // The cause is left out: it could tell of the key.
    let key = PrivateKeyDer::from_pem_slice(key.expose()).ok().context("no private key in PEM")?;
    Ok((certificates, key))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    /// Of a file with certificates; a bundle of all public roots has a fifth of it.
    const MAX_BYTES: u64 = 1024 * 1024;
    let what = || file.display().to_string();
    let length = std::fs::metadata(file).with_context(what)?.len();
    ensure!(length <= MAX_BYTES, "{}: {length} bytes are too many", what());
    std::fs::read(file).with_context(what)
}

#[cfg(test)]
pub(super) mod tests;
