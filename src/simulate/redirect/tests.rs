use serde_json::{Value, json};

use super::super::fixture::{http, message};
use super::{Origin, location, to_https};
use crate::proto::envoy::envoy::config::route::v3::{RedirectAction, Route};

#[track_caller]
fn check(redirect: Value, authority: &str, scheme: &str, want: (u32, &str)) {
    let mut request = http("/a/b?c=1", &[]);
    request.authority = authority.to_owned();
    let origin = Origin { http: &request, scheme, forwarded: scheme };
    let route: Route = message("route.v3.Route", json!({ "match": { "prefix": "/a" } }));
    let action: RedirectAction = message("route.v3.RedirectAction", redirect.clone());
    let got = location(&action, &route, origin).unwrap();
    assert_eq!((got.0, got.1.as_str()), want, "{redirect} {authority}");
}

#[test]
fn what_is_not_replaced_stays() {
    check(json!({}), "web:8080", "http", (301, "http://web:8080/a/b?c=1"));
    check(json!({ "host_redirect": "other" }), "web:80", "http", (301, "http://other/a/b?c=1"));
    check(
        json!({ "host_redirect": "other", "port_redirect": 81, "response_code": "FOUND" }),
        "web",
        "http",
        (302, "http://other:81/a/b?c=1"),
    );
    check(json!({ "port_redirect": 81 }), "web:8080", "http", (301, "http://web:81/a/b?c=1"));
    check(
        json!({ "scheme_redirect": "https", "response_code": "PERMANENT_REDIRECT" }),
        "web:8080",
        "http",
        (308, "https://web:8080/a/b?c=1"),
    );
}

#[test]
fn a_new_scheme_drops_the_port_of_the_old_one() {
    let https = || json!({ "https_redirect": true });
    check(https(), "web:80", "http", (301, "https://web/a/b?c=1"));
    check(https(), "web:80", "https", (301, "https://web:80/a/b?c=1"));
    let http = || json!({ "scheme_redirect": "http" });
    check(http(), "web:443", "https", (301, "http://web/a/b?c=1"));
    check(http(), "web:80", "https", (301, "http://web:80/a/b?c=1"));
}

#[test]
fn paths_are_replaced_with_or_without_their_query() {
    let path = |path: &str| json!({ "path_redirect": path });
    check(path("/x"), "web", "http", (301, "http://web/x?c=1"));
    check(path("/x?y"), "web", "http", (301, "http://web/x?y"));
    check(
        json!({ "path_redirect": "/x", "strip_query": true }),
        "web",
        "http",
        (301, "http://web/x"),
    );
    check(json!({ "strip_query": true }), "web", "http", (301, "http://web/a/b"));
    check(json!({ "prefix_rewrite": "/x" }), "web", "http", (301, "http://web/x/b?c=1"));
    check(json!({ "prefix_rewrite": "x" }), "web", "http", (301, "http://web/x/b?c=1"));
    let regex = json!({ "pattern": { "regex": "/b$" }, "substitution": "/y" });
    check(json!({ "regex_rewrite": regex }), "web", "http", (301, "http://web/a/y?c=1"));
    let own = json!({ "pattern": { "regex": "/b$" }, "substitution": "/y?z" });
    check(
        json!({ "regex_rewrite": own, "strip_query": true }),
        "web",
        "http",
        (301, "http://web/a/y"),
    );
}

#[test]
fn a_host_that_wants_tls_sends_clients_to_https() {
    let mut request = http("/a?b", &[]);
    request.authority = "web:80".to_owned();
    let origin = Origin { http: &request, scheme: "http", forwarded: "http" };
    assert_eq!(to_https(origin), "https://web:80/a?b");
}
