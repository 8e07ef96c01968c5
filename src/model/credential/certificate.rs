//! A certificate with its key, as a proxy is to have it.

use bytes::Bytes;

use super::layout::OfCertificate;
use super::{Fault, Read, Validity, chain, key, staple};
use crate::api::concealed::Concealed;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The certificate, and those that lead from it to a root; PEM.
    pub chain: Bytes,
    /// PEM.
    pub key: Concealed,
    /// What its issuer says of it (OCSP), in DER.
    pub staple: Option<Bytes>,
    validity: Validity,
}

impl Certificate {
    /// From the values of an object.
    pub(super) fn read(values: OfCertificate<'_>) -> Result<Read<Certificate>, Fault> {
        let OfCertificate { chain, key, staple } = values;
        let links = chain::read(chain)?;
        let Some(leaf) = links.first() else {
            return Err(Fault::error(chain.name, "holds no certificate"));
        };
        key::check(key, &leaf.public_key)?;
        let mut faults = Vec::new();
        let staple = staple.and_then(|staple| match staple::check(staple.bytes, &leaf.serial) {
            Ok(()) => Some(Bytes::copy_from_slice(staple.bytes)),
            Err(message) => {
                faults.push(Fault::warning(staple.name, message));
                None
            }
        });
        let of = |link: &chain::Link| link.validity;
        let validity = links.iter().map(of).fold(leaf.validity, |a, b| Validity {
            from: a.from.max(b.from),
            until: a.until.min(b.until),
        });
        let certificate = Certificate {
            chain: Bytes::copy_from_slice(chain.bytes),
            key: Concealed::from(key.bytes),
            staple,
            validity,
        };
        Ok((certificate, faults))
    }

    /// When all of the chain is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }
}
