use serde_json::{Value, json};

use super::super::fixture::{http, message};
use super::{Peer, choose};
use crate::proto::envoy::envoy::config::route::v3::VirtualHost;

fn host(matches: &[Value]) -> VirtualHost {
    let routes: Vec<Value> = matches.iter().map(|m| json!({ "match": m })).collect();
    message("route.v3.VirtualHost", json!({ "routes": routes }))
}

/// What the only route of a virtual host says to a request.
fn verdict(wanted: &Value, path: &str, headers: &[(&str, &str)]) -> Result<(), String> {
    let host = host(std::slice::from_ref(wanted));
    match choose(&host, &http(path, headers), Peer { certificate: false }) {
        Ok(_) => Ok(()),
        Err(passed) => Err(passed.first().unwrap().reason.clone()),
    }
}

#[track_caller]
fn paths(wanted: Value, matched: &[&str], others: &[&str]) {
    for path in matched {
        assert_eq!(verdict(&wanted, path, &[]), Ok(()), "{wanted} {path}");
    }
    for path in others {
        assert!(verdict(&wanted, path, &[]).is_err(), "{wanted} {path}");
    }
}

#[test]
fn paths_are_matched_without_their_query() {
    paths(json!({ "prefix": "/a" }), &["/a", "/a?x", "/ab", "/a/b"], &["/", "/b", "/A"]);
    paths(json!({ "path": "/a" }), &["/a", "/a?x=/b", "/a#x"], &["/a/", "/ab", "/A"]);
    paths(
        json!({ "safe_regex": { "regex": "/a/\\d+" } }),
        &["/a/12", "/a/1?x"],
        &["/a/1x", "/x/a/1"],
    );
    paths(
        json!({ "path_separated_prefix": "/a" }),
        &["/a", "/a/", "/a/b", "/a?x"],
        &["/ab", "/a.b"],
    );
}

#[test]
fn case_is_ignored_where_asked() {
    paths(json!({ "prefix": "/Ab", "case_sensitive": false }), &["/aB/c"], &["/a"]);
    paths(json!({ "path": "/Ab", "case_sensitive": false }), &["/AB"], &["/abc"]);
    paths(
        json!({ "path_separated_prefix": "/Ab", "case_sensitive": false }),
        &["/aB/c"],
        &["/abc"],
    );
}

#[track_caller]
fn refuses(mut wanted: Value, headers: &[(&str, &str)], reason: &str) {
    wanted["prefix"] = "/".into();
    assert_eq!(verdict(&wanted, "/a", headers), Err(reason.to_owned()), "{wanted}");
}

#[test]
fn everything_that_is_asked_for_must_hold() {
    let user = json!({ "name": "user", "string_match": { "exact": "ann" } });
    let agent = json!({ "name": "agent", "present_match": true });
    refuses(json!({ "headers": [user, agent] }), &[("user", "ann")], "header agent is absent");
    refuses(json!({ "query_parameters": [{ "name": "v" }] }), &[], "query parameter v is absent");
    let cookie = json!({ "name": "a", "string_match": { "exact": "1" } });
    refuses(
        json!({ "cookies": [cookie] }),
        &[("cookie", "b=1; a=2")],
        "cookie a is Some(\"2\"); wanted is \"1\"",
    );
    refuses(
        json!({ "grpc": {} }),
        &[("content-type", "application/grpcx")],
        "the request is not gRPC (content-type application/grpc)",
    );
    refuses(
        json!({ "tls_context": { "presented": true } }),
        &[],
        "it asks about the client's certificate; the client presented none",
    );
}

#[test]
fn what_is_not_simulated_does_not_match() {
    let claims = json!({
        "filter": "istio_authn", "path": [{ "key": "claims" }, { "key": "group" }],
        "value": { "string_match": { "exact": "a" } },
    });
    refuses(
        json!({ "dynamic_metadata": [claims] }),
        &[],
        "it asks for metadata of istio_authn (claims.group), which a filter sets and is not simulated",
    );
}

#[test]
fn chance_is_told() {
    let share = |n: u32| json!({ "prefix": "/", "runtime_fraction": { "default_value": { "numerator": n } } });
    assert_eq!(
        verdict(&share(0), "/", &[]),
        Err("it is switched off (0 % of requests)".to_owned())
    );
    let host = host(&[share(20)]);
    let (_, step) = choose(&host, &http("/", &[]), Peer { certificate: false }).unwrap();
    assert_eq!(step.reason, "prefix /, 20 % of requests");
}

#[test]
fn the_first_that_matches_wins_and_earlier_ones_say_why_not() {
    let config = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/web";
    let host: VirtualHost = message(
        "route.v3.VirtualHost",
        json!({ "routes": [
            { "name": "v2", "match": { "prefix": "/", "headers": [{ "name": "end-user" }] },
              "metadata": { "filter_metadata": { "istio": { "config": config } } } },
            { "match": { "prefix": "/b" } },
            { "name": "v1", "match": { "prefix": "/" } },
            { "name": "never", "match": { "path": "/a" } },
        ] }),
    );
    let (_, step) = choose(&host, &http("/a", &[]), Peer { certificate: false }).unwrap();
    assert_eq!(step.name, "2 \"v1\"");
    let passed: Vec<String> =
        step.passed_over.iter().map(|p| format!("{}: {}", p.name, p.reason)).collect();
    assert_eq!(
        passed,
        [
            "0 \"v2\" (VirtualService shop/web): header end-user is absent",
            "1: path /a; wanted is the prefix /b"
        ]
    );
}
