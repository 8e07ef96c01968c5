//! The roots of others' certificates, and which of these are revoked.

use bytes::Bytes;
use x509_parser::parse_x509_crl;

use super::layout::{OfRoots, Value};
use super::{Fault, Read, Validity, chain, pem};

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Roots {
    /// PEM.
    pub bundle: Bytes,
    /// Lists of revoked certificates; PEM.
    pub revoked: Option<Bytes>,
    validity: Validity,
}

impl Roots {
    /// From the values of an object. A list of revoked certificates that cannot be read makes all of it unusable:
    /// without it proxies would let in who was shut out.
    pub(super) fn read(values: OfRoots<'_>) -> Result<Read<Roots>, Fault> {
        let OfRoots { bundle, revoked } = values;
        let roots = chain::read(bundle)?;
        if let Some(revoked) = revoked {
            check_revoked(revoked)?;
        }
        let times = roots.iter().map(|root| root.validity);
        let validity =
            times.reduce(|a, b| Validity { from: a.from.min(b.from), until: a.until.max(b.until) });
        let Some(validity) = validity else {
            return Err(Fault::error(bundle.name, "holds no certificate"));
        };
        let copy = |value: Value<'_>| Bytes::copy_from_slice(value.bytes);
        Ok((Roots { bundle: copy(bundle), revoked: revoked.map(copy), validity }, Vec::new()))
    }

    /// When any of them is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }
}

fn check_revoked(value: Value<'_>) -> Result<(), Fault> {
    let lists = pem::blocks(value)?;
    let mut lists = lists.iter().filter(|block| block.label == "X509 CRL").peekable();
    if lists.peek().is_none() {
        return Err(Fault::error(value.name, "holds no list of revoked certificates (X509 CRL)"));
    }
    match lists.all(|list| parse_x509_crl(&list.contents).is_ok()) {
        true => Ok(()),
        false => Err(Fault::error(value.name, "is no list of revoked certificates")),
    }
}
