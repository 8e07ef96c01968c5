//! A root of our own: made once, and renewed with its key before it ends.

use std::time::Duration;

use jiff::Timestamp;

use super::certificate::Certificate;
use super::issuer::Issuer;
use super::key::Key;
use super::material::{CERTIFICATE, CHAIN, Files, KEY, MADE, ROOTS};
use super::sign::{self, Validity};
use crate::api::pem;

/// How roots are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The organisation that they name: the trust domain.
    pub organization: String,
    /// How long they are valid (CITADEL_SELF_SIGNED_CA_CERT_TTL).
    pub lifetime: Duration,
    /// Bits of their RSA key (CITADEL_SELF_SIGNED_CA_RSA_KEY_SIZE).
    pub bits: u32,
    /// In this last part of their life, in percent, they are renewed
    /// (CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE).
    pub grace_percent: u32,
}

impl Recipe {
    /// The files of a new root with a new key.
    pub fn make(&self, now: Timestamp) -> Result<Files, String> {
        let key = Key::rsa(self.bits)?;
        let subject = sign::organization(&self.organization);
        let root = sign::root(&key, &subject, Validity::starting(now, self.lifetime))?;
        let root = pem::encode("CERTIFICATE", &root);
        Ok(files(&root, &key, &root))
    }

    /// The files of a new root with the key and the name of an old one: what was signed with the key stays valid,
    /// under either.
    pub fn renew(&self, old: &Issuer, now: Timestamp) -> Result<Files, String> {
        let validity = Validity::starting(now, self.lifetime);
        let root = sign::root(old.key(), &old.certificate.subject, validity)?;
        let root = pem::encode("CERTIFICATE", &root);
        Ok(files(&root, old.key(), &root))
    }

    /// Whether it is time to renew a root.
    pub fn is_due(&self, root: &Certificate, now: Timestamp) -> bool {
        now >= self.due(root)
    }

    /// When it is time to renew a root.
    pub fn due(&self, root: &Certificate) -> Timestamp {
        let life = root.not_after.duration_since(root.not_before);
        let grace = life * i32::try_from(self.grace_percent.min(100)).unwrap_or(100) / 100;
        root.not_after.checked_sub(grace).unwrap_or(root.not_before)
    }
}

/// As istiod keeps them. The empty ones are there for its older versions.
fn files(certificate: &str, key: &Key, roots: &str) -> Files {
    let content =
        [(CERTIFICATE, certificate), (KEY, key.pem()), (CHAIN, ""), (MADE, ""), (ROOTS, roots)];
    content.into_iter().map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).collect()
}

#[cfg(test)]
mod tests;
