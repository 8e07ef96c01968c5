use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://issuer.example.com";

/// A key and its public part as JSON.
fn key(kid: &str) -> (KeyPair, Value) {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.der_bytes());
    (pair, json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x }))
}

fn token(key: &KeyPair, header: Value, claims: Value) -> String {
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

fn claims(issuer: &Issuer, token: &str) -> Option<Result<String, String>> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    let claims = issuer.claims(Token::of(&headers).unwrap())?;
    Some(claims.map(|claims| claims.sub))
}

#[test]
fn tokens_are_verified_with_the_key_that_they_name() {
    let ((one, public), (other, other_public)) = (key("one"), key("other"));
    let jwks = json!({ "keys": [public, other_public] }).to_string();
    let rule = json!({ "issuer": ISSUER, "jwks": jwks }).to_string();
    let issuer = Issuer { rule: JwtRule::parse(&rule).unwrap(), keys: None };
    let says = json!({ "iss": ISSUER, "sub": "me" });
    for (key, header, want) in [
        (&one, json!({ "alg": "EdDSA", "kid": "one" }), Ok("me")),
        (&other, json!({ "alg": "EdDSA" }), Ok("me")),
        (
            &other,
            json!({ "alg": "EdDSA", "kid": "one" }),
            Err("the token's signature is not that of the issuer's key"),
        ),
        (
            &one,
            json!({ "alg": "EdDSA", "kid": "third" }),
            Err("the issuer has no key \"third\" for the token"),
        ),
        (&one, json!({ "alg": "RS256" }), Err("the issuer has no key \"\" for the token")),
        (&one, json!({ "alg": "none" }), Err("the token's algorithm \"none\" is not supported")),
        (&one, json!({ "alg": "HS256" }), Err("the token's algorithm \"HS256\" is not supported")),
    ] {
        let got = claims(&issuer, &token(key, header.clone(), says.clone())).unwrap();
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{header}");
    }
    let foreign = token(&one, json!({ "alg": "EdDSA" }), json!({ "iss": "other", "sub": "me" }));
    assert_eq!(claims(&issuer, &foreign), None);
    assert_eq!(claims(&issuer, "nonsense"), None);
}

#[test]
fn rules_have_the_keys_or_say_where_they_are() {
    let rule = JwtRule::parse(r#"{"issuer":"a","jwksUri":"https://b/keys","audiences":["c"]}"#);
    let rule = rule.unwrap();
    assert_eq!(rule.source().unwrap().first_uri(), "https://b/keys");
    let discovered = JwtRule::parse(r#"{"issuer":"https://a"}"#).unwrap().source().unwrap();
    assert_eq!(discovered.first_uri(), "https://a/.well-known/openid-configuration");
    let waiting = Issuer { keys: None, rule };
    assert!(waiting.keys().is_err());
    for wrong in ["", "{}", r#"{"issuer":"a","jwks":"nonsense"}"#] {
        assert!(JwtRule::parse(wrong).is_err(), "{wrong}");
    }
}
