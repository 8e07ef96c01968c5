//! Roots that the mesh configuration adds (`caCertificates`).

use crate::api::Str;

/// An entry of `caCertificates`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificates {
    /// Where the roots are.
    pub from: RootsFrom,
    /// The signers of Kubernetes that these are the roots of; empty for all.
    pub cert_signers: Vec<Str>,
    /// The trust domains that these are the roots of; empty for that of the mesh and its aliases.
    pub trust_domains: Vec<Str>,
}

/// Where roots are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootsFrom {
    /// Here, in PEM.
    Pem(Str),
    /// At a SPIFFE bundle endpoint: a URL, of HTTPS where it has no scheme.
    SpiffeBundle(Str),
}
