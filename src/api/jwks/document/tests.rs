use proptest::prelude::*;
use serde_json::json;

use super::*;

const RSA: &str = r#"{"kty":"RSA","kid":"a","n":"wQ","e":"AQAB"}"#;
const EC: &str = r#"{"kty":"EC","kid":"b","crv":"P-256","x":"wQ","y":"wQ"}"#;
const PRIVATE: &str = r#"{"kty":"EC","kid":"c","crv":"P-256","x":"wQ","y":"wQ","d":"c2VjcmV0"}"#;
const SHARED: &str = r#"{"kty":"oct","kid":"d","k":"c2VjcmV0"}"#;

fn set(keys: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

#[test]
fn sets_that_users_write() {
    for text in [r#"{"keys":[]}"#, RSA, &set(&[RSA, EC])] {
        assert_eq!(flaws(text), [], "{text}");
    }
    assert_eq!(flaws(&set(&[RSA, PRIVATE, SHARED])), [Flaw::Secret(1), Flaw::Secret(2)]);
    for (text, part) in [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "an object with a list"),
        ("{}", "index 0 has no kty"),
        (r#"{"keys":{}}"#, "must be a list"),
        (&set(&["1"]), "index 0 is no object"),
        (&set(&[RSA, r#"{"kty":"XYZ"}"#]), "index 1 is of an unknown kty"),
        (&set(&[r#"{"kty":"RSA","n":"wQ"}"#]), "has no e"),
        (&set(&[r#"{"kty":"RSA","n":"","e":"AQAB"}"#]), "has no n"),
        (&set(&[r#"{"kty":"RSA","n":"a b","e":"AQAB"}"#]), "has no n"),
        (&set(&[r#"{"kty":"EC","crv":"P-1","x":"a","y":"a"}"#]), "has no crv"),
        (&set(&[PRIVATE, r#"{"kty":"OKP","crv":"Ed25519"}"#]), "has no x"),
    ] {
        let [Flaw::Broken(why)] = &flaws(text)[..] else { panic!("{text}: {:?}", flaws(text)) };
        assert!(why.contains(part), "{text}: {why}");
    }
}

#[test]
fn a_proxy_takes_objects_with_a_list_of_keys_one_of_which_it_knows() {
    assert!(is_usable(&set(&[RSA])) && is_usable(&set(&[r#"{"kty":"new"}"#, SHARED])));
    let none = [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"new"}]}"#, r#"{"keys":{}}"#];
    for text in [RSA, "[]", "{}", "<"].into_iter().chain(none) {
        assert!(!is_usable(text), "{text}");
    }
}

#[test]
fn a_fetched_set_is_passed_on_as_it_came() {
    for text in [set(&[RSA]), format!(" {} ", set(&[EC, r#"{"kty":"new"}"#, RSA]))] {
        assert_eq!(fetched(&text).as_deref(), Ok(text.as_str()));
    }
}

/// What anybody can fetch, anybody can sign with.
#[test]
fn secrets_of_a_fetched_set_are_not_passed_on() {
    let kept = fetched(&set(&[RSA, SHARED, PRIVATE])).unwrap();
    assert!(!kept.contains("c2VjcmV0"), "{kept}");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let kinds: Vec<&Value> = kept["keys"].as_array().unwrap().iter().map(|k| &k["kid"]).collect();
    assert_eq!(kinds, ["a", "c"]);
    assert!(fetched(&set(&[SHARED])).unwrap_err().contains("no key"));
}

/// GHSA-fgw5-hp8f-xfhc: the answer of something else than an issuer does not reach proxies.
#[test]
fn what_is_no_set_is_refused() {
    for text in [
        "",
        "<html></html>",
        "{}",
        r#"{"keys":[]}"#,
        r#"{"keys":{}}"#,
        r#"{"AccessKeyId":"a"}"#,
        RSA,
        &set(&["{}"]),
        &set(&[r#"{"kty":"new"}"#]),
        &("[".repeat(100_000)),
    ] {
        let short = &text[..text.len().min(40)];
        assert!(fetched(text).is_err(), "{short}");
    }
}

#[test]
fn order_and_spacing_are_no_difference() {
    let spaced = r#" { "keys" : [ { "y":"wQ", "x":"wQ", "crv":"P-256", "kid":"b", "kty":"EC" } ,
        {"kty":"RSA","kid":"a","n":"wQ","e":"AQAB"} ], "more": 1 }"#;
    assert!(same_keys(&set(&[RSA, EC]), spaced));
    assert!(!same_keys(&set(&[RSA]), spaced));
    assert!(!same_keys(&set(&[RSA, RSA, EC]), &set(&[RSA, EC, EC])));
    assert!(same_keys("no json", "no json") && !same_keys("no json", "other"));
}

proptest! {
    /// Whatever comes back from anywhere: what is passed on is a set with a key, and tells no secret.
    #[test]
    fn what_is_passed_on_is_a_public_set(
        keys in prop::collection::vec(
            (prop::sample::select(vec!["RSA", "EC", "OKP", "oct", "x"]), any::<[bool; 6]>()),
            0..5,
        ),
    ) {
        let keys: Vec<Value> = keys.iter().map(|(kind, has)| {
            let mut key = json!({ "kty": kind, "crv": if *kind == "EC" { "P-256" } else { "Ed25519" } });
            for (member, _) in ["n", "e", "x", "y", "d", "k"].iter().zip(has).filter(|(_, has)| **has) {
                key[*member] = json!("AQAB");
            }
            key
        }).collect();
        if let Ok(text) = fetched(&json!({ "keys": keys }).to_string()) {
            let passed: Value = serde_json::from_str(&text).unwrap();
            let keys = passed["keys"].as_array().unwrap();
            prop_assert!(keys.iter().any(|key| check(key).is_ok()));
            prop_assert!(!keys.iter().any(|key| is_secret(key) || key["kty"] == "oct"));
        }
    }
}
