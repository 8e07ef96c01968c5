mod virtual_services;

use prost::Message as _;

use super::domains::ShortForms;
use super::*;
use crate::model::{Service, ServiceKey};
use crate::proto::envoy::envoy::config::route::v3::VirtualHost as Host;
use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::proto::envoy::envoy::config::route::v3::route_action::ClusterSpecifier;
use crate::snapshot::Snapshot;
use crate::translate::capability::Capabilities;
use crate::translate::fixture::plain::{context, scope, service, snapshot};
use crate::translate::scope::{Families, Interception};

fn build(snapshot: &Snapshot, scope: &Scope) -> Built {
    Arc::unwrap_or_clone(configurations(&context(snapshot, scope), &mut Memos::default()))
}

fn decode(resource: &Resource) -> RouteConfiguration {
    RouteConfiguration::decode(resource.body.clone()).unwrap()
}

/// The configuration with this name, if there is one.
fn find(built: &Built, name: &str) -> Option<RouteConfiguration> {
    built.resources.iter().find(|r| *r.name == *name).map(|r| decode(r))
}

fn domains_of(built: &Built, configuration: &str, host: &str) -> Vec<String> {
    let configuration = find(built, configuration).unwrap();
    configuration.virtual_hosts.into_iter().find(|h| h.name == host).unwrap().domains
}

fn cluster_of(host: &Host) -> &str {
    let Some(Action::Route(action)) = &host.routes[0].action else { panic!("{host:?}") };
    let Some(ClusterSpecifier::Cluster(cluster)) = &action.cluster_specifier else {
        panic!("{action:?}")
    };
    cluster
}

#[test]
fn short_forms_depend_on_where_the_client_is() {
    let check = |host: &str, dns_domain: &str, want: ShortForms| {
        assert_eq!(ShortForms::of(host, dns_domain), want, "{host} in {dns_domain}");
    };
    let web = "web.shop.svc.cluster.local";
    check(web, "shop.svc.cluster.local", ShortForms::SameNamespace);
    check(web, "bank.svc.cluster.local", ShortForms::OtherNamespace);
    check("example.com", "shop.svc.cluster.local", ShortForms::None);
    check("web.corp.example.com", "corp.example.com", ShortForms::SharedLabels(3));
    check("web.example.com", "corp.example.com", ShortForms::SharedLabels(2));
    check("web.example.org", "corp.example.com", ShortForms::None);
    check(web, "", ShortForms::None);
}

#[test]
fn domains_are_all_ways_to_ask_for_a_service() {
    let mut web = service(1, "web.shop", &["10.96.0.1", "fd00::1"], &[("http", 80)]);
    let check = |service: &Service, namespace: &str, families: Families, want: &[&str]| {
        let snapshot = snapshot([service.clone()]);
        let scope = Scope { families, ..scope(namespace) };
        let host = format!("{}:80", service.key.hostname);
        assert_eq!(domains_of(&build(&snapshot, &scope), "80", &host), want, "in {namespace}");
    };
    let v4 = Families { v4: true, v6: false };
    let both = Families { v4: true, v6: true };
    let full = "web.shop.svc.cluster.local";
    let dot = "web.shop.svc.cluster.local.";
    check(&web, "shop", v4, &[full, dot, "web", "web.shop.svc", "web.shop", "10.96.0.1"]);
    check(&web, "bank", v4, &[full, dot, "web.shop", "web.shop.svc", "10.96.0.1"]);
    let last = ["10.96.0.1", "[fd00::1]"];
    check(&web, "bank", both, &[full, dot, "web.shop", "web.shop.svc", last[0], last[1]]);

    let old = "old.bank.svc.cluster.local";
    web.aliases = vec![ServiceKey { hostname: old.into(), namespace: "bank".into() }];
    check(
        &web,
        "bank",
        v4,
        &[
            full,
            dot,
            "web.shop",
            "web.shop.svc",
            old,
            "old.bank.svc.cluster.local.",
            "old",
            "old.bank.svc",
            "old.bank",
            "10.96.0.1",
        ],
    );

    let headless = service(1, "web.shop", &["None"], &[("http", 80)]);
    let pods = ["*.web.shop.svc.cluster.local", "*.web.shop.svc.cluster.local."];
    check(
        &headless,
        "bank",
        v4,
        &[full, dot, "web.shop", "web.shop.svc", pods[0], pods[1], "*.web.shop", "*.web.shop.svc"],
    );
}

#[test]
fn each_listener_finds_its_routes() {
    let world = snapshot([
        service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("grpc", 81), ("udp", 82)]),
        service(2, "auto.shop", &["10.96.0.2"], &[("what", 80), ("what-else", 83)]),
        service(3, "pending.shop", &[], &[("any", 84), ("tcp", 85)]),
        service(4, "peers.shop", &["None"], &[("any", 86), ("http", 80)]),
        service(5, "db.shop", &["10.96.0.5"], &[("tcp", 87), ("https", 443)]),
    ]);
    let check = |scope: Scope, want: &[&str]| {
        let built = build(&world, &scope);
        let mut names: Vec<&str> = built.resources.iter().map(|r| &*r.name).collect();
        names.sort_unstable();
        let mut want = want.to_vec();
        want.sort_unstable();
        assert_eq!(names, want, "{scope:?}");
        assert_eq!(built.diagnostics, []);
    };
    let own = [
        "auto.shop.svc.cluster.local:80",
        "auto.shop.svc.cluster.local:83",
        "peers.shop.svc.cluster.local:86",
    ];
    check(scope("shop"), &["80", "81", "84", own[0], own[1], own[2]]);
    let proxied = Scope { http_proxy: true, ..scope("shop") };
    check(proxied, &["80", "81", "84", HTTP_PROXY, own[0], own[1], own[2]]);
    let bare = Scope { interception: Interception::None, ..scope("shop") };
    let alone = "pending.shop.svc.cluster.local:84";
    check(bare, &["80", "81", own[0], own[1], alone, own[2]]);
    check(Scope { kind: ProxyKind::Router, ..scope("shop") }, &[]);
    // A proxy that reaches none of the addresses has no listener there.
    let v6 = Scope { families: Families { v4: false, v6: true }, ..scope("shop") };
    check(v6, &["80", "81", "84", own[2]]);
}

#[test]
fn a_shared_configuration_is_sorted_and_ends_with_the_rest_of_the_world() {
    let world = snapshot([
        service(1, "web.shop", &["10.96.0.1"], &[("http", 80)]),
        service(2, "api.shop", &["10.96.0.2"], &[("http", 80)]),
    ]);
    let check = |policy: OutboundPolicy, last: &str| {
        let scope = Scope { outbound_policy: policy, ..scope("shop") };
        let got = find(&build(&world, &scope), "80").unwrap();
        let names: Vec<&str> = got.virtual_hosts.iter().map(|h| &*h.name).collect();
        let hosts = ["api.shop.svc.cluster.local:80", "web.shop.svc.cluster.local:80"];
        assert_eq!(names, [hosts[0], hosts[1], last]);
        assert!(got.ignore_port_in_host_matching);
        assert_eq!(got.virtual_hosts[2].domains, ["*"]);
        got
    };
    let open = check(OutboundPolicy::AllowAny, "allow_any");
    assert_eq!(cluster_of(&open.virtual_hosts[2]), "PassthroughCluster");
    assert_eq!(cluster_of(&open.virtual_hosts[0]), "outbound|80||api.shop.svc.cluster.local");
    let closed = check(OutboundPolicy::RegistryOnly, "block_all");
    let Some(Action::DirectResponse(refusal)) = &closed.virtual_hosts[2].routes[0].action else {
        panic!("{closed:?}")
    };
    assert_eq!(refusal.status, 502);
}

#[test]
fn the_listener_of_one_service_takes_every_host() {
    let world = snapshot([service(1, "auto.shop", &["10.96.0.2"], &[("what", 80)])]);
    let got = find(&build(&world, &scope("shop")), "auto.shop.svc.cluster.local:80").unwrap();
    assert_eq!(got.virtual_hosts.len(), 1);
    assert_eq!(got.virtual_hosts[0].domains, ["*"]);
}

#[test]
fn explicit_proxying_tells_ports_apart() {
    let world =
        snapshot([service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("http-admin", 81)])]);
    let built = build(&world, &Scope { http_proxy: true, ..scope("bank") });
    let first = domains_of(&built, HTTP_PROXY, "web.shop.svc.cluster.local:80");
    assert!(first.contains(&"web.shop".to_owned()) && first.contains(&"web.shop:80".to_owned()));
    let second = domains_of(&built, HTTP_PROXY, "web.shop.svc.cluster.local:81");
    assert!(second.iter().all(|domain| domain.ends_with(":81")), "{second:?}");
    assert!(!find(&built, HTTP_PROXY).unwrap().ignore_port_in_host_matching);
    assert_eq!(built.diagnostics, []);
}

#[test]
fn the_older_service_keeps_a_domain_and_both_are_told() {
    let world = snapshot([
        service(2, "new.shop", &["10.96.0.1"], &[("http", 80)]),
        service(1, "old.shop", &["10.96.0.1"], &[("http", 80)]),
    ]);
    let built = build(&world, &scope("bank"));
    let address = "10.96.0.1".to_owned();
    let of = |host: &str| domains_of(&built, "80", &format!("{host}.shop.svc.cluster.local:80"));
    assert!(of("old").contains(&address));
    assert!(!of("new").contains(&address) && of("new").contains(&"new.shop".to_owned()));
    let told: Vec<String> =
        built.diagnostics.iter().map(|d| d.object.as_ref().unwrap().to_string()).collect();
    assert_eq!(told, ["Service shop/new", "Service shop/old"]);
}

#[test]
fn a_proxy_without_the_predicate_is_not_sent_it() {
    let world = snapshot([service(1, "web.shop", &["10.96.0.1"], &[("http", 80)])]);
    let check = |scope: &Scope, want: usize| {
        let got = find(&build(&world, scope), "80").unwrap();
        let Some(Action::Route(action)) = &got.virtual_hosts[0].routes[0].action else {
            panic!("{got:?}")
        };
        let policy = action.retry_policy.as_ref().unwrap();
        assert_eq!(policy.retry_host_predicate.len(), want);
    };
    check(&scope("shop"), 1);
    let bare = Capabilities::of(&crate::translate::fixture::plain::proxy_with_extensions(&[]));
    check(&Scope { capabilities: bare, ..scope("shop") }, 0);
}

#[test]
fn one_service_changes_one_virtual_host() {
    let services = || (1..50).map(|n| service(n, &format!("s{n}.shop"), &[], &[("http", 80)]));
    let mut memos = Memos::default();
    let scope = scope("shop");
    let before = snapshot(services());
    let seen = context(&before, &scope);
    let first = configurations(&seen, &mut memos);
    assert_eq!(memos.hosts.counts.built, 49);

    // Equal inputs: the same resource, without a look at any host.
    let again = configurations(&seen, &mut memos);
    assert!(Arc::ptr_eq(&first.resources[0], &again.resources[0]));
    assert_eq!(memos.hosts.counts.reused, 0);

    let mut changed = before.clone();
    let mut all = before.services.to_vec();
    all[7] = Arc::new(service(8, "s8.shop", &["10.96.0.8"], &[("http", 80)]));
    changed.services = all.into();
    let after = configurations(&context(&changed, &scope), &mut memos);
    assert_eq!(memos.hosts.counts.built, 50);
    assert_ne!(first.resources[0].body, after.resources[0].body);

    // Another namespace shares the hosts of third ones.
    let other = crate::translate::fixture::plain::scope("bank");
    configurations(&context(&changed, &other), &mut memos);
    let third = crate::translate::fixture::plain::scope("kiosk");
    let built = memos.hosts.counts.built;
    configurations(&context(&changed, &third), &mut memos);
    assert_eq!(memos.hosts.counts.built, built);
}

#[test]
fn what_nobody_serves_is_forgotten() {
    let mut memos = Memos::default();
    let world = snapshot([service(1, "web.shop", &["10.96.0.1"], &[("http", 80)])]);
    let built = configurations(&context(&world, &scope("shop")), &mut memos);
    memos.sweep();
    memos.sweep();
    assert_eq!((memos.configurations.len(), memos.hosts.len()), (1, 1), "still served");
    drop(built);
    memos.sweep();
    assert_eq!((memos.configurations.len(), memos.hosts.len()), (0, 0));
}

#[test]
fn the_order_of_services_with_one_age_does_not_matter() {
    let services: Vec<Service> = (1..20)
        .map(|n| service(1, &format!("s{n}.shop"), &["10.0.0.1"], &[("http", 80)]))
        .collect();
    let bodies = |services: Vec<Service>| {
        let built = build(&snapshot(services), &scope("shop"));
        let bodies: Vec<_> = built.resources.iter().map(|r| r.body.clone()).collect();
        (bodies, built.diagnostics)
    };
    let want = bodies(services.clone());
    let reversed: Vec<Service> = services.iter().rev().cloned().collect();
    assert_eq!(bodies(reversed), want);
    let odd_first: Vec<Service> =
        services.iter().step_by(2).chain(services.iter().skip(1).step_by(2)).cloned().collect();
    assert_eq!(bodies(odd_first), want);
}

#[test]
fn unknown_names_are_answered() {
    let check = |kind: ProxyKind, policy: OutboundPolicy, name: &str, host: &str, routes: usize| {
        let scope = Scope { kind, outbound_policy: policy, ..scope("shop") };
        let got = decode(&absent(&scope, name));
        assert_eq!(got.name, name);
        let hosts: Vec<&str> = got.virtual_hosts.iter().map(|h| &*h.name).collect();
        assert_eq!(hosts, [host], "{name}");
        assert_eq!(got.virtual_hosts[0].routes.len(), routes, "{name}");
    };
    let (open, closed) = (OutboundPolicy::AllowAny, OutboundPolicy::RegistryOnly);
    check(ProxyKind::Sidecar, open, "nothing", "allow_any", 1);
    check(ProxyKind::Sidecar, closed, "nothing", "block_all", 1);
    check(ProxyKind::Router, open, "http.8080", "blackhole:8080", 0);
    check(ProxyKind::Router, open, "https.443.web.gw.shop", "blackhole:443", 0);
}
