//! The trust bundle: all roots of the mesh, each with whom it is for and who says so.
//!
//! What cannot be a root is never in a bundle: who makes one is told, and the other roots count. Texts are kept as they
//! were told, because proxies get them so.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::certificate::Certificate;
use crate::api::{Str, pem};

/// Who says that a root is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voucher {
    /// The CA of this process.
    Ca,
    /// The mesh configuration.
    MeshConfig,
    /// A SPIFFE bundle endpoint, at this URL.
    SpiffeBundle(Str),
}

impl Voucher {
    /// All kinds.
    pub const KINDS: [&str; 3] = ["IstioCA", "MeshConfig", "SpiffeEndpoints"];

    /// The kind of it, as istiod names sources.
    pub fn kind(&self) -> &'static str {
        match self {
            Voucher::Ca => "IstioCA",
            Voucher::MeshConfig => "MeshConfig",
            Voucher::SpiffeBundle(_) => "SpiffeEndpoints",
        }
    }
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Voucher::Ca => f.write_str("the CA"),
            Voucher::MeshConfig => f.write_str("caCertificates of the mesh configuration"),
            Voucher::SpiffeBundle(url) => f.write_str(url),
        }
    }
}

/// Roots that were told together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// In PEM, as they were told.
    pub text: Str,
    /// The certificates in it.
    pub certificates: Vec<Certificate>,
    /// The trust domains that they are for; empty for that of the mesh and its aliases.
    pub domains: Vec<Str>,
    /// Who says so.
    pub voucher: Voucher,
}

impl Anchor {
    /// From PEM.
    ///
    /// # Errors
    /// When there is no certificate in it, or one that is not a CA's.
    pub fn read(text: &str, domains: &[Str], voucher: Voucher) -> Result<Anchor, String> {
        let certificates = Certificate::all(text)?;
        if certificates.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        if let Some(other) = certificates.iter().find(|certificate| !certificate.is_ca) {
            let subject = other.subject_text();
            return Err(format!("the certificate of {subject:?} is not that of a CA"));
        }
        Ok(Anchor { text: text.into(), certificates, domains: domains.to_vec(), voucher })
    }

    /// From one certificate in DER.
    ///
    /// # Errors
    /// As [`Anchor::read`].
    pub fn from_der(der: &[u8], domains: &[Str], voucher: Voucher) -> Result<Anchor, String> {
        Anchor::read(&pem::encode("CERTIFICATE", der), domains, voucher)
    }
}

/// All roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    anchors: Vec<Anchor>,
}

impl Bundle {
    /// Of these. The order is that in which they are shown.
    pub fn new(anchors: Vec<Anchor>) -> Bundle {
        Bundle { anchors }
    }

    /// All of it.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// What proxies are told: each text once, sorted.
    pub fn texts(&self) -> Arc<[Str]> {
        let mut texts: Vec<Str> = self.anchors.iter().map(|anchor| anchor.text.clone()).collect();
        texts.sort_unstable();
        texts.dedup();
        texts.into()
    }

    /// The roots of a trust domain of the mesh's own, each once.
    pub fn roots_of(&self, domain: &str) -> Vec<CertificateDer<'static>> {
        let mut roots: Vec<CertificateDer<'static>> = Vec::new();
        let for_it = |anchor: &&Anchor| {
            anchor.domains.is_empty() || anchor.domains.iter().any(|other| **other == *domain)
        };
        for certificate in self.anchors.iter().filter(for_it).flat_map(|a| &a.certificates) {
            if !roots.contains(&certificate.der) {
                roots.push(certificate.der.clone());
            }
        }
        roots
    }
}

#[cfg(test)]
mod tests;
