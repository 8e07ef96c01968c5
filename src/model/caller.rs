//! Callers: who is at the other end of a connection, and how that is known.
//!
//! Made by `authn`, which alone verifies anything. A [`Caller`] that exists was verified: there is none for a client
//! that nobody asked, and what may be done without one is decided where it would be done.

use super::Proxy;
use super::identity::Spiffe;
use crate::api::Str;

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its identities, as they were proved. Those of workloads are SPIFFE IDs; a trusted gateway may vouch for others.
    pub identities: Vec<Str>,
    /// What proved them.
    pub method: Method,
    /// Where its token was issued to, as far as that is known.
    pub pod: PodClaims,
    /// The cluster whose API server knows it; None where no API server was asked.
    pub cluster: Option<Str>,
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A client certificate of the mesh.
    Certificate,
    /// A token of an issuer that JWT_RULE names, or of this control plane.
    Jwt,
    /// A token that an API server knows.
    TokenReview,
    /// The word of a trusted gateway.
    ForwardedCertificate,
}

impl Method {
    /// As errors and logs name it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Certificate => "client certificate",
            Method::Jwt => "JWT",
            Method::TokenReview => "Kubernetes token",
            Method::ForwardedCertificate => "forwarded client certificate",
        }
    }
}

/// The pod that a token was issued to. Empty texts stand for what is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodClaims {
    /// The pod's name.
    pub name: Str,
    /// Its UID.
    pub uid: Str,
    /// The node that it runs on.
    pub node: Str,
}

impl Caller {
    /// The identities that have the form of a workload's.
    pub fn workloads(&self) -> impl Iterator<Item = Spiffe> {
        self.identities.iter().filter_map(|id| Spiffe::parse(id))
    }

    /// The identity with which it may be a proxy: one of the proxy's namespace and, where the proxy tells its
    /// service account, of that.
    pub fn identity_of(&self, proxy: &Proxy) -> Option<Spiffe> {
        self.workloads().find(|id| {
            let account = &proxy.service_account;
            id.namespace == proxy.namespace
                && (account.is_empty() || id.service_account == *account)
        })
    }
}
