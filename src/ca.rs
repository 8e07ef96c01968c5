//! The certificate authority: keys, certificates, and where they are kept.
//!
//! ```text
//!  files, Secret, own directory ─► source ─► authority ─► issuer ─► certificates of workloads
//!                                              └─► who needs the roots: TLS of 15012, ConfigMaps
//! ```
//!
//! - [`issuer`] is a CA at one moment, [`authority`] the one that counts now and the rules of what it signs.
//! - [`request`] reads what strangers send; [`sign`] is what certificates look like; [`key`], [`certificate`],
//!   [`signature`], and [`der`] are their parts; [`revocation`] lists take some back.
//! - [`bundle`] is all that the mesh trusts, the CA's own roots and those of others.
//! - [`signatory`] is who signs for workloads: the [`authority`] at its [`desk`], or signers of Kubernetes
//!   ([`registration`]).
//! - [`material`] are the files of a CA, wherever they lie; [`source`] is where they lie, and follows them;
//!   [`self_signed`] makes and renews a root of our own.
//!
//! Knows neither the mesh nor who asks: callers are verified before, and the names to sign are given.

pub mod authority;
pub mod bundle;
pub mod certificate;
pub mod der;
pub mod desk;
#[cfg(test)]
pub mod fixture;
pub mod issuer;
pub mod key;
pub mod material;
pub mod registration;
pub mod request;
pub mod revocation;
pub mod self_signed;
pub mod sign;
pub mod signatory;
pub mod signature;
pub mod source;

use std::fmt;
use std::time::Duration;

use crate::api::duration;

/// Where a CA comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator plugged it in.
    PluggedIn,
    /// This process, or another replica, made it.
    SelfSigned,
}

/// Why no certificate is issued. The texts are for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The request is wrong.
    Request(String),
    /// It would be valid for too long.
    Lifetime {
        /// What was asked for.
        requested: Duration,
        /// What is allowed.
        max: Duration,
    },
    /// There is no CA yet.
    NotReady(String),
    /// The CA could not sign.
    Sign(String),
    /// Too many wait for their certificates.
    Busy,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Request(why) | Error::NotReady(why) | Error::Sign(why) => f.write_str(why),
            Error::Busy => f.write_str("too many requests for certificates wait"),
            Error::Lifetime { requested, max } => {
                let (requested, max) = (duration::format(*requested), duration::format(*max));
                write!(f, "requested TTL {requested} is greater than the max allowed TTL {max}")
            }
        }
    }
}

impl Error {
    /// As metrics name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Request(_) => "CSR_ERROR",
            Error::Lifetime { .. } => "TTL_ERROR",
            Error::NotReady(_) => "CA_NOT_READY",
            Error::Sign(_) | Error::Busy => "CERT_GEN_ERROR",
        }
    }
}
