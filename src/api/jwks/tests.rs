use super::*;

fn source(issuer: &str, uri: &str) -> JwksSource {
    JwksSource { issuer: issuer.into(), uri: uri.into() }
}

#[test]
fn an_issuer_is_asked_where_its_keys_are() {
    for (issuer, uri, first) in [
        ("https://a.b", "", "https://a.b/.well-known/openid-configuration"),
        ("https://a.b/", "", "https://a.b/.well-known/openid-configuration"),
        ("https://a.b/c", "", "https://a.b/c/.well-known/openid-configuration"),
        ("https://a.b", "http://c/keys?a=b", "http://c/keys?a=b"),
    ] {
        let source = source(issuer, uri);
        assert_eq!(source.first_uri(), first);
        assert_eq!(source.is_discovered(), uri.is_empty());
    }
}

#[test]
fn what_is_not_known_is_the_unknown_key() {
    let (good, failed, never) = (source("a", ""), source("b", ""), source("c", ""));
    let set = |text: Option<&str>| Arc::new(KeySet { text: text.map(Str::from), failure: None });
    let mut sets = KeySets::new("unknown".into());
    sets.sets.extend([(good.clone(), set(Some("good"))), (failed.clone(), set(None))]);
    assert_eq!(&**sets.text(&good), "good");
    assert_eq!(&**sets.text(&failed), "unknown");
    assert_eq!(&**sets.text(&never), "unknown");
    assert!(sets.know([&good, &failed].into_iter()));
    assert!(!sets.know([&good, &never].into_iter()));
}

/// CVE-2026-31837: who forgets to give an unknown key has none that could be known.
#[test]
fn the_default_of_the_unknown_key_is_no_key() {
    let sets = KeySets::default();
    let unknown: serde_json::Value = serde_json::from_str(&sets.unknown).unwrap();
    assert_eq!(unknown, serde_json::json!({ "keys": [] }));
}
