use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::api::config::Config;
use crate::api::features::JwksFetcher;
use crate::api::jwks::{JwksSource, KeySet};
use crate::api::proto_json::ProtoJson;
use crate::api::security::RequestAuthentication;
use crate::api::{Labels, Meta, Str};
use crate::model::policy::attach::Workload;
use crate::model::policy::request::RequestPolicies;
use crate::model::references::HostIndex;
use crate::proto::json::{Names, to_json};

const SET: &str = r#"{"keys":[{"kty":"oct","k":"AQAB"}]}"#;

fn policies(specs: &[&str], fetcher: JwksFetcher) -> Policies {
    let objects = specs.iter().enumerate().map(|(age, spec)| {
        let value: Value = serde_yaml::from_str(spec).unwrap();
        let spec = RequestAuthentication::deserialize(ProtoJson(value)).unwrap();
        let created = Timestamp::from_second(age as i64).ok();
        let name = format!("policy-{age}").into();
        let meta = Meta { name, namespace: "shop".into(), created, ..Meta::default() };
        Arc::new(Config { meta, spec, status: () })
    });
    let objects: Vec<_> = objects.collect();
    let before = RequestPolicies::default();
    let all = RequestPolicies::new(&objects, fetcher, &HostIndex::default(), "root", &before);
    let labels = Labels::new();
    let workload = Workload { namespace: "shop", labels: &labels, selects_gateways: true };
    all.of(&workload, "root").into_iter().map(Same).collect()
}

fn of(specs: &[&str], fetcher: JwksFetcher, keys: &KeySets, kind: ProxyKind) -> Value {
    let key = Key::of(&policies(specs, fetcher), keys, kind).expect("rules");
    let built = Authentication::new(&key);
    assert_eq!(built.filter.name, "envoy.filters.http.jwt_authn");
    let Some(ConfigType::TypedConfig(config)) = built.filter.config_type else { panic!() };
    let name = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
    to_json(name, &config.value, Names::Proto).unwrap()
}

fn sidecar(specs: &[&str]) -> Value {
    of(specs, JwksFetcher::Istiod, &KeySets::new("unknown".into()), ProxyKind::Sidecar)
}

fn rule(issuer: &str, more: &str) -> String {
    format!("jwtRules: [{{issuer: {issuer}, jwks: '{SET}'{more}}}]")
}

#[test]
fn nobody_asks() {
    let keys = KeySets::default();
    let none = policies(&[], JwksFetcher::Istiod);
    assert!(Key::of(&none, &keys, ProxyKind::Sidecar).is_none());
    let without_rules = policies(&["{}"], JwksFetcher::Istiod);
    assert!(Key::of(&without_rules, &keys, ProxyKind::Sidecar).is_none());
}

#[test]
fn one_rule_with_all_that_it_can_say() {
    let more = ", audiences: [b, a], fromHeaders: [{name: x, prefix: 'Bearer '}, {name: y}], fromParams: [p], \
                fromCookies: [c], outputPayloadToHeader: h, forwardOriginalToken: true, timeout: 2s, \
                outputClaimToHeaders: [{header: x-sub, claim: sub}], spaceDelimitedClaims: [z, scope, a]";
    let content = json!({ "requires_any": { "requirements": [
        { "provider_name": "origins-0" }, { "allow_missing": {} },
    ] } });
    assert_eq!(
        sidecar(&[&rule("i", more)]),
        json!({
            "providers": { "origins-0": {
                "issuer": "i",
                "audiences": ["b", "a"],
                "forward": true,
                "from_headers": [{ "name": "x", "value_prefix": "Bearer " }, { "name": "y" }],
                "from_params": ["p"],
                "from_cookies": ["c"],
                "forward_payload_header": "h",
                "payload_in_metadata": "payload",
                "normalize_payload_in_metadata": {
                    "space_delimited_claims": ["a", "permission", "scope", "z"],
                },
                "claim_to_headers": [{ "header_name": "x-sub", "claim_name": "sub" }],
                "local_jwks": { "inline_string": SET },
            } },
            "rules": [{ "match": { "prefix": "/" }, "requires": content }],
            "bypass_cors_preflight": true,
        })
    );
}

#[test]
fn rules_of_all_policies_are_in_force_by_issuer() {
    let config =
        sidecar(&[&rule("b", ""), &rule("c", ""), &rule("a", ""), &rule("b", ", audiences: [x]")]);
    let issuer = |index: usize| {
        let provider = &config["providers"][format!("origins-{index}")];
        (provider["issuer"].clone(), provider["audiences"].clone())
    };
    let expected =
        [("a", Value::Null), ("b", Value::Null), ("b", json!(["x"])), ("c", Value::Null)];
    for (index, (name, audiences)) in expected.into_iter().enumerate() {
        assert_eq!(issuer(index), (json!(name), audiences));
    }
    let required = &config["rules"][0]["requires"]["requires_any"]["requirements"];
    let names: Vec<&Value> =
        required.as_array().unwrap()[..4].iter().map(|r| &r["provider_name"]).collect();
    assert_eq!(names, ["origins-0", "origins-1", "origins-2", "origins-3"]);
    let all = &required[4]["requires_all"]["requirements"];
    assert_eq!(all.as_array().unwrap().len(), 4);
    assert_eq!(
        all[3]["requires_any"]["requirements"],
        json!([{ "provider_name": "origins-3" }, { "allow_missing": {} }])
    );
}

/// Routes of gateways may match claims, which are only known behind the filter.
#[test]
fn gateways_choose_the_route_anew() {
    let at = |kind| of(&[&rule("i", "")], JwksFetcher::Istiod, &KeySets::default(), kind);
    let provider = |config: Value| config["providers"]["origins-0"].clone();
    assert_eq!(provider(at(ProxyKind::Sidecar))["clear_route_cache"], Value::Null);
    assert_eq!(provider(at(ProxyKind::Router))["clear_route_cache"], json!(true));
}

/// CVE-2026-31837: whatever keeps keys from being known, what stands for them is the key that nobody has.
#[test]
fn keys_that_are_not_known_are_the_unknown_key() {
    let specs = [
        "jwtRules: [{issuer: 'https://never-asked'}]",
        "jwtRules: [{issuer: 'https://failed'}]",
        "jwtRules: [{issuer: not-a-url}]",
        "jwtRules: [{issuer: a, jwks: 'not json'}]",
        "jwtRules: [{issuer: a, jwks: '{}'}]",
        "jwtRules: [{issuer: a, jwks: '{\"keys\": []}'}]",
        "jwtRules: [{issuer: a, jwksUri: 'ftp://a'}]",
        "jwtRules: [{issuer: ''}]",
    ];
    let mut keys = KeySets::new("unknown".into());
    let failed = JwksSource { issuer: "https://failed".into(), uri: Str::default() };
    keys.sets.insert(failed, Arc::new(KeySet::default()));
    for fetcher in [JwksFetcher::Istiod, JwksFetcher::Hybrid, JwksFetcher::Envoy] {
        for spec in specs {
            let config = of(&[spec], fetcher, &keys, ProxyKind::Sidecar);
            let local = &config["providers"]["origins-0"]["local_jwks"];
            assert_eq!(local["inline_string"], json!("unknown"), "{fetcher:?} {spec}");
        }
    }
}

#[test]
fn fetched_keys_belong_to_their_rule() {
    let mut keys = KeySets::new("unknown".into());
    for issuer in ["https://a", "https://c"] {
        let source = JwksSource { issuer: issuer.into(), uri: Str::default() };
        let set = KeySet { text: Some(format!("keys of {issuer}").into()), failure: None };
        keys.sets.insert(source, Arc::new(set));
    }
    let spec = format!(
        "jwtRules: [{{issuer: 'https://c'}}, {{issuer: 'https://b', jwks: '{SET}'}}, {{issuer: 'https://a'}}]"
    );
    let config = of(&[&spec], JwksFetcher::Istiod, &keys, ProxyKind::Sidecar);
    let text = |index: usize| {
        config["providers"][format!("origins-{index}")]["local_jwks"]["inline_string"].clone()
    };
    assert_eq!([text(0), text(1), text(2)], ["keys of https://a", SET, "keys of https://c"]);
}

#[test]
fn proxies_fetch_through_a_cluster() {
    let spec = "jwtRules: [{issuer: a, jwksUri: 'http://keys.shop:8080/k', timeout: 3s}, {issuer: b, jwksUri: 'https://c/'}]";
    let config = of(&[spec], JwksFetcher::Envoy, &KeySets::default(), ProxyKind::Sidecar);
    let remote =
        |index: usize| config["providers"][format!("origins-{index}")]["remote_jwks"].clone();
    assert_eq!(
        remote(0),
        json!({
            "http_uri": {
                "uri": "http://keys.shop:8080/k",
                "cluster": "outbound|8080||keys.shop",
                "timeout": "3s",
            },
            "cache_duration": "300s",
        })
    );
    assert_eq!(remote(1)["http_uri"]["cluster"], json!("outbound|443||c"));
    assert_eq!(remote(1)["http_uri"]["timeout"], json!("5s"));
}

/// The filter is built again for other keys only, not for another word about them.
#[test]
fn what_the_filter_depends_on() {
    let all = policies(&["jwtRules: [{issuer: 'https://a'}]"], JwksFetcher::Istiod);
    let source = JwksSource { issuer: "https://a".into(), uri: Str::default() };
    let text: Str = SET.into();
    let keys = |set: KeySet| {
        let mut keys = KeySets::default();
        keys.sets.insert(source.clone(), Arc::new(set));
        Key::of(&all, &keys, ProxyKind::Sidecar).unwrap()
    };
    let good = KeySet { text: Some(text), failure: None };
    let failure = crate::api::jwks::Failure {
        since: Timestamp::UNIX_EPOCH,
        why: "down".into(),
        fetched: Some(Timestamp::UNIX_EPOCH),
    };
    assert_eq!(keys(good.clone()), keys(KeySet { failure: Some(failure), ..good.clone() }));
    assert_ne!(keys(good), keys(KeySet { text: Some("{}".into()), failure: None }));
}
