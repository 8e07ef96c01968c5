use std::sync::Arc;

use serde_json::{Value, json};

use super::Attached;
use crate::api::config::{Config, Spec};
use crate::api::features::JwksFetcher;
use crate::api::networking::VirtualService;
use crate::api::security::RequestAuthentication;
use crate::api::{MeshConfig, Meta};
use crate::model::policy::request::RequestPolicies;
use crate::model::references::HostIndex;
use crate::model::{Gateways, Protocol, ProxyKind, ServiceKey, VirtualServices};
use crate::translate::cluster::{Memos, outbound};
use crate::translate::fixture::{World, build, scope, service};

fn config<S: Spec>(namespace: &str, name: &str, spec: Value) -> Arc<Config<S>> {
    let meta = Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() };
    let spec = serde_json::from_value(spec).unwrap();
    Arc::new(Config { meta, spec, ..Config::default() })
}

/// The hosts that a proxy gets clusters for.
fn hosts(kind: ProxyKind, filter: bool, own: bool, tls: &str) -> Vec<String> {
    let provider =
        |kind: &str, service: &str| json!({ "name": kind, kind: { "service": service } });
    let raw = json!({ "extensionProviders": [
        provider("zipkin", "zipkin.tools.svc.cluster.local"),
        provider("envoyOtelAls", "tools/otel.tools.svc.cluster.local"),
        provider("datadog", "shop/other.tools.svc.cluster.local"),
    ] });
    let mut world = World::new(MeshConfig { raw, ..MeshConfig::default() });
    let names = ["web.shop", "mirror.shop", "far.shop", "mesh.shop"];
    for name in names.into_iter().chain(["zipkin.tools", "otel.tools", "other.tools"]) {
        world.apply(service(name, &[("http", 80, Protocol::Http)]));
    }
    let mut snapshot = world.snapshot();
    let server = json!({ "port": { "number": 443, "name": "tls", "protocol": "TLS" },
        "hosts": ["*"], "tls": { "mode": tls } });
    let gateway = config("edge", "gw", json!({ "servers": [server] }));
    snapshot.gateways = Arc::new(Gateways::new(&[gateway]));
    let to = |host: &str| json!({ "destination": { "host": host } });
    let there = json!({ "hosts": ["a.com"], "gateways": ["edge/gw"], "exportTo": ["."], "http": [
        { "route": [to("web")], "mirror": { "host": "mirror" } },
        { "match": [{ "sourceNamespace": "bank" }], "route": [to("far")] },
    ] });
    let here = json!({ "hosts": ["b.com"], "http": [{ "route": [to("mesh")] }] });
    let routing: Vec<Arc<Config<VirtualService>>> =
        vec![config("shop", "there", there), config("shop", "here", here)];
    let routing = VirtualServices::new(
        &routing,
        &snapshot.mesh,
        "cluster.local",
        &VirtualServices::default(),
    );
    snapshot.virtual_services = Arc::new(routing);
    snapshot.features.filter_gateway_clusters = filter;
    snapshot.features.gateways_in_own_namespace = own;
    let scope = scope(&snapshot, |proxy| {
        proxy.kind = kind;
        proxy.namespace = "edge".into();
    });
    let built = build(&snapshot, &scope, |context| outbound(context, &mut Memos::default()));
    let names = built.resources.iter().filter_map(|r| r.name.strip_suffix(".svc.cluster.local"));
    names.map(str::to_owned).collect()
}

#[test]
fn a_gateway_gets_the_clusters_that_it_leads_to() {
    let got = hosts(ProxyKind::Router, true, false, "PASSTHROUGH");
    let want = ["far.shop", "mirror.shop", "otel.tools", "web.shop", "zipkin.tools"];
    assert_eq!(got, want.map(|host| format!("outbound|80||{host}")));
    let own = hosts(ProxyKind::Router, true, true, "PASSTHROUGH");
    assert_eq!(own.len(), 4, "the rule for another namespace does not count: {own:?}");
}

#[test]
fn all_others_get_all_clusters() {
    assert_eq!(hosts(ProxyKind::Router, false, false, "PASSTHROUGH").len(), 7);
    assert_eq!(hosts(ProxyKind::Sidecar, true, false, "PASSTHROUGH").len(), 7);
}

#[test]
fn what_is_passed_on_by_server_name_leads_everywhere() {
    let got = hosts(ProxyKind::Router, true, false, "AUTO_PASSTHROUGH");
    let of = |start: &str| got.iter().filter(|name| name.starts_with(start)).count();
    assert_eq!((of("outbound|"), of("outbound_.")), (5, 7), "{got:?}");
}

/// Keys are fetched by proxies themselves where the operator says so.
#[test]
fn where_keys_are_fetched_belongs_to_it() {
    let key = ServiceKey { hostname: "keys.example.com".into(), namespace: "tools".into() };
    let has = |fetcher| {
        let mut snapshot = World::default().snapshot();
        let uri = "https://keys.example.com/a";
        let spec = json!({ "jwtRules": [{ "issuer": "a", "jwksUri": uri }] });
        let policies: Vec<Arc<Config<RequestAuthentication>>> = vec![config("edge", "a", spec)];
        let (hosts, before) = (HostIndex::default(), RequestPolicies::default());
        let policies = RequestPolicies::new(&policies, fetcher, &hosts, "root", &before);
        snapshot.request_policies = Arc::new(policies);
        snapshot.features.filter_gateway_clusters = true;
        let scope = scope(&snapshot, |proxy| {
            proxy.kind = ProxyKind::Router;
            proxy.namespace = "edge".into();
        });
        Attached::of(&scope, &snapshot).unwrap().has(&key)
    };
    assert!(has(JwksFetcher::Envoy));
    assert!(!has(JwksFetcher::Istiod));
}
