//! Tokens of this control plane, for meshes without an API server.
//!
//! Whoever can read the key beside the CA may make a token for any account of the mesh: the file is for the owner of
//! the CA alone, who could sign certificates by hand as well. A token is for one account and short-lived, so that a
//! workload is given no more than it needs.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::bearer::{Claims, Token};

/// Who makes these tokens.
pub const ISSUER: &str = "istiod";

const ALGORITHM: &str = "HS256";

/// The key of these tokens. Shows nothing of itself.
#[derive(Clone)]
pub struct TokenKey(Key);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey([redacted])")
    }
}

/// The fewest characters of a key: 16 bytes in hexadecimal.
const MIN_KEY: usize = 32;

impl TokenKey {
    /// The key that a file has.
    pub fn new(text: &str) -> Result<TokenKey, String> {
        if text.len() < MIN_KEY {
            return Err(format!("a key of tokens needs {MIN_KEY} characters or more"));
        }
        Ok(TokenKey(Key::new(HMAC_SHA256, text.as_bytes())))
    }

    /// A token of a service account, for an audience, until a time in seconds since 1970.
    pub fn token(&self, namespace: &str, account: &str, audience: &str, expires: i64) -> String {
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = encode(json!({ "alg": ALGORITHM, "typ": "JWT" }));
        let claims = encode(json!({
            "iss": ISSUER,
            "sub": format!("system:serviceaccount:{namespace}:{account}"),
            "aud": [audience],
            "exp": expires,
        }));
        let signed = format!("{header}.{claims}");
        let signature = sign(&self.0, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a token says, if it is one of ours. None for one that another issuer made.
    pub fn claims(&self, token: Token<'_>) -> Option<Result<Claims, String>> {
        let parts = token.parts()?;
        if parts.claims.iss != ISSUER || parts.header.alg != ALGORITHM {
            return None;
        }
        let verified = verify(&self.0, parts.signed.as_bytes(), &parts.signature);
        Some(match verified {
            Ok(()) => Ok(parts.claims),
            Err(_) => Err("the token was not signed with the key of this control plane".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::AUTHORIZATION;

    use super::*;

    fn read(key: &TokenKey, token: &str) -> Option<Result<String, String>> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let claims = key.claims(Token::of(&headers).unwrap())?;
        Some(claims.map(|claims| claims.sub))
    }

    #[test]
    fn only_who_has_the_key_makes_tokens() {
        let key = TokenKey::new(&"k".repeat(64)).unwrap();
        let other = TokenKey::new(&"o".repeat(64)).unwrap();
        let token = key.token("shop", "web", "istio-ca", 100);
        assert_eq!(read(&key, &token), Some(Ok("system:serviceaccount:shop:web".to_owned())));
        assert!(read(&other, &token).unwrap().is_err());
        let (_, claims, signature) = {
            let mut parts = token.split('.');
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
        };
        let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert!(read(&key, &format!("{unsigned}.{claims}.")).is_none());
        assert!(read(&key, &format!("{unsigned}.{claims}.{signature}")).is_none());
        assert!(TokenKey::new("short").is_err());
    }
}
