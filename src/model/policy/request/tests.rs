use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::api::jwks::{Failure, JwksSource, KeySet};
use crate::api::proto_json::ProtoJson;
use crate::api::{Labels, Meta};

const ROOT: &str = "istio-system";

/// An object `NAME.NAMESPACE` with this spec.
fn object(name: &str, spec: &str) -> Object {
    let (name, namespace) = name.split_once('.').unwrap();
    let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
    let value: serde_json::Value = serde_yaml::from_str(spec).unwrap();
    let spec = RequestAuthentication::deserialize(ProtoJson(value)).unwrap();
    Arc::new(Config { meta, spec, status: () })
}

fn policies(objects: &[Object], fetcher: JwksFetcher) -> RequestPolicies {
    let before = RequestPolicies::default();
    RequestPolicies::new(objects, fetcher, &HostIndex::default(), ROOT, &before)
}

fn names(policies: &RequestPolicies, namespace: &str, labels: &[(&str, &str)]) -> Vec<String> {
    let labels: Labels = labels.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect();
    let workload = Workload { namespace, labels: &labels, selects_gateways: true };
    policies.of(&workload, ROOT).iter().map(|p| p.config.meta.name.to_string()).collect()
}

fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn all_that_apply_are_in_force_those_of_the_own_namespace_first() {
    let policies = policies(
        &[
            object("mesh.istio-system", "jwtRules: [{issuer: a, jwks: '{\"keys\":[]}'}]"),
            object("all.shop", "{}"),
            object("web.shop", "selector: {matchLabels: {app: web}}"),
            object("labelled.istio-system", "selector: {matchLabels: {app: web}}"),
            object("other.bank", "{}"),
        ],
        JwksFetcher::Istiod,
    );
    assert_eq!(names(&policies, "shop", &[("app", "web")]), ["all", "web", "mesh", "labelled"]);
    assert_eq!(names(&policies, "shop", &[("app", "db")]), ["all", "mesh"]);
    assert_eq!(names(&policies, "empty", &[]), ["mesh"]);
    assert_eq!(names(&policies, ROOT, &[("app", "web")]), ["mesh", "labelled"]);
}

#[test]
fn where_keys_come_from() {
    let set = r#"{"keys":[{"kty":"oct","k":"AQAB"}]}"#;
    let spec = format!(
        "jwtRules: [{{issuer: a, jwks: '{set}'}}, {{issuer: a, jwksUri: 'https://b/c', jwks: '{set}'}}, \
         {{issuer: 'https://a', timeout: 2s}}, {{issuer: a, jwksUri: 'https://b/c'}}, {{issuer: a}}, \
         {{issuer: a, jwksUri: 'ftp://b'}}, {{issuer: a, jwks: 'x'}}]"
    );
    let keys = |fetcher| {
        let policies = policies(&[object("a.shop", &spec)], fetcher);
        let keys = policies.by_namespace["shop"][0].keys.clone();
        (keys, policies)
    };
    let fetched = |issuer: &str, uri: &str| {
        KeysFrom::Fetched(JwksSource { issuer: issuer.into(), uri: uri.into() })
    };
    let (keys_of_istiod, policies) = keys(JwksFetcher::Istiod);
    let [inline, both, asked, named, nobody, wrong, broken] = &keys_of_istiod[..] else { panic!() };
    assert_eq!(*inline, KeysFrom::Inline(set.into()));
    assert_eq!(*both, KeysFrom::Inline(set.into()), "what is written needs no fetching");
    assert_eq!(*asked, fetched("https://a", ""));
    assert_eq!(*named, fetched("a", "https://b/c"));
    for nowhere in [nobody, wrong, broken] {
        assert!(matches!(nowhere, KeysFrom::Nowhere(_)), "{nowhere:?}");
    }
    let seconds = |n| Duration::from_secs(n);
    let source = |issuer: &str, uri: &str| JwksSource { issuer: issuer.into(), uri: uri.into() };
    let wanted = [(source("a", "https://b/c"), seconds(5)), (source("https://a", ""), seconds(2))];
    assert_eq!(*policies.wanted, Wanted::from(wanted));

    let (keys_of_envoy, _) = keys(JwksFetcher::Envoy);
    let cluster =
        |keys: &KeysFrom| matches!(keys, KeysFrom::Cluster { exists: false, port: 443, .. });
    assert!(cluster(&keys_of_envoy[1]) && cluster(&keys_of_envoy[3]), "{keys_of_envoy:?}");
    assert_eq!(keys_of_envoy[2], fetched("https://a", ""), "only the control plane asks issuers");

    let (keys_of_hybrid, _) = keys(JwksFetcher::Hybrid);
    assert_eq!(
        keys_of_hybrid[1],
        fetched("a", "https://b/c"),
        "a URL counts more than what is written"
    );
    assert_eq!(keys_of_hybrid[3], fetched("a", "https://b/c"));
}

#[test]
fn what_is_made_from_the_same_object_is_kept() {
    let (a, b) = (object("a.shop", "jwtRules: [{issuer: 'https://a'}]"), object("b.shop", "{}"));
    let first = policies(&[a.clone(), b], JwksFetcher::Istiod);
    let hosts = HostIndex::default();
    let b = object("b.shop", "jwtRules: [{issuer: x}]");
    let second = RequestPolicies::new(&[a, b], JwksFetcher::Istiod, &hosts, ROOT, &first);
    let at =
        |policies: &RequestPolicies, index: usize| policies.by_namespace["shop"][index].clone();
    assert!(Arc::ptr_eq(&at(&first, 0), &at(&second, 0)));
    assert!(!Arc::ptr_eq(&at(&first, 1), &at(&second, 1)));
    assert!(Arc::ptr_eq(&first.wanted, &second.wanted));
}

#[test]
fn an_issuer_that_cannot_be_asked_is_told() {
    let spec = "jwtRules: [{issuer: example.com}, {issuer: 'https://a'}]";
    let policies = policies(&[object("a.shop", spec)], JwksFetcher::Istiod);
    assert_eq!(
        told(&policies.diagnostics),
        [
            "error: RequestAuthentication shop/a: spec.jwtRules[0].issuer: no token of this issuer is accepted: the \
             issuer \"example.com\" is no http or https URL that could be asked for its keys: give jwksUri or jwks"
        ]
    );
}

#[test]
fn a_host_that_proxies_cannot_reach_is_told() {
    let spec = "jwtRules: [{issuer: a, jwksUri: 'https://keys.example.com/'}]";
    let policies = policies(&[object("a.shop", spec)], JwksFetcher::Envoy);
    let [said] = &told(&policies.diagnostics)[..] else { panic!("{:?}", policies.diagnostics) };
    assert!(
        said.contains("jwtRules[0].jwksUri") && said.contains("host keys.example.com"),
        "{said}"
    );
}

/// Both are told, in whatever namespaces they are, unless no workload has both.
#[test]
fn other_keys_for_one_issuer_are_told() {
    let rule = |key: &str| {
        let set = json!({ "keys": [{ "kty": "oct", "k": key }] });
        format!("jwtRules: [{{issuer: a, jwks: '{set}'}}]")
    };
    let selecting = |app: &str, key: &str| {
        format!("{{selector: {{matchLabels: {{app: {app}}}}}, {}}}", rule(key))
    };
    let rivals = |objects: &[Object]| {
        let policies = policies(objects, JwksFetcher::Istiod);
        let rivals = policies.diagnostics.iter().map(|d| d.object.clone().unwrap().name);
        rivals.map(|name| name.to_string()).collect::<Vec<_>>()
    };
    let (one, two) = (object("one.shop", &rule("AAAA")), object("two.shop", &rule("BBBB")));
    assert_eq!(rivals(&[one.clone(), two.clone()]), ["one", "two"]);
    assert_eq!(rivals(&[one.clone(), object("mesh.istio-system", &rule("BBBB"))]), ["mesh", "one"]);
    assert_eq!(rivals(&[one.clone(), object("same.shop", &rule("AAAA"))]), [""; 0]);
    assert_eq!(rivals(&[one.clone(), object("two.bank", &rule("BBBB"))]), [""; 0]);
    let (web, db) = (
        object("web.shop", &selecting("web", "AAAA")),
        object("db.shop", &selecting("db", "BBBB")),
    );
    assert_eq!(rivals(&[web.clone(), db.clone()]), [""; 0]);
    assert_eq!(rivals(&[web, db, one]), ["db", "one"], "one has the keys of web");
}

#[test]
fn keys_that_cannot_be_fetched_are_told() {
    let spec = "jwtRules: [{issuer: 'https://a'}, {issuer: b, jwksUri: 'https://c/d'}, {issuer: 'https://good'}]";
    let policies = policies(&[object("a.shop", spec)], JwksFetcher::Istiod);
    let time = |text: &str| -> Timestamp { text.parse().unwrap() };
    let mut keys = KeySets::default();
    let failed = |text: Option<&str>, fetched: Option<&str>| KeySet {
        text: text.map(Str::from),
        failure: Some(Failure {
            since: time("2026-11-21T20:00:00.5Z"),
            why: "it is down".into(),
            fetched: fetched.map(time),
        }),
    };
    let source = |issuer: &str, uri: &str| JwksSource { issuer: issuer.into(), uri: uri.into() };
    assert_eq!(told(&policies.of_keys(&keys)), [""; 0], "nobody was asked yet");
    keys.sets.insert(source("https://a", ""), Arc::new(failed(None, None)));
    let fetched = Some("2026-11-21T10:00:00Z");
    keys.sets.insert(source("b", "https://c/d"), Arc::new(failed(Some("{}"), fetched)));
    keys.sets.insert(
        source("https://good", ""),
        Arc::new(KeySet { text: Some("{}".into()), failure: None }),
    );
    assert_eq!(
        told(&policies.of_keys(&keys)),
        [
            "error: RequestAuthentication shop/a: spec.jwtRules[0].issuer: no token of this issuer is accepted: keys \
             cannot be fetched since 2026-11-21T20:00:00Z: it is down",
            "warning: RequestAuthentication shop/a: spec.jwtRules[1].jwksUri: keys cannot be fetched since \
             2026-11-21T20:00:00Z: it is down; those of 2026-11-21T10:00:00Z are used meanwhile",
        ]
    );
}
