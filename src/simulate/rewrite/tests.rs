use serde_json::{Value, json};

use super::super::fixture::{http, message};
use super::{host, path};
use crate::proto::envoy::envoy::config::route::v3::{Route, RouteAction};

#[track_caller]
fn paths(wanted: Value, action: Value, from: &str, want: &str) {
    let route: Route = message("route.v3.Route", json!({ "match": wanted }));
    let built: RouteAction = message("route.v3.RouteAction", action.clone());
    assert_eq!(path(&built, &route, from).as_deref(), Ok(want), "{wanted} {action} {from}");
}

#[test]
fn the_matched_part_of_a_path_is_replaced() {
    let new = || json!({ "prefix_rewrite": "/x" });
    paths(json!({ "prefix": "/a" }), new(), "/a/b?c", "/x/b?c");
    paths(json!({ "prefix": "/a/" }), json!({ "prefix_rewrite": "/" }), "/a/b", "/b");
    paths(json!({ "path": "/a" }), new(), "/a?c", "/x?c");
    paths(json!({ "safe_regex": { "regex": "/a.*" } }), new(), "/abc?c", "/x?c");
    paths(json!({ "path_separated_prefix": "/a" }), new(), "/a/b", "/x/b");
    paths(json!({ "prefix": "/A", "case_sensitive": false }), new(), "/a/b", "/x/b");
    paths(json!({ "prefix": "/a" }), json!({}), "/a/b?c", "/a/b?c");
}

#[test]
fn a_regex_replaces_all_that_it_matches_with_groups() {
    let rewrite = |regex: &str, substitution: &str| json!({ "regex_rewrite": { "pattern": { "regex": regex }, "substitution": substitution } });
    let any = || json!({ "prefix": "/" });
    paths(any(), rewrite("/v(\\d)/([^/]*)", "/\\2/\\1"), "/v1/a/b?v2/c", "/a/1/b?v2/c");
    paths(any(), rewrite("a", "bb"), "/aXa", "/bbXbb");
    paths(any(), rewrite("a", "\\\\$1"), "/a", "/\\$1");
}

#[test]
fn hosts_are_rewritten_the_cluster_first() {
    let request = http("/tenant/x", &[("x-host", "by-header")]);
    let rewritten = |action: Value, cluster: Option<&str>| {
        host(&message("route.v3.RouteAction", action), cluster, &request).unwrap()
    };
    assert_eq!(rewritten(json!({}), None), "web.shop");
    assert_eq!(rewritten(json!({ "host_rewrite_literal": "new" }), None), "new");
    assert_eq!(rewritten(json!({ "host_rewrite_literal": "new" }), Some("own")), "own");
    assert_eq!(rewritten(json!({ "host_rewrite_header": "x-host" }), None), "by-header");
    assert_eq!(rewritten(json!({ "host_rewrite_header": "x-none" }), None), "web.shop");
    let regex = json!({ "pattern": { "regex": "^/([^/]+)/.*$" }, "substitution": "\\1.shop" });
    assert_eq!(rewritten(json!({ "host_rewrite_path_regex": regex }), None), "tenant.shop");
}
