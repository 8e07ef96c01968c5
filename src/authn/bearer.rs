//! The token in a request's headers. What it says is not believed here.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;

/// The longest token that is looked at. Those of Kubernetes have 1,000 bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// A bearer token. Shows nothing of itself.
#[derive(Clone, Copy)]
pub struct Token<'a>(&'a str);

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}

/// What a token says in its second part, as far as it is read.
#[derive(Debug, Default, Deserialize)]
pub struct Claims {
    /// Who made it.
    #[serde(default)]
    pub iss: String,
    /// Whose it is.
    #[serde(default)]
    pub sub: String,
    /// Whom it is for.
    #[serde(default)]
    pub aud: Audiences,
    /// Until when it is valid, in seconds since 1970.
    pub exp: Option<f64>,
    /// From when it is valid.
    pub nbf: Option<f64>,
}

/// Whom a token is for: JSON web tokens write one or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Audiences {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for Audiences {
    fn default() -> Self {
        Audiences::Many(Vec::new())
    }
}

impl Audiences {
    /// The first of them.
    pub fn first(&self) -> Option<&str> {
        match self {
            Audiences::One(one) => Some(one),
            Audiences::Many(many) => many.first().map(String::as_str),
        }
    }

    /// Whether one of these is among them.
    pub fn has_any(&self, wanted: &[String]) -> bool {
        match self {
            Audiences::One(one) => wanted.contains(one),
            Audiences::Many(many) => many.iter().any(|one| wanted.contains(one)),
        }
    }
}

impl<'a> Token<'a> {
    /// The bearer token of a request.
    pub fn of(headers: &'a HeaderMap) -> Result<Token<'a>, String> {
        let mut given = headers.get_all(AUTHORIZATION).iter().peekable();
        if given.peek().is_none() {
            return Err("no token was sent".to_owned());
        }
        let tokens = given.filter_map(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let token = tokens.map(str::trim).find(|token| !token.is_empty());
        let token = token.ok_or("the authorization header has no bearer token")?;
        if token.len() > MAX_TOKEN {
            return Err(format!("a token of {} bytes; {MAX_TOKEN} are allowed", token.len()));
        }
        Ok(Token(token))
    }

    /// All of it.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// What tells it from all others, and cannot be turned back into it.
    pub fn hash(self) -> [u8; 32] {
        let mut hash = [0; 32];
        // A digest has as many bytes as its algorithm says.
        let digest = digest(&SHA256, self.0.as_bytes());
        hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }

    /// What is signed, the signature, and header and claims; None for what is no JSON web token.
    pub fn parts(self) -> Option<Parts<'a>> {
        let (signed, signature) = self.0.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Parts {
            signed,
            signature: decode(signature)?,
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
        })
    }
}

/// A JSON web token, taken apart. Nothing in it is verified.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The text that is signed.
    pub signed: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
    /// How it is signed.
    pub header: Header,
    /// What it says.
    pub claims: Claims,
}

/// How a token is signed.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// The algorithm.
    pub alg: String,
    /// The name of the key; empty where it does not say.
    #[serde(default)]
    pub kid: String,
}

impl Claims {
    /// Whether it is valid at a time, in seconds since 1970, give or take what clocks may differ by.
    pub fn check_times(&self, now: f64, leeway: f64) -> Result<(), String> {
        let exp = self.exp.ok_or("the token does not say when it expires")?;
        if now >= exp + leeway {
            return Err(format!("the token expired {:.0} s ago", now - exp));
        }
        match self.nbf {
            Some(nbf) if now + leeway < nbf => {
                Err(format!("the token is valid in {:.0} s only: do the clocks differ?", nbf - now))
            }
            _ => Ok(()),
        }
    }

    /// Namespace and name of the service account that it is of.
    pub fn service_account(&self) -> Result<(&str, &str), String> {
        service_account(&self.sub).ok_or_else(|| {
            format!("the token's subject {:?} is no service account (system:serviceaccount:NAMESPACE:NAME)", self.sub)
        })
    }
}

/// Namespace and name of a service account, of the name by which Kubernetes knows it as a user.
pub fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_taken() {
        let long = format!("Bearer {}", "x".repeat(MAX_TOKEN + 1));
        for (values, want) in [
            (&["Bearer abc"][..], Ok("abc")),
            (&["Basic xyz", "Bearer abc "], Ok("abc")),
            (&[], Err("no token was sent")),
            (&["Basic xyz"], Err("the authorization header has no bearer token")),
            (&["Bearer "], Err("the authorization header has no bearer token")),
            (&[&long], Err("a token of 16385 bytes; 16384 are allowed")),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            let got = Token::of(&headers).map(Token::text);
            assert_eq!(got, want.map_err(str::to_owned), "{values:?}");
        }
    }

    #[test]
    fn service_accounts_have_two_names() {
        assert_eq!(service_account("system:serviceaccount:shop:web"), Some(("shop", "web")));
        for wrong in [
            "system:serviceaccount:shop",
            "system:serviceaccount:shop:",
            "admin",
            "system:serviceaccount:a:b:c",
        ] {
            assert_eq!(service_account(wrong), None, "{wrong}");
        }
    }
}
