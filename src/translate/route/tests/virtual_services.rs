//! What VirtualServices make of a sidecar's virtual hosts.

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;
use crate::api::MeshConfig;
use crate::api::config::Config;
use crate::api::networking::VirtualService;
use crate::api::proto_json::ProtoJson;
use crate::model::{Registry, VirtualServices};

/// An object of the namespace `shop` with these hosts, whose only route is named like it.
fn object(name: &str, hosts: &[&str], rule: Value) -> Arc<Config<VirtualService>> {
    let mut rule = rule;
    rule["name"] = name.into();
    rule["route"] = json!([{"destination": {"host": "api"}}]);
    let spec = json!({"hosts": hosts, "http": [rule]});
    let spec = VirtualService::deserialize(ProtoJson(spec)).unwrap();
    let mut config = Config { spec, ..Config::default() };
    config.meta.namespace = "shop".into();
    config.meta.name = name.into();
    Arc::new(config)
}

fn with(world: &Snapshot, objects: &[Arc<Config<VirtualService>>]) -> Snapshot {
    let before = &world.virtual_services;
    let all = VirtualServices::new(objects, &MeshConfig::default(), "cluster.local", before);
    Snapshot { virtual_services: Arc::new(all), ..world.clone() }
}

fn world() -> Snapshot {
    let mut outside = service(5, "x.shop", &[], &[("http", 80)]);
    outside.key.hostname = "a.example.com".into();
    outside.registry = Registry::External;
    snapshot([
        service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("http-alt", 8080)]),
        service(2, "api.shop", &["10.96.0.2"], &[("http", 9080)]),
        service(3, "auto.shop", &["10.96.0.3"], &[("what", 83)]),
        service(4, "db.shop", &["10.96.0.4"], &[("tcp", 8080)]),
        outside,
    ])
}

/// The virtual hosts of a configuration with the name of their first route, but for the last, which is for all others.
fn hosts(built: &Built, name: &str) -> Vec<(String, String)> {
    let mut hosts = find(built, name).unwrap().virtual_hosts;
    hosts.pop();
    hosts.into_iter().map(|host| (host.name, host.routes[0].name.clone())).collect()
}

/// Checks the virtual hosts that objects with these hosts lead to.
#[track_caller]
fn check(objects: &[(&str, &[&str])], configuration: &str, want: &[(&str, &str)]) -> Built {
    let objects: Vec<_> =
        objects.iter().map(|(name, hosts)| object(name, hosts, json!({}))).collect();
    let built = build(&with(&world(), &objects), &scope("shop"));
    let full = |name: &str| match name.split_once(':') {
        Some((host, port)) if !host.contains('.') => {
            format!("{host}.shop.svc.cluster.local:{port}")
        }
        _ => name.to_owned(),
    };
    let want: Vec<_> = want.iter().map(|(host, route)| (full(host), (*route).to_owned())).collect();
    assert_eq!(hosts(&built, configuration), want, "{objects:?}");
    built
}

#[test]
fn a_host_is_routed_on_the_ports_of_its_service() {
    let web = [("web", ["web"].as_slice())];
    check(&web, "80", &[("a.example.com:80", "default"), ("web:80", "web")]);
    check(&web, "8080", &[("web:8080", "web")]);
    check(&web, "9080", &[("api:9080", "default")]);
}

#[test]
fn a_host_that_no_service_has_on_port_80_is_routed_there() {
    let built = check(
        &[("out", &["api", "out.example.com"])],
        "80",
        &[
            ("a.example.com:80", "default"),
            ("api:80", "out"),
            ("out.example.com:80", "out"),
            ("web:80", "default"),
        ],
    );
    assert_eq!(domains_of(&built, "80", "out.example.com:80"), ["out.example.com"]);
    // With a service on another port its other hosts are routed on that too.
    assert_eq!(
        hosts(&built, "9080"),
        [
            ("api.shop.svc.cluster.local:9080".into(), "out".into()),
            ("out.example.com:9080".to_owned(), "out".to_owned()),
        ]
    );
}

#[test]
fn the_best_wildcard_counts_and_a_full_name_before_it() {
    let shop = "*.shop.svc.cluster.local";
    check(
        &[("all", &["*"]), ("shop", &[shop]), ("web", &["web"])],
        "80",
        &[("a.example.com:80", "all"), ("web:80", "web")],
    );
    check(
        &[("all", &["*"]), ("shop", &[shop])],
        "80",
        &[("a.example.com:80", "all"), ("web:80", "shop")],
    );
    check(
        &[("other", &["*.example.org"])],
        "80",
        &[("*.example.org:80", "other"), ("a.example.com:80", "default"), ("web:80", "default")],
    );
}

#[test]
fn the_first_of_two_routes_a_host_and_both_are_told() {
    let two = [("first", ["web"].as_slice()), ("second", &["web.shop.svc.cluster.local"])];
    let built = check(&two, "80", &[("a.example.com:80", "default"), ("web:80", "first")]);
    let mut told: Vec<String> = built
        .diagnostics
        .iter()
        .map(|d| format!("{} {}", d.object.clone().unwrap(), d.path))
        .collect();
    told.sort();
    assert_eq!(
        told,
        ["VirtualService shop/first spec.hosts", "VirtualService shop/second spec.hosts"]
    );
}

#[test]
fn one_that_has_nothing_for_the_client_is_passed_over() {
    let elsewhere = json!({"match": [{"sourceNamespace": "bank"}]});
    let objects = [object("bank", &["web"], elsewhere), object("all", &["web"], json!({}))];
    let world = with(&world(), &objects);
    let route = |namespace: &str| hosts(&build(&world, &scope(namespace)), "80").remove(1).1;
    assert_eq!((route("shop"), route("bank")), ("all".to_owned(), "bank".to_owned()));
    let only = with(&world, &objects[..1]);
    assert_eq!(hosts(&build(&only, &scope("shop")), "80").remove(1).1, "default");
}

#[test]
fn the_listener_of_one_service_is_routed_too() {
    let world = with(&world(), &[object("auto", &["auto"], json!({}))]);
    let got = find(&build(&world, &scope("shop")), "auto.shop.svc.cluster.local:83").unwrap();
    let [host] = got.virtual_hosts.as_slice() else { panic!("{got:?}") };
    assert_eq!((host.domains.as_slice(), &*host.routes[0].name), (&["*".to_owned()][..], "auto"));
}

#[test]
fn a_changed_virtual_service_costs_its_own_hosts() {
    let services = (0..40).map(|n| service(n, &format!("s{n}.shop"), &[], &[("http", 80)]));
    let mut objects: Vec<_> =
        (0..40).map(|n| object(&format!("v{n}"), &[&format!("s{n}")], json!({}))).collect();
    let before = with(&snapshot(services), &objects);
    let scope = scope("shop");
    let mut memos = Memos::default();
    let first = configurations(&context(&before, &scope), &mut memos);
    assert_eq!((memos.tables.counts.built, memos.hosts.counts.built), (40, 40));
    objects[7] = object("v7", &["s7"], json!({"timeout": "1s"}));
    let after = with(&before, &objects);
    let second = configurations(&context(&after, &scope), &mut memos);
    assert_eq!((memos.tables.counts.built, memos.hosts.counts.built), (41, 41));
    assert_ne!(first.resources[0].body, second.resources[0].body);
    let origins: Vec<String> =
        second.resources[0].origins.iter().map(ToString::to_string).collect();
    assert!(origins.contains(&"VirtualService shop/v7".to_owned()), "{origins:?}");
}

#[test]
fn unknown_hosts_go_where_the_sidecar_says() {
    let scope = Scope { egress_proxy: Some("outbound|3128||proxy".into()), ..scope("shop") };
    let got = find(&build(&world(), &scope), "80").unwrap();
    assert_eq!(cluster_of(got.virtual_hosts.last().unwrap()), "outbound|3128||proxy");
}
