//! SPIFFE bundles: JSON web key sets in which the keys for X.509 identities carry the certificates of roots.
//!
//! The SPIFFE Trust Domain and Bundle, section 4.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The use of keys that are roots of X.509 identities.
const X509: &str = "x509-svid";

/// The most roots of a bundle: a trust domain has a few, and proxies get all of them.
const MOST: usize = 256;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(default, rename = "use")]
    purpose: String,
    #[serde(default)]
    x5c: Vec<String>,
}

/// The roots in a bundle, in DER. Whether they are certificates is not looked at here.
pub(super) fn roots(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let Document { keys } =
        serde_json::from_str(text).map_err(|error| format!("is no SPIFFE bundle: {error}"))?;
    let mut roots = Vec::new();
    for (at, key) in keys.iter().enumerate().filter(|(_, key)| key.purpose == X509) {
        let [certificate] = key.x5c.as_slice() else {
            let found = key.x5c.len();
            return Err(format!("keys[{at}] has {found} certificates in x5c, and one is needed"));
        };
        let root = STANDARD.decode(certificate);
        roots.push(root.map_err(|_| format!("keys[{at}].x5c is not base64"))?);
    }
    match roots.len() {
        0 => Err(format!("there is no key of the use {X509} in the bundle")),
        1..=MOST => Ok(roots),
        many => Err(format!("there are {many} roots in the bundle, and {MOST} are allowed")),
    }
}
