use std::sync::Arc;

use serde_json::json;

use super::{Client, MergedRule, Rules};
use crate::api::config::Config;
use crate::api::networking::DestinationRule;
use crate::api::proto_json::ProtoJson;
use crate::api::{Features, Labels, MeshConfig, Meta, Str};
use crate::model::ServiceKey;
use serde::Deserialize;

type Source = Arc<Config<DestinationRule>>;

/// The rule `NAME.NAMESPACE`, whose spec is this JSON beside its host.
fn rule(name: &str, host: &str, spec: serde_json::Value) -> Source {
    let (name, namespace) = name.split_once('.').unwrap();
    let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
    let mut spec = DestinationRule::deserialize(ProtoJson(spec)).unwrap();
    spec.host = host.into();
    Arc::new(Config { meta, spec, status: () })
}

fn rules(sources: &[Source]) -> Rules {
    rules_with(sources, &MeshConfig::default(), &Features::default())
}

fn rules_with(sources: &[Source], mesh: &MeshConfig, features: &Features) -> Rules {
    Rules::new(sources, mesh, "cluster.local", features, &Rules::default())
}

/// The names of the sources of the rule that a client in `namespace` with the label `app` follows.
fn found(rules: &Rules, client: (&str, &str), service: &str) -> Vec<String> {
    let labels = Labels::from([("app".into(), client.1.into())]);
    let client = Client { namespace: client.0, labels: &labels };
    let names =
        |rule: &Arc<MergedRule>| rule.sources.iter().map(|s| s.meta.name.to_string()).collect();
    rules.find(client, &key(service)).map(names).unwrap_or_default()
}

fn key(service: &str) -> ServiceKey {
    let (hostname, namespace) = service.split_once('@').unwrap();
    ServiceKey { hostname: hostname.into(), namespace: namespace.into() }
}

const WEB: &str = "web.apps.svc.cluster.local@apps";

#[test]
fn the_nearest_namespace_and_the_most_specific_host_win() {
    let check = |sources: &[(&str, &str, &[&str])], client: &str, want: &[&str]| {
        let sources: Vec<_> =
            sources.iter().map(|(n, h, to)| rule(n, h, json!({ "exportTo": to }))).collect();
        assert_eq!(found(&rules(&sources), (client, ""), WEB), want, "{client}");
    };
    let own = ("own.client", "web.apps.svc.cluster.local", &[][..]);
    let service = ("service.apps", "web", &[][..]);
    let root = ("root.istio-system", "*.local", &[][..]);
    check(&[own, service, root], "client", &["own"]);
    check(&[own, service, root], "other", &["service"]);
    check(&[own, root], "other", &["root"]);
    check(&[own], "other", &[]);
    // The root namespace's own clients, too, follow what the service's namespace exports.
    check(&[service, root], "istio-system", &["service"]);
    check(&[service, ("root.istio-system", "*", &["."])], "istio-system", &["root"]);
    check(&[("root.istio-system", "*", &["."])], "client", &[]);
    // Hosts: short names are of the own namespace; the longest wildcard wins, a full name over all.
    check(&[("short.client", "web", &[])], "client", &[]);
    let wide = ("wide.apps", "*", &[][..]);
    let narrow = ("narrow.apps", "*.apps.svc.cluster.local", &[][..]);
    check(&[wide, narrow], "client", &["narrow"]);
    check(&[wide, narrow, service], "client", &["service"]);
    check(&[wide], "client", &["wide"]);
    // Visibility counts after the host: what one must not see hides what is less specific.
    check(&[("hidden.apps", "web", &["friend"]), wide], "client", &[]);
    check(&[("hidden.apps", "web", &["friend"]), wide], "friend", &["hidden"]);
    check(&[("hidden.apps", "web", &["friend"]), root], "client", &["root"]);
    check(&[("private.apps", "web", &["."]), wide], "client", &["wide"]);
    check(&[("private.apps", "web", &["."]), wide], "apps", &["private"]);
    check(&[("nobodys.apps", "web", &["~"])], "apps", &[]);
    // A rule that is for others only does not count in its own namespace.
    check(&[("theirs.apps", "web", &["client"]), root], "apps", &["root"]);
}

#[test]
fn wildcard_services_are_covered_by_the_same_or_a_wider_wildcard() {
    let check = |host: &str, want: &[&str]| {
        let rules = rules(&[rule("a.apps", host, json!({}))]);
        assert_eq!(found(&rules, ("client", ""), "*.example.com@apps"), want, "{host}");
    };
    check("*.example.com", &["a"]);
    check("*.com", &["a"]);
    check("*", &["a"]);
    check("*.www.example.com", &[]);
    check("www.example.com", &[]);
}

#[test]
fn the_mesh_may_keep_rules_private_by_default() {
    let check = |default: &str, client: &str, want: &[&str]| {
        let mesh = MeshConfig {
            default_destination_rule_export_to: vec![default.into()],
            ..MeshConfig::default()
        };
        let rules = rules_with(&[rule("a.apps", "web", json!({}))], &mesh, &Features::default());
        assert_eq!(found(&rules, (client, ""), WEB), want, "{default} {client}");
    };
    check("*", "client", &["a"]);
    check(".", "client", &[]);
    check(".", "apps", &["a"]);
    check("elsewhere", "client", &["a"]);
}

#[test]
fn a_selector_is_for_workloads_of_its_own_namespace() {
    let selector = json!({ "workloadSelector": { "matchLabels": { "app": "curl" } } });
    let sources = [rule("some.apps", "web", selector.clone()), rule("all.apps", "web", json!({}))];
    let rules_of = |n: usize| rules(&sources[..n]);
    assert_eq!(found(&rules_of(2), ("apps", "curl"), WEB), ["some"]);
    assert_eq!(found(&rules_of(2), ("apps", "other"), WEB), ["all"]);
    assert_eq!(found(&rules_of(2), ("client", "curl"), WEB), ["all"]);
    assert_eq!(found(&rules_of(1), ("apps", "other"), WEB), Vec::<String>::new());
    let keys: Vec<Str> = rules_of(1).label_keys().iter().cloned().collect();
    assert_eq!(keys, ["app".into()]);
    // Servers have nothing to select.
    let inbound = |n: usize| rules_of(n).find_inbound("apps", &key(WEB)).cloned();
    assert_eq!(&*inbound(2).unwrap().sources[0].meta.name, "all");
    assert_eq!(inbound(1), None);
}

#[test]
fn rules_of_one_visibility_merge() {
    let subset = |name: &str, version: &str| json!({ "name": name, "labels": { "v": version } });
    let first =
        rule("first.apps", "web", json!({ "subsets": [subset("a", "1"), subset("b", "1")] }));
    let second = rule(
        "second.apps",
        "web.apps.svc.cluster.local",
        json!({ "subsets": [subset("b", "2"), subset("c", "2")],
            "trafficPolicy": { "tls": { "mode": "SIMPLE" } } }),
    );
    let third =
        rule("third.apps", "web", json!({ "trafficPolicy": { "tls": { "mode": "DISABLE" } } }));
    let rules = rules(&[first, second, third]);
    assert_eq!(found(&rules, ("client", ""), WEB), ["first", "second", "third"]);
    let labels = Labels::default();
    let merged = rules.find(Client { namespace: "apps", labels: &labels }, &key(WEB)).unwrap();
    let subsets: Vec<_> = merged.spec.subsets.iter().map(|s| (&*s.name, &*s.labels["v"])).collect();
    assert_eq!(subsets, [("a", "1"), ("b", "1"), ("c", "2")]);
    assert_eq!(merged.policy(80, None).tls.unwrap().mode.name(), "SIMPLE");
    let told: Vec<_> = rules
        .diagnostics
        .iter()
        .map(|d| (d.object.as_ref().unwrap().name.to_string(), d.path.clone()))
        .collect();
    let want = [
        ("first", "spec"),
        ("second", "spec"),
        ("second", "spec.subsets[0]"),
        ("third", "spec.trafficPolicy"),
    ];
    let mut told: Vec<_> = told.iter().map(|(name, path)| (&**name, &**path)).collect();
    told.sort();
    assert_eq!(told, want);
}

#[test]
fn rules_of_different_visibility_stay_apart() {
    let check = |exports: [&[&str]; 2], by_visibility: bool, client: &str, want: &[&str]| {
        let sources = [("a.apps", exports[0]), ("b.apps", exports[1])]
            .map(|(name, to)| rule(name, "web", json!({ "exportTo": to })));
        let features = Features { merge_rules_by_visibility: by_visibility, ..Features::default() };
        let rules = rules_with(&sources, &MeshConfig::default(), &features);
        assert_eq!(found(&rules, (client, ""), WEB), want, "{exports:?} {client}");
    };
    check([&["x", "y"], &["y", "x"]], true, "x", &["a", "b"]);
    // The last one that is seen counts.
    check([&[], &["*"]], true, "client", &["b"]);
    check([&["*"], &["x"]], true, "x", &["b"]);
    check([&["*"], &["x"]], true, "client", &["a"]);
    // One that is seen by more is merged into one that is seen by fewer.
    check([&["x"], &["x", "y"]], true, "x", &["a", "b"]);
    check([&["x"], &["x", "y"]], true, "y", &[]);
    check([&[], &["*"]], false, "client", &["a", "b"]);
    check([&["x"], &["y"]], false, "x", &["a", "b"]);
}

#[test]
fn who_loses_against_another_visibility_is_told_and_who_wins_too() {
    let told = |exports: [&[&str]; 2]| {
        let sources = [("a.apps", exports[0]), ("b.apps", exports[1])]
            .map(|(name, to)| rule(name, "web", json!({ "exportTo": to })));
        let diagnostics = rules(&sources).diagnostics;
        let told = diagnostics
            .iter()
            .map(|d| format!("{} {}", d.severity, d.object.as_ref().unwrap().name));
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    };
    assert_eq!(told([&[], &["*"]]), ["error a", "warning b"]);
    assert_eq!(told([&["x"], &["x", "y"]]), ["error b", "warning a"]);
    assert_eq!(told([&["x"], &["y"]]), Vec::<String>::new());
    assert_eq!(told([&[], &[]]), Vec::<String>::new());
}

#[test]
fn a_merged_rule_is_kept_while_its_sources_are() {
    let (a, b) = (rule("a.apps", "web", json!({})), rule("b.apps", "web", json!({})));
    let other = rule("c.apps", "other", json!({}));
    let labels = Labels::default();
    let client = Client { namespace: "apps", labels: &labels };
    let next = |sources: &[Source], before: &Rules| {
        Rules::new(sources, &MeshConfig::default(), "cluster.local", &Features::default(), before)
    };
    let before = next(&[a.clone(), b.clone()], &Rules::default());
    let after = next(&[a.clone(), b.clone(), other.clone()], &before);
    let of = |rules: &Rules| rules.find(client, &key(WEB)).unwrap().clone();
    assert!(Arc::ptr_eq(&of(&before), &of(&after)));
    let mesh = MeshConfig {
        default_destination_rule_export_to: vec![".".into()],
        ..MeshConfig::default()
    };
    let private = Rules::new(&[a.clone(), b], &mesh, "cluster.local", &Features::default(), &after);
    assert!(!Arc::ptr_eq(&of(&after), &of(&private)));
    let changed = next(&[a, rule("b.apps", "web", json!({})), other], &after);
    assert!(!Arc::ptr_eq(&of(&after), &of(&changed)));
    // Clients of other namespaces follow the same one.
    let elsewhere = Client { namespace: "client", labels: &labels };
    assert!(Arc::ptr_eq(changed.find(elsewhere, &key(WEB)).unwrap(), &of(&changed)));
}

#[test]
fn ports_replace_and_subsets_overlay() {
    let source = rule(
        "a.apps",
        "web",
        json!({
            "trafficPolicy": {
                "tls": { "mode": "SIMPLE" },
                "connectionPool": { "tcp": { "maxConnections": 1 } },
                "proxyProtocol": { "version": "V2" },
                "portLevelSettings": [
                    { "port": { "number": 81 }, "connectionPool": { "tcp": { "maxConnections": 2 } } },
                    { "port": { "number": 82 } },
                ],
            },
            "subsets": [
                { "name": "none" },
                { "name": "some", "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 3 } } } },
                { "name": "port", "trafficPolicy": {
                    "connectionPool": { "tcp": { "maxConnections": 4 } },
                    "portLevelSettings": [ { "port": { "number": 80 }, "loadBalancer": { "simple": "RANDOM" } } ] } },
            ],
        }),
    );
    let rules = rules(&[source]);
    let merged = rules.find_inbound("apps", &key(WEB)).unwrap();
    let check = |port, subset, tls: bool, connections, proxy_protocol: bool| {
        let got = merged.policy(port, subset);
        let limit = got.connection_pool.map(|p| p.tcp.as_ref().unwrap().max_connections);
        let want = (tls, connections, proxy_protocol);
        let got = (got.tls.is_some(), limit, got.proxy_protocol.is_some());
        assert_eq!(got, want, "{port} {subset:?}");
    };
    check(80, None, true, Some(1), true);
    check(81, None, false, Some(2), false);
    check(82, None, false, None, false);
    check(80, Some("none"), true, Some(1), true);
    check(80, Some("missing"), true, Some(1), true);
    check(80, Some("some"), true, Some(3), true);
    check(81, Some("some"), false, Some(3), false);
    check(80, Some("port"), false, None, true);
    check(82, Some("port"), false, Some(4), false);
    assert!(merged.policy(80, Some("port")).load_balancer.is_some());
}

#[test]
fn connections_follow_settings_of_all_ports() {
    let source = rule(
        "a.apps",
        "web",
        json!({
            "trafficPolicy": {
                "loadBalancer": { "consistentHash": { "useSourceIp": true } },
                "connectionPool": { "tcp": { "idleTimeout": "5m", "maxConnectionDuration": "1h" } },
                "tunnel": { "targetHost": "a", "targetPort": 1 },
            },
            "subsets": [
                { "name": "plain" },
                { "name": "other", "trafficPolicy": {
                    "loadBalancer": { "simple": "RANDOM" },
                    "tunnel": { "targetHost": "b", "targetPort": 2 } } },
            ],
        }),
    );
    let rules = rules(&[source]);
    let merged = rules.find_inbound("apps", &key(WEB)).unwrap();
    let check = |subset, hash: bool, tunnel: Option<&str>| {
        let got = merged.tcp_policy(subset);
        assert_eq!((got.hash_source_ip, got.tunnel.map(|t| &*t.target_host)), (hash, tunnel));
        assert_eq!(got.idle_timeout.unwrap().0.as_secs(), 300);
        assert_eq!(got.max_connection_duration.unwrap().0.as_secs(), 3600);
    };
    check(None, true, Some("a"));
    check(Some("plain"), true, None);
    check(Some("other"), false, Some("b"));
}
