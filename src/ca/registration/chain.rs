//! What a signer returned: whether it is what was asked for, and what of it clients are given.

use jiff::Timestamp;

use crate::ca::Error;
use crate::ca::certificate::Certificate;
use crate::ca::issuer::{Issued, leads_to_root};

/// A certificate that a signer signed, and its way to a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The certificate.
    pub leaf: Certificate,
    /// The certificates from there to a root.
    pub between: Vec<Certificate>,
    /// The roots, in PEM.
    pub roots: String,
}

/// Reads what a signer returned for a key. The roots are those that are known to be his; else the one that he sent.
///
/// # Errors
/// When it is not for this key, or leads to none of the roots.
pub fn signed(text: &str, public_key: &[u8], roots: Option<&str>) -> Result<Signed, Error> {
    let all = Certificate::all(text)
        .map_err(|why| Error::Sign(format!("decoding certificate failed: {why}")))?;
    let mut all = all.into_iter();
    let leaf =
        all.next().ok_or_else(|| Error::Sign("the signer returned no certificate".to_owned()))?;
    if leaf.public_key != public_key {
        return Err(Error::Sign("the signer returned a certificate for another key".to_owned()));
    }
    let (sent, mut between): (Vec<_>, Vec<_>) =
        all.partition(|other| other.is_ca && other.is_self_signed());
    let roots = match (roots, sent.first()) {
        (Some(roots), _) => roots.to_owned(),
        (None, Some(root)) => root.pem(),
        (None, None) => {
            let why = "failed to find root cert from either signed cert-chain or mesh config";
            return Err(Error::Request(why.to_owned()));
        }
    };
    let invalid = |why: String| {
        Error::Request(format!("root cert from signed cert-chain is invalid ({why})"))
    };
    let trusted = Certificate::all(&roots).map_err(invalid)?;
    if !leads_to_root(&leaf, &between, &trusted) {
        return Err(invalid("the certificate leads to none of the signer's roots".to_owned()));
    }
    between.retain(|other| !trusted.contains(other));
    Ok(Signed { leaf, between, roots })
}

impl Signed {
    /// As clients are given it: one by one, and all roots as one at the end.
    pub fn issued(&self) -> Issued {
        let mut chain = vec![self.leaf.pem()];
        chain.extend(self.between.iter().map(Certificate::pem));
        chain.push(format!("{}\n", self.roots.trim_end()));
        Issued { chain, not_after: self.end() }
    }

    /// Until when it is valid.
    pub fn end(&self) -> Timestamp {
        self.leaf.not_after
    }
}

#[cfg(test)]
mod tests;
