//! The key that stands for those that are not known: made anew by each process, and its private half is never kept. So
//! that nobody, whoever reads this project, can sign a token that is verified with it.

use anyhow::Context;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::api::Str;

/// The bytes of a coordinate.
const COORDINATE: usize = 32;

/// A set with a new key.
///
/// # Errors
/// When the system has no randomness.
pub fn key_set() -> anyhow::Result<Str> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .ok()
        .context("no key can be made")?;
    // A byte that says how the point is written, then the point.
    let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
    let (x, y) = point.split_at_checked(COORDINATE).context("a key has another form")?;
    let mut name = [0; 8];
    aws_lc_rs::rand::SecureRandom::fill(&SystemRandom::new(), &mut name)
        .ok()
        .context("there is no randomness")?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
        "kid": format!("unknown-{}", text(&name)), "x": text(x), "y": text(y),
    });
    Ok(json!({ "keys": [key] }).to_string().into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::jwks::document;

    /// CVE-2026-31837: a known key that stands for unknown ones is accepted by everybody who knows it.
    #[test]
    fn no_two_are_the_same_and_none_has_a_private_half() {
        let sets: BTreeSet<Str> = (0..20).map(|_| key_set().unwrap()).collect();
        assert_eq!(sets.len(), 20);
        for set in sets {
            assert_eq!(document::flaws(&set), [], "{set}");
            assert_eq!(document::fetched(&set).unwrap(), set, "it is a set of public keys");
        }
    }
}
