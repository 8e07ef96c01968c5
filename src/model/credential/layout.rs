//! Under which keys an object holds what: those of Kubernetes' own type of secret, or Istio's older ones.

use std::collections::BTreeMap;

use super::Fault;

/// The keys of a certificate, in words.
pub(super) const CERTIFICATE_KEYS: &str =
    "certificate with its key (tls.crt and tls.key, or cert and key)";

/// Those of roots, in words.
pub(super) const ROOTS_KEYS: &str = "bundle of roots (ca.crt, or cacert)";

/// A value and its key.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub name: &'static str,
    pub bytes: &'a [u8],
}

/// The values of a certificate.
pub(super) struct OfCertificate<'a> {
    pub chain: Value<'a>,
    pub key: Value<'a>,
    pub staple: Option<Value<'a>>,
}

/// The values of roots.
pub(super) struct OfRoots<'a> {
    pub bundle: Value<'a>,
    pub revoked: Option<Value<'a>>,
}

type Values<'a> = BTreeMap<&'a str, &'a [u8]>;

/// None if there are none. The older keys come first, as in Istio.
pub(super) fn certificate<'a>(values: &Values<'a>) -> Option<Result<OfCertificate<'a>, Fault>> {
    let layouts = [("cert", "key", None), ("tls.crt", "tls.key", Some("tls.ocsp-staple"))];
    let complete = layouts.iter().find_map(|(chain, key, staple)| {
        Some(OfCertificate {
            chain: value(values, chain)?,
            key: value(values, key)?,
            staple: staple.and_then(|staple| value(values, staple)),
        })
    });
    if let Some(complete) = complete {
        return Some(Ok(complete));
    }
    let begun = layouts
        .iter()
        .find(|(chain, key, _)| values.contains_key(chain) || values.contains_key(key));
    let (chain, key, _) = begun?;
    let missing = if value(values, chain).is_some() { key } else { chain };
    let message = format!("empty or missing: a certificate takes {chain} and {key}");
    Some(Err(Fault::error(missing, message)))
}

/// See [`certificate`].
pub(super) fn roots<'a>(values: &Values<'a>) -> Option<Result<OfRoots<'a>, Fault>> {
    let layouts = [("cacert", "crl"), ("ca.crt", "ca.crl")];
    let complete = layouts.iter().find_map(|(bundle, revoked)| {
        Some(OfRoots { bundle: value(values, bundle)?, revoked: value(values, revoked) })
    });
    if let Some(complete) = complete {
        return Some(Ok(complete));
    }
    let (bundle, _) = layouts.iter().find(|(bundle, _)| values.contains_key(bundle))?;
    // Kubernetes writes an empty ca.crt where an issuer has none to tell.
    let alone = !["tls.crt", "cert"].iter().any(|chain| value(values, chain).is_some());
    alone.then(|| Err(Fault::error(bundle, "empty: a bundle of roots is needed")))
}

/// A value that is not empty.
fn value<'a>(values: &Values<'a>, name: &'static str) -> Option<Value<'a>> {
    let bytes = values.get(name).copied().filter(|bytes| !bytes.is_empty())?;
    Some(Value { name, bytes })
}
