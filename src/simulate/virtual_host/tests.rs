use serde_json::{Value, json};

use super::super::fixture::message;
use super::{choose, without_port};
use crate::proto::envoy::envoy::config::route::v3::RouteConfiguration;

/// A configuration with a virtual host for each list of domains, named by its first.
fn config(ports: bool, lists: &[&[&str]]) -> RouteConfiguration {
    let hosts: Vec<Value> = lists
        .iter()
        .map(|domains| json!({ "name": domains.first().unwrap(), "domains": domains }))
        .collect();
    message(
        "route.v3.RouteConfiguration",
        json!({ "virtual_hosts": hosts, "ignore_port_in_host_matching": ports }),
    )
}

#[track_caller]
fn check(config: &RouteConfiguration, host: &str, want: &str) {
    let got = choose(config, host).map_or(String::new(), |(chosen, _)| chosen.name.clone());
    assert_eq!(got, want, "{host}");
}

#[test]
fn exact_then_suffix_then_prefix_then_any() {
    let config = config(
        false,
        &[
            &["*"],
            &["web.*"],
            &["web.shop.*"],
            &["*.com"],
            &["*.shop.com"],
            &["*-eu.shop.com"],
            &["web.shop.com"],
        ],
    );
    check(&config, "web.shop.com", "web.shop.com");
    check(&config, "WEB.Shop.com", "web.shop.com");
    check(&config, "api-eu.shop.com", "*-eu.shop.com");
    check(&config, "api.shop.com", "*.shop.com");
    check(&config, "web.shop.example.com", "*.com");
    check(&config, "web.shop.org", "web.shop.*");
    check(&config, "web.org", "web.*");
    check(&config, "other", "*");
}

#[test]
fn a_wildcard_stands_for_something() {
    let config = config(false, &[&["*.shop"], &["web.*"]]);
    check(&config, ".shop", "");
    check(&config, "web.", "");
    check(&config, "a.shop", "*.shop");
}

#[test]
fn ports_count_unless_they_are_ignored() {
    let strict = config(false, &[&["web"], &["web:8080"]]);
    check(&strict, "web:8080", "web:8080");
    check(&strict, "web:9090", "");
    let lenient = config(true, &[&["web"], &["[::1]"]]);
    check(&lenient, "web:9090", "web");
    check(&lenient, "[::1]:80", "[::1]");
}

#[test]
fn ports_are_told_from_addresses() {
    for (authority, want) in [
        ("web", "web"),
        ("web:80", "web"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("::1", "::1"),
        ("web:", "web:"),
    ] {
        assert_eq!(without_port(authority), want, "{authority}");
    }
}

#[test]
fn why_others_are_not_meant_is_told() {
    let config = config(false, &[&["*"], &["*.shop"], &["web.shop", "web"]]);
    let (_, step) = choose(&config, "web.shop").unwrap();
    let reasons: Vec<&str> = step.passed_over.iter().map(|p| p.reason.as_str()).collect();
    assert_eq!(reasons, ["its domain * is less specific", "its domain *.shop is less specific"]);
    let (_, step) = choose(&config, "cart").unwrap();
    assert!(step.passed_over.iter().any(|p| p.reason == "its domains are web.shop, web"));
    let nothing = message("route.v3.RouteConfiguration", json!({}));
    assert_eq!(choose(&nothing, "a").unwrap_err(), []);
}
