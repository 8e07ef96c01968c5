use serde_json::{Value, json};

use super::super::fixture::{http, message};
use super::{check, check_query};

#[track_caller]
fn header(mut matcher: Value, headers: &[(&str, &str)], want: Result<(), &str>) {
    matcher["name"] = "x-user".into();
    let built = message("route.v3.HeaderMatcher", matcher.clone());
    let got = check(&built, &http("/", headers));
    assert_eq!(got.as_ref().copied().map_err(String::as_str), want, "{matcher} {headers:?}");
}

#[test]
fn a_header_is_compared() {
    let exact = || json!({ "string_match": { "exact": "ann" } });
    header(exact(), &[("X-User", "ann")], Ok(()));
    header(exact(), &[("x-user", "bob")], Err("header x-user is \"bob\"; wanted is \"ann\""));
    header(exact(), &[], Err("header x-user is absent"));
    header(json!({ "range_match": { "start": 1, "end": 3 } }), &[("x-user", "2")], Ok(()));
    header(
        json!({ "range_match": { "start": 1, "end": 3 } }),
        &[("x-user", "3")],
        Err("header x-user is \"3\"; wanted is a number from 1 to below 3"),
    );
}

#[test]
fn one_of_several_values_has_to_match() {
    let both = [("x-user", "ann"), ("x-user", "bob")];
    header(json!({ "string_match": { "exact": "bob" } }), &both, Ok(()));
    let why = "header x-user is \"ann\" and \"bob\"; wanted is \"ann,bob\"";
    header(json!({ "string_match": { "exact": "ann,bob" } }), &both, Err(why));
    let why = "header x-user is \"ann\" and \"bob\"; wanted is anything but \"ann\"";
    let not_ann = json!({ "string_match": { "exact": "ann" }, "invert_match": true });
    header(not_ann, &both, Err(why));
}

#[test]
fn an_inverted_match_wants_the_header() {
    let inverted = || json!({ "string_match": { "exact": "ann" }, "invert_match": true });
    header(inverted(), &[("x-user", "bob")], Ok(()));
    header(inverted(), &[], Err("header x-user is absent"));
    let mut lenient = inverted();
    lenient["treat_missing_header_as_empty"] = true.into();
    header(lenient, &[], Ok(()));
    header(
        inverted(),
        &[("x-user", "ann")],
        Err("header x-user is \"ann\"; wanted is anything but \"ann\""),
    );
}

#[test]
fn presence_is_asked_for_both_ways() {
    let absent = Err("header x-user is absent");
    let present = Err("header x-user is present, and must not be");
    header(json!({ "present_match": true }), &[("x-user", "")], Ok(()));
    header(json!({ "present_match": true }), &[], absent);
    header(json!({ "present_match": true, "invert_match": true }), &[], Ok(()));
    header(json!({ "present_match": true, "invert_match": true }), &[("x-user", "a")], present);
    header(json!({ "present_match": false }), &[], Ok(()));
    header(json!({ "present_match": false }), &[("x-user", "a")], present);
    header(json!({}), &[], absent);
}

#[test]
fn pseudo_headers_are_headers() {
    for (name, value) in [(":method", "GET"), (":authority", "web.shop"), (":path", "/a?b")] {
        let json = json!({ "name": name, "string_match": { "exact": value } });
        assert_eq!(check(&message("route.v3.HeaderMatcher", json), &http("/a?b", &[])), Ok(()));
    }
}

#[track_caller]
fn query(mut matcher: Value, path: &str, want: Result<(), &str>) {
    matcher["name"] = "v".into();
    let built = message("route.v3.QueryParameterMatcher", matcher.clone());
    let got = check_query(&built, path);
    assert_eq!(got.as_ref().copied().map_err(String::as_str), want, "{matcher} {path}");
}

#[test]
fn the_first_query_parameter_of_a_name_counts() {
    let exact = || json!({ "string_match": { "exact": "2" } });
    query(exact(), "/a?v=2", Ok(()));
    query(exact(), "/a?u=1&v=2&v=3#v=4", Ok(()));
    query(exact(), "/a?v=3&v=2", Err("query parameter v is \"3\"; wanted is \"2\""));
    query(exact(), "/a", Err("query parameter v is absent"));
    query(json!({ "present_match": true }), "/a?v", Ok(()));
    query(json!({}), "/a?vv=1", Err("query parameter v is absent"));
}
