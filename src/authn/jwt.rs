//! Tokens of an OpenID Connect issuer whose keys are known here (JWT_RULE).

use std::str::FromStr;
use std::sync::Arc;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, crypto};
use serde::Deserialize;
use tokio::sync::watch;

use super::bearer::{Claims, Token};
use crate::api::Str;
use crate::api::jwks::{JwksSource, KeySets};

/// An issuer, as JWT_RULE describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct JwtRule {
    /// Who makes the tokens.
    pub issuer: String,
    /// Where its keys are; empty where the issuer is asked for that.
    #[serde(default, alias = "jwksUri")]
    pub jwks_uri: String,
    /// Its keys; empty where they are fetched.
    #[serde(default)]
    pub jwks: String,
    /// Whom tokens must be for; none where that does not matter.
    #[serde(default)]
    pub audiences: Vec<String>,
}

/// An issuer and its keys.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The rule.
    pub rule: JwtRule,
    /// The keys that were fetched; None where the rule has them.
    pub keys: Option<watch::Receiver<Arc<KeySets>>>,
}

impl JwtRule {
    /// Reads a rule in JSON. An error says what is wrong with it.
    pub fn parse(text: &str) -> Result<JwtRule, String> {
        let rule: JwtRule = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if rule.issuer.is_empty() {
            return Err("an issuer is needed".to_owned());
        }
        if !rule.jwks.is_empty() {
            key_set(&rule.jwks)?;
        }
        Ok(rule)
    }

    /// Where its keys are fetched; None where they are in it.
    pub fn source(&self) -> Option<JwksSource> {
        self.jwks.is_empty().then(|| JwksSource {
            issuer: self.issuer.as_str().into(),
            uri: self.jwks_uri.as_str().into(),
        })
    }
}

/// The keys of a set that can be used: one of a kind that is not known spoils no others.
fn key_set(text: &str) -> Result<Vec<Jwk>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set =
        serde_json::from_str(text).map_err(|_| "the keys are no JSON Web Key Set".to_owned())?;
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

impl Issuer {
    /// What a token says, if it is one of this issuer. None for one that another issuer made.
    pub fn claims(&self, token: Token<'_>) -> Option<Result<Claims, String>> {
        let parts = token.parts().filter(|parts| parts.claims.iss == self.rule.issuer)?;
        let (_, signature) = token.text().rsplit_once('.')?;
        let verified = self.keys().and_then(|keys| {
            let signed = parts.signed.as_bytes();
            verify(&keys, &parts.header.alg, &parts.header.kid, signed, signature)
        });
        Some(verified.map(|()| parts.claims))
    }

    fn keys(&self) -> Result<Vec<Jwk>, String> {
        match (&self.keys, self.rule.source()) {
            (Some(keys), Some(source)) => {
                let sets = keys.borrow().clone();
                let known: Option<Str> = sets.sets.get(&source).and_then(|set| set.text.clone());
                let text = known.ok_or_else(|| {
                    format!("the keys of the issuer {} are not known", self.rule.issuer)
                })?;
                key_set(&text)
            }
            _ => key_set(&self.rule.jwks),
        }
    }
}

/// Verifies a signature with the key that the token names, or with any of the right kind.
fn verify(
    keys: &[Jwk],
    algorithm: &str,
    key: &str,
    signed: &[u8],
    signature: &str,
) -> Result<(), String> {
    let unknown = || format!("the token's algorithm {algorithm:?} is not supported");
    let algorithm = Algorithm::from_str(algorithm).map_err(|_| unknown())?;
    // A key that is public must not count as a shared secret.
    if algorithm.family() == AlgorithmFamily::Hmac {
        return Err(unknown());
    }
    let named = |candidate: &&Jwk| {
        key.is_empty() || candidate.common.key_id.as_deref().is_none_or(|id| id == key)
    };
    let fitting = keys.iter().filter(named).filter_map(|candidate| {
        let decoding = DecodingKey::from_jwk(candidate).ok()?;
        (decoding.family() == algorithm.family()).then_some(decoding)
    });
    let mut tried = false;
    for candidate in fitting {
        tried = true;
        if crypto::verify(signature, signed, &candidate, algorithm).unwrap_or(false) {
            return Ok(());
        }
    }
    match tried {
        true => Err("the token's signature is not that of the issuer's key".to_owned()),
        false => Err(format!("the issuer has no key {key:?} for the token")),
    }
}

#[cfg(test)]
mod tests;
