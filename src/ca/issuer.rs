//! A CA at one moment: the key that signs, its certificate, the way up to a root, and the roots.
//!
//! Immutable: another key or root is another [`Issuer`].

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::certificate::Certificate;
use super::key::Key;
use super::sign::{self, Signer, Validity};
use super::{Error, Origin, revocation};
use crate::api::pem;

/// Between a signing certificate and a root there are no more certificates than this.
const MAX_CHAIN: usize = 8;

/// What an issuer is made of, in PEM.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The certificate that signs. More certificates behind it belong to the chain.
    pub certificate: &'a str,
    /// Its key.
    pub key: &'a str,
    /// The certificates from there to a root; may be empty.
    pub chain: &'a str,
    /// The roots.
    pub roots: &'a str,
    /// What it revoked; empty for no list.
    pub revoked: &'a str,
}

/// A CA that can sign.
#[derive(Debug)]
pub struct Issuer {
    /// Where it comes from.
    pub origin: Origin,
    /// The certificate that signs.
    pub certificate: Certificate,
    /// What clients are given between their certificate and the roots.
    pub chain: Vec<Certificate>,
    /// The roots.
    pub roots: Vec<Certificate>,
    /// The roots in PEM.
    pub root_pem: String,
    /// The revocation lists in PEM; empty for none.
    pub revoked: String,
    key: Key,
}

/// A certificate that was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// What the client is given: its certificate, the intermediates one by one, and all roots as one.
    pub chain: Vec<String>,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Checks that the parts belong together. An error names the part.
    pub fn new(origin: Origin, parts: Parts<'_>) -> Result<Issuer, String> {
        let read =
            |what: &str, text: &str| Certificate::all(text).map_err(|why| format!("{what}: {why}"));
        let mut certificates = read("the CA's certificate", parts.certificate)?.into_iter();
        let certificate = certificates.next().ok_or("the CA's certificate: there is none in it")?;
        let key = Key::from_pem(parts.key).map_err(|why| format!("the CA's key: {why}"))?;
        if key.public() != certificate.public_key {
            return Err("the CA's key is not that of its certificate".to_owned());
        }
        if !certificate.is_ca {
            return Err("the CA's certificate is not that of a CA (basicConstraints)".to_owned());
        }
        let mut roots: Vec<Certificate> = Vec::new();
        for root in read("the roots", parts.roots)? {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        if roots.is_empty() {
            return Err("the roots: there is none in it".to_owned());
        }
        let mut chain = read("the certificate chain", parts.chain)?;
        if !parts.revoked.trim().is_empty() {
            revocation::check(parts.revoked, &chain)
                .map_err(|why| format!("the revocation lists: {why}"))?;
        }
        for other in certificates.filter(|other| *other != certificate) {
            if !chain.contains(&other) {
                chain.push(other);
            }
        }
        if !leads_to_root(&certificate, &chain, &roots) {
            return Err(
                "the CA's certificate was signed by none of the roots, nor by what the chain leads to"
                    .to_owned(),
            );
        }
        // Who verifies has the roots, but needs everything before them.
        if !chain.contains(&certificate) && !roots.contains(&certificate) {
            chain.insert(0, certificate.clone());
        }
        Ok(Issuer {
            origin,
            root_pem: roots.iter().map(Certificate::pem).collect(),
            certificate,
            chain,
            roots,
            revoked: parts.revoked.to_owned(),
            key,
        })
    }

    /// Signs a certificate for this key and these names, for so long, but for no longer than the CA itself lives.
    ///
    /// # Errors
    /// When the CA's own certificate is over.
    pub fn issue(
        &self,
        public_key: &[u8],
        names: &[&str],
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<Issued, Error> {
        let end = self.certificate.not_after;
        if end <= now {
            return Err(Error::Sign(format!("the CA's certificate has expired ({end})")));
        }
        let mut validity = Validity::starting(now, lifetime);
        validity.not_after = validity.not_after.min(end);
        let signer = Signer::new(&self.certificate, &self.key);
        let leaf = sign::leaf(signer, public_key, names, validity).map_err(Error::Sign)?;
        let mut chain = vec![pem::encode("CERTIFICATE", &leaf)];
        chain.extend(self.chain.iter().map(Certificate::pem));
        chain.push(self.root_pem.clone());
        Ok(Issued { chain, not_after: validity.not_after })
    }

    /// The key that signs.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Whether clients that trust the roots of one also trust those of the other: it adds roots, or leaves some out.
    pub fn shares_roots(&self, other: &Issuer) -> bool {
        let within = |a: &Issuer, b: &Issuer| a.roots.iter().all(|root| b.roots.contains(root));
        within(self, other) || within(other, self)
    }

    /// Whether nothing that anybody sees differs.
    pub fn is_same(&self, other: &Issuer) -> bool {
        self.certificate == other.certificate
            && self.chain == other.chain
            && self.roots == other.roots
            && self.revoked == other.revoked
    }

    /// The first end of all its certificates, beyond which not everybody is trusted any more.
    pub fn chain_end(&self) -> Timestamp {
        let all = self.chain.iter().chain([&self.certificate]);
        all.map(|certificate| certificate.not_after).min().unwrap_or(self.certificate.not_after)
    }

    /// The first end of a root.
    pub fn root_end(&self) -> Timestamp {
        let ends = self.roots.iter().map(|root| root.not_after);
        ends.min().unwrap_or(self.certificate.not_after)
    }
}

/// Whether a certificate was signed by a root, or by what was, through the chain.
pub(super) fn leads_to_root(
    certificate: &Certificate,
    chain: &[Certificate],
    roots: &[Certificate],
) -> bool {
    let mut at = certificate;
    for _ in 0..MAX_CHAIN {
        if roots.iter().any(|root| root == at || at.was_signed_by(root)) {
            return true;
        }
        let next = chain.iter().find(|other| *other != at && at.was_signed_by(other));
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests;
