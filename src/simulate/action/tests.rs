use serde_json::{Value, json};

use super::super::explanation::Outcome;
use super::super::fixture::{gateway, get};
use super::super::{Explanation, StepKind, explain};

/// What a virtual host for everything with this one route does with `GET http://web.shop/a`.
fn route(mut route: Value, headers: &[(&str, &str)]) -> Explanation {
    route["match"] = json!({ "prefix": "/" });
    host(json!({ "name": "all", "domains": ["*"], "routes": [route] }), headers)
}

fn host(host: Value, headers: &[(&str, &str)]) -> Explanation {
    let request = headers
        .iter()
        .fold(get("web.shop", "/a"), |request, (name, value)| request.header(name, value));
    explain(&gateway(json!([host])), &request)
}

fn forwarded() -> Outcome {
    Outcome::Forwarded { path: Some("/a".to_owned()) }
}

#[track_caller]
fn nowhere(explanation: &Explanation, status: u32, reason: &str) {
    assert_eq!(explanation.outcome, Outcome::failed(status, reason));
    assert!(!explanation.is_reached());
}

#[test]
fn weights_become_shares_and_none_is_no_target() {
    let clusters = json!([
        { "name": "web", "weight": 3, "host_rewrite_literal": "own" },
        { "name": "empty", "weight": 1 },
        { "name": "unused", "weight": 0 },
    ]);
    let got = route(json!({ "route": { "weighted_clusters": { "clusters": clusters } } }), &[]);
    assert_eq!(got.clusters(), [("web", 75.0), ("empty", 25.0)]);
    assert_eq!(got.outcome, forwarded());
    let [web, empty] = got.backends.as_slice() else { panic!("{got:?}") };
    assert_eq!((web.host.as_deref(), web.flaw.as_deref()), (Some("own"), None));
    assert_eq!(empty.host.as_deref(), Some("web.shop"));
    assert_eq!(empty.flaw.as_deref(), Some("the cluster has no endpoints"));
}

#[test]
fn a_header_may_name_the_cluster() {
    let by_header = || json!({ "route": { "cluster_header": "x-cluster" } });
    assert_eq!(route(by_header(), &[("x-cluster", "web")]).clusters(), [("web", 100.0)]);
    nowhere(&route(by_header(), &[]), 503, "header x-cluster, which names the cluster, is absent");
}

#[test]
fn what_is_missing_has_its_status() {
    let to = |cluster: &str, code: &str| json!({ "route": { "cluster": cluster, "cluster_not_found_response_code": code } });
    let default = "SERVICE_UNAVAILABLE";
    nowhere(&route(to("gone", default), &[]), 503, "there is no cluster gone");
    nowhere(&route(to("gone", "NOT_FOUND"), &[]), 404, "there is no cluster gone");
    nowhere(&route(to("gone", "INTERNAL_SERVER_ERROR"), &[]), 500, "there is no cluster gone");
    nowhere(&route(to("empty", "NOT_FOUND"), &[]), 503, "the cluster has no endpoints");
}

#[test]
fn a_proxy_may_answer_itself() {
    let answer = || json!({ "status": 418, "body": { "inline_string": "tea" } });
    let got = route(json!({ "direct_response": answer() }), &[]);
    assert_eq!(got.outcome, Outcome::Answered { status: 418, body: "tea".to_owned() });
    // Where Istio answers because nothing is there, nothing is.
    let routes = json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 502 } }]);
    let got = host(json!({ "name": "block_all", "domains": ["*"], "routes": routes }), &[]);
    nowhere(&got, 502, "no virtual host has a domain for \"web.shop\"");
}

#[test]
fn a_host_may_want_tls() {
    let got = host(json!({ "name": "a", "domains": ["*"], "require_tls": "ALL" }), &[]);
    let location = "https://web.shop/a".to_owned();
    assert_eq!(got.outcome, Outcome::Redirected { status: 301, location });
}

#[test]
fn policies_are_told() {
    let got = route(
        json!({ "route": {
            "cluster": "web",
            "timeout": "1.5s",
            "retry_policy": { "retry_on": "5xx,reset", "num_retries": 3, "per_try_timeout": "1s",
                              "retriable_status_codes": [409] },
            "request_mirror_policies": [
                { "cluster": "shadow", "runtime_fraction": { "default_value": { "numerator": 5 } } },
            ],
        } }),
        &[],
    );
    let want = [
        "timeout 1.5s",
        "retries up to 3 times, 1s each on 5xx, reset, 409",
        "mirrors 5 % of requests to shadow",
    ];
    assert_eq!(got.step(StepKind::Route).unwrap().facts, want);
}

fn with_fault(fault: Value) -> Value {
    let mut config = fault;
    config["@type"] = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault".into();
    json!({
        "route": { "cluster": "web", "timeout": "0s" },
        "typed_per_filter_config": { "envoy.filters.http.fault": config },
    })
}

#[test]
fn faults_end_requests_or_are_told() {
    let abort = |n: u32| json!({ "http_status": 503, "percentage": { "numerator": n } });
    let got = route(with_fault(json!({ "abort": abort(100) })), &[]);
    assert!(matches!(got.outcome, Outcome::Answered { status: 503, .. }), "{:?}", got.outcome);
    let delay = json!({ "fixed_delay": "2s", "percentage": { "numerator": 10 } });
    let got = route(with_fault(json!({ "abort": abort(20), "delay": delay })), &[]);
    assert_eq!(got.outcome, forwarded());
    let want = [
        "fault injection delays 10 % of requests by 2s",
        "fault injection aborts 20 % of requests with 503",
    ];
    assert_eq!(got.step(StepKind::Route).unwrap().facts, want);
    let only = json!([{ "name": "x-test", "present_match": true }]);
    let got = route(with_fault(json!({ "abort": abort(100), "headers": only })), &[]);
    assert_eq!(got.outcome, forwarded());
}

#[test]
fn cors_answers_preflights_of_its_origins() {
    let cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";
    let policy = json!({
        "@type": cors, "allow_origin_string_match": [{ "exact": "https://shop" }],
        "forward_not_matching_preflights": true,
    });
    let routes = json!([{
        "match": { "prefix": "/" },
        "route": { "cluster": "web", "timeout": "0s" },
        "typed_per_filter_config": { "envoy.filters.http.cors": policy },
    }]);
    let served = gateway(json!([{ "name": "all", "domains": ["*"], "routes": routes }]));
    let preflight = |origin: &str| {
        let mut request = get("web.shop", "/a")
            .header("origin", origin)
            .header("access-control-request-method", "PUT");
        if let super::super::Payload::Http(http) = &mut request.payload {
            http.method = "OPTIONS".to_owned();
        }
        explain(&served, &request).outcome
    };
    let answered = Outcome::Answered { status: 200, body: String::new() };
    assert_eq!(preflight("https://shop"), answered);
    assert_eq!(preflight("https://other"), forwarded());
}
