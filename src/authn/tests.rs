use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use serde_json::json;

use super::*;

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

fn presented(certificate: &[&str], token: &str) -> Credentials {
    let mut headers = HeaderMap::new();
    if !token.is_empty() {
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    headers.insert("x-forwarded-client-cert", "URI=spiffe://td/ns/a/sa/b".parse().unwrap());
    Credentials {
        peer: "10.0.0.1:1".parse().unwrap(),
        certificate: certificate.iter().map(|id| Str::from(*id)).collect(),
        headers,
    }
}

fn methods(gateways: &[&str]) -> Authenticator {
    Authenticator::new(Methods {
        local: Some(TokenKey::new(&"k".repeat(64)).unwrap()),
        gateways: gateways.iter().map(|range| Cidr::parse(range).unwrap()).collect(),
        audiences: vec!["istio-ca".to_owned()],
        ..Methods::default()
    })
}

fn token(audience: &str, seconds: i64) -> String {
    let key = TokenKey::new(&"k".repeat(64)).unwrap();
    key.token("shop", "web", audience, Timestamp::now().as_second() + seconds)
}

#[tokio::test]
async fn the_first_method_that_succeeds_decides() {
    let all = methods(&["10.0.0.0/8"]);
    let good = token("istio-ca", 60);
    let of = |certificate: &'static [&'static str], token: &str| {
        let (all, presented) = (all.clone(), presented(certificate, token));
        async move { all.authenticate(&presented).await.unwrap() }
    };
    let caller = of(&["spiffe://td/ns/x/sa/y"], &good).await;
    assert_eq!(
        (caller.method, &*caller.identities[0]),
        (Method::Certificate, "spiffe://td/ns/x/sa/y")
    );
    let caller = of(&[], &good).await;
    assert_eq!((caller.method, &*caller.identities[0]), (Method::Jwt, WEB));
    let caller = of(&[], "").await;
    assert_eq!(caller.method, Method::ForwardedCertificate);
}

#[tokio::test]
async fn each_method_says_why_and_none_shows_the_token() {
    let methods = methods(&["192.168.0.0/16"]);
    for (token, want) in [
        (String::new(), "no token was sent"),
        ("secret".to_owned(), "the token is of no known issuer"),
        (token("other", 60), "the token is for none of the audiences [\"istio-ca\"]"),
        (token("istio-ca", -90), "the token expired 9"),
    ] {
        let refused = methods.authenticate(&presented(&[], &token)).await.unwrap_err().to_string();
        let parts: Vec<_> = refused.split("; ").collect();
        let [certificate, jwt, forwarded] = parts[..] else { panic!("{refused}") };
        assert_eq!(certificate, "client certificate: none was presented");
        assert!(jwt.starts_with(&format!("JWT: {want}")), "{jwt}");
        assert!(forwarded.contains("10.0.0.1 is not trusted"), "{forwarded}");
        assert!(token.is_empty() || !refused.contains(&token));
    }
}

#[tokio::test]
async fn outside_of_the_cluster_its_issuer_vouches_where_nobody_else_does() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let x = encode(key.der_bytes());
    let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] });
    let rule = jwt::JwtRule {
        issuer: "https://cluster.example".to_owned(),
        jwks_uri: String::new(),
        jwks: jwks.to_string(),
        audiences: vec!["istio-ca".to_owned()],
    };
    let all = Authenticator::new(Methods {
        outside: Some(jwt::Issuer { rule, keys: None }),
        ..Methods::default()
    });
    let token = |issuer: &str, audience: &str| {
        let claims = json!({
            "iss": issuer,
            "sub": "system:serviceaccount:shop:web",
            "aud": [audience],
            "exp": Timestamp::now().as_second() + 60,
        });
        let [header, claims] =
            [json!({ "alg": "EdDSA" }), claims].map(|part| encode(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = encode(&key.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    };
    let good = presented(&[], &token("https://cluster.example", "istio-ca"));
    let caller = all.authenticate(&good).await.unwrap();
    assert_eq!((caller.method, &*caller.identities[0]), (Method::Jwt, WEB));
    for (issuer, audience, want) in [
        ("https://other.example", "istio-ca", "JWT: the token is not of the issuer"),
        ("https://cluster.example", "other", "JWT: the token is for none of the audiences"),
    ] {
        let refused = all.authenticate(&presented(&[], &token(issuer, audience))).await;
        let why = refused.unwrap_err().to_string();
        assert!(why.contains(want), "{why}");
    }
}
