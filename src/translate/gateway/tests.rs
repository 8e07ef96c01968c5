mod http3;

use prost::Message as _;

use super::*;
use crate::api::Meta;
use crate::api::networking::VirtualService;
use crate::model::{Gateways, ProxyKind};
use crate::proto::envoy::envoy::config::listener::v3::Listener;
use crate::proto::envoy::envoy::config::route::v3::RouteConfiguration;
use crate::snapshot::Snapshot;
use crate::translate::capability::Capabilities;
use crate::translate::fixture;
use crate::translate::proxy_config::ProxyConfig;
use crate::translate::resource::Resource;
use crate::translate::security::Guards;

/// Objects of a kind from YAML: `NAMESPACE/NAME` and the spec, the oldest first.
fn objects<S: crate::api::config::Spec>(all: &[(&str, &str)]) -> Vec<Arc<Config<S>>> {
    let object = |(name, spec): &(&str, &str)| {
        let (namespace, name) = name.split_once('/').unwrap();
        let meta = Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() };
        Arc::new(Config { meta, spec: serde_yaml::from_str(spec).unwrap(), ..Config::default() })
    };
    all.iter().map(object).collect()
}

/// The snapshot after a change of the VirtualServices of this name.
fn with_routes(before: &Snapshot, all: &[(&str, &str)]) -> Snapshot {
    let mut configs = objects::<VirtualService>(all);
    for config in &mut configs {
        let kept = before.virtual_services.of_gateway("edge/gw").iter().map(|r| &r.config);
        if let Some(same) = kept.into_iter().find(|old| ***old == **config) {
            *config = same.clone();
        }
    }
    let (mesh, domain) = (&before.mesh, &before.domain);
    let new = VirtualServices::new(&configs, mesh, domain, &before.virtual_services);
    Snapshot { virtual_services: Arc::new(new), ..before.clone() }
}

fn snapshot(servers: &str, routes: &[(&str, &str)]) -> Snapshot {
    let gateways = objects(&[("edge/gw", &format!("servers: [{servers}]"))]);
    let base = fixture::plain::snapshot([]);
    with_routes(&Snapshot { gateways: Arc::new(Gateways::new(&gateways)), ..base }, routes)
}

fn scope(snapshot: &Snapshot) -> Scope {
    let proxy = fixture::proxy(ProxyKind::Router, "gw-1.edge", "10.0.0.1");
    let visible =
        fixture::visible(snapshot, crate::translate::visible::Viewpoint::of(&proxy, snapshot));
    let config = ProxyConfig::of(&proxy, &snapshot.mesh);
    Scope::of(&proxy, snapshot, &visible, Capabilities::ALL, &config)
}

fn build_routes(snapshot: &Snapshot, memos: &mut Memos) -> Vec<Arc<Resource>> {
    fixture::build(snapshot, &scope(snapshot), |context| routes(context, memos)).resources
}

fn build_listeners(snapshot: &Snapshot, traits: &ListenerTraits, memos: &mut Memos) -> Built {
    fixture::build(snapshot, &scope(snapshot), |context| {
        (*listeners(context, traits, &Guards::default(), memos)).clone()
    })
}

const SITE: &str =
    "{hosts: [HOST.com], gateways: [edge/gw], http: [{directResponse: {status: 200}}]}";

#[test]
fn a_changed_virtual_service_encodes_its_own_hosts_only() {
    let servers = "{port: {number: 80, protocol: HTTP}, hosts: ['*']}";
    let (a, b) = (SITE.replace("HOST", "a"), SITE.replace("HOST", "b"));
    let before = snapshot(servers, &[("shop/a", &a), ("shop/b", &b)]);
    let mut memos = Memos::default();
    let old = build_routes(&before, &mut memos);
    assert_eq!(memos.routes.built(), 2);
    let changed = b.replace("200", "404");
    let after = with_routes(&before, &[("shop/a", &a), ("shop/b", &changed)]);
    let new = build_routes(&after, &mut memos);
    assert_eq!(memos.routes.built(), 3);
    assert_ne!(old[0].body, new[0].body);
}

#[test]
fn routes_of_other_servers_are_as_they_were() {
    let servers = "{port: {number: 80, protocol: HTTP}, hosts: [a.com]}, \
                   {port: {number: 81, protocol: HTTP}, hosts: [b.com]}";
    let (a, b) = (SITE.replace("HOST", "a"), SITE.replace("HOST", "b"));
    let before = snapshot(servers, &[("shop/a", &a), ("shop/b", &b)]);
    let mut memos = Memos::default();
    let old = build_routes(&before, &mut memos);
    let changed = b.replace("200", "404");
    let new =
        build_routes(&with_routes(&before, &[("shop/a", &a), ("shop/b", &changed)]), &mut memos);
    assert!(Arc::ptr_eq(&old[0], &new[0]));
    assert!(!Arc::ptr_eq(&old[1], &new[1]));
}

#[test]
fn listeners_do_not_depend_on_http_routes() {
    let servers = "{port: {number: 8080, protocol: HTTP}, hosts: ['*']}";
    let before = snapshot(servers, &[]);
    let mut memos = Memos::default();
    let old = build_listeners(&before, &ListenerTraits::default(), &mut memos);
    let after = with_routes(&before, &[("shop/a", &SITE.replace("HOST", "a"))]);
    let new = build_listeners(&after, &ListenerTraits::default(), &mut memos);
    assert!(Arc::ptr_eq(&old.resources[0], &new.resources[0]));
}

#[test]
fn ports_that_a_pod_may_not_bind_are_told() {
    let servers = "{port: {number: 80, protocol: HTTP}, hosts: ['*']}, \
                   {port: {number: 8080, protocol: HTTP}, hosts: ['*']}";
    let traits = ListenerTraits { unprivileged: true, ..ListenerTraits::default() };
    let built = build_listeners(&snapshot(servers, &[]), &traits, &mut Memos::default());
    let names: Vec<&str> = built.resources.iter().map(|r| &*r.name).collect();
    assert_eq!(names, ["0.0.0.0_8080"]);
    assert_eq!(built.diagnostics[0].path, "spec.servers[0].port.number");
}

#[test]
fn no_two_chains_match_the_same() {
    let tls = |host: &str, name: &str| {
        format!(
            "{{port: {{number: 443, name: {name}, protocol: HTTPS}}, hosts: ['{host}'], \
              tls: {{mode: SIMPLE, credentialName: x}}}}"
        )
    };
    let servers = [tls("a.com", "a"), tls("shop/a.com", "b"), tls("*", "c"), tls("*b.com", "d")];
    let snapshot = snapshot(&servers.join(", "), &[]);
    let built = build_listeners(&snapshot, &ListenerTraits::default(), &mut Memos::default());
    let listener = Listener::decode(built.resources[0].body.clone()).unwrap();
    let names: Vec<Vec<String>> = listener
        .filter_chains
        .iter()
        .map(|chain| chain.filter_chain_match.clone().unwrap_or_default().server_names)
        .collect();
    assert_eq!(names, [vec!["a.com".to_owned()], Vec::new()]);
    let paths: Vec<&str> = built.diagnostics.iter().map(|d| &*d.path).collect();
    assert_eq!(paths, ["spec.servers[0]", "spec.servers[1]", "spec.servers[3]"]);
}

#[test]
fn a_gateway_tells_who_its_clients_are() {
    let servers = "{port: {number: 8080, protocol: HTTP}, hosts: ['*']}";
    let mut traits = ListenerTraits::default();
    traits.proxy_config.gateway_topology.num_trusted_proxies = 2;
    traits.proxy_config.gateway_topology.proxy_protocol = Some(Default::default());
    let built = build_listeners(&snapshot(servers, &[]), &traits, &mut Memos::default());
    let json = fixture::json(crate::translate::ResourceType::Listener, &built.resources[0]);
    let at = |pointer: &str| fixture::at(&json, pointer).clone();
    assert_eq!(at("/listener_filters/0/name"), "envoy.filters.listener.proxy_protocol");
    let manager = "/filter_chains/0/filters/0/typed_config";
    assert_eq!(at(&format!("{manager}/xff_num_trusted_hops")), 2);
    assert_eq!(at(&format!("{manager}/use_remote_address")), true);
}

#[test]
fn hosts_with_the_same_routes_share_a_virtual_host() {
    let check = |collapse: bool, expected: &[&str]| {
        let servers = "{port: {number: 80, protocol: HTTP}, hosts: ['*']}";
        let site = SITE.replace("HOST.com", "b.com, longer.com, '*.com'");
        let mut snapshot = snapshot(servers, &[("shop/a", &site)]);
        snapshot.features.collapse_routes = collapse;
        let built = build_routes(&snapshot, &mut Memos::default());
        let configuration = RouteConfiguration::decode(built[0].body.clone()).unwrap();
        let hosts = configuration.virtual_hosts.iter();
        let lines: Vec<String> =
            hosts.map(|host| format!("{}: {}", host.name, host.domains.join(" "))).collect();
        assert_eq!(lines, expected, "collapse: {collapse}");
    };
    check(true, &["longer.com:80: longer.com b.com *.com"]);
    check(false, &["*.com:80: *.com", "b.com:80: b.com", "longer.com:80: longer.com"]);
}
