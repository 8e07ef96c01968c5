use serde_json::{Value, json};

use super::*;
use crate::proto::json::from_json;
use prost::Message;

#[track_caller]
fn check(matcher: Value, matched: &[&str], others: &[&str]) {
    let bytes = from_json("envoy.type.matcher.v3.StringMatcher", &matcher).unwrap();
    let built = StringMatcher::decode(bytes).unwrap();
    for (text, want) in
        matched.iter().map(|t| (t, true)).chain(others.iter().map(|text| (text, false)))
    {
        assert_eq!(holds(&built, text), Ok(want), "{matcher} {text}");
    }
}

#[test]
fn strings_are_matched_as_they_say() {
    check(json!({ "exact": "ab" }), &["ab"], &["AB", "abc", ""]);
    check(json!({ "exact": "aB", "ignore_case": true }), &["ab", "AB"], &["abc"]);
    check(json!({ "prefix": "ab" }), &["ab", "abc"], &["cab"]);
    check(json!({ "suffix": "ab" }), &["ab", "cab"], &["abc"]);
    check(json!({ "contains": "B", "ignore_case": true }), &["abc"], &["ac"]);
    check(json!({}), &[], &["", "a"]);
}

#[test]
fn a_regex_matches_the_whole_text() {
    check(json!({ "safe_regex": { "regex": "a|b+" } }), &["a", "bb"], &["ab", "ba", "a\n"]);
    check(json!({ "safe_regex": { "regex": "(?i)ab" } }), &["AB"], &["xab"]);
}

#[test]
fn what_is_no_regex_or_too_large_is_told() {
    for pattern in ["(", "(a{1000}){1000}"] {
        let error = full_match(pattern, "").unwrap_err();
        assert!(error.starts_with(&format!("the regex {pattern:?}: ")), "{error}");
    }
}

#[test]
fn fractions_are_percentages() {
    for (json, want) in [
        (json!({ "numerator": 25 }), 25.0),
        (json!({ "numerator": 250, "denominator": "TEN_THOUSAND" }), 2.5),
        (json!({ "numerator": 1, "denominator": "MILLION" }), 0.0001),
        (json!({ "numerator": 300 }), 100.0),
    ] {
        let bytes = from_json("envoy.type.v3.FractionalPercent", &json).unwrap();
        let fraction = FractionalPercent::decode(bytes).unwrap();
        assert!((percent(Some(&fraction)) - want).abs() < 1e-9, "{json}");
    }
    assert_eq!(runtime_percent(None), 100.0);
}
