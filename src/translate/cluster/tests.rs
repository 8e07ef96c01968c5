mod following;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Memos, inbound, outbound};
use crate::api::mesh::{InboundPolicy, TcpKeepalive};
use crate::api::{MeshConfig, Str};
use crate::model::proxy::Extension;
use crate::model::{Protocol, Proxy, ProxyKind, Resolution, Service, ServiceTarget, TlsMode};
use crate::translate::fixture::{World, at, build, endpoint, find, scope, service, workload};
use crate::translate::resource::ResourceType;
use crate::translate::translator::Built;

const HTTP_OPTIONS: &str =
    "/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const ISTIO: &str = "/metadata/filter_metadata/istio";

fn unchanged(_: &mut Proxy) {}

fn router(proxy: &mut Proxy) {
    proxy.kind = ProxyKind::Router;
}

fn built(world: &mut World, change: impl FnOnce(&mut Proxy)) -> Built {
    let snapshot = world.snapshot();
    let scope = scope(&snapshot, change);
    build(&snapshot, &scope, |context| outbound(context, &mut Memos::default()))
}

/// The cluster of port 80 of the service `web.default` after changes of service, mesh and proxy.
fn web(
    change: impl FnOnce(&mut Service),
    mesh: MeshConfig,
    proxy: impl FnOnce(&mut Proxy),
) -> Option<Value> {
    let mut web = service("web.default", &[("http", 80, Protocol::Http)]);
    change(&mut web);
    let mut world = World::new(mesh);
    let pod = Arc::new(workload("web-1.default", "", ""));
    world.serve(&web, vec![endpoint("10.1.0.1", 80, &pod)]);
    world.apply(web);
    find(
        &built(&mut world, proxy),
        ResourceType::Cluster,
        "outbound|80||web.default.svc.cluster.local",
    )
}

#[test]
fn the_protocol_of_a_port_decides_the_version_of_http() {
    let http2 = json!({ "explicit_http_config": { "http2_protocol_options": {} } });
    let downstream = json!({ "use_downstream_protocol_config": {
        "http_protocol_options": {}, "http2_protocol_options": {} } });
    let check = |protocol, upgrade, proxy: fn(&mut Proxy), want: &Value| {
        let mesh = MeshConfig { h2_upgrade: upgrade, ..MeshConfig::default() };
        let got = web(|s| s.ports[0].protocol = protocol, mesh, proxy).unwrap();
        let mut options = at(&got, HTTP_OPTIONS).clone();
        if let Some(fields) = options.as_object_mut() {
            fields.remove("@type");
        }
        assert_eq!(options, *want, "{protocol:?}, upgrade {upgrade}");
    };
    check(Protocol::Http, false, unchanged, &Value::Null);
    check(Protocol::Tcp, false, unchanged, &Value::Null);
    check(Protocol::Http2, false, unchanged, &http2);
    check(Protocol::Grpc, false, router, &http2);
    check(Protocol::GrpcWeb, false, unchanged, &http2);
    check(Protocol::Unsupported, false, unchanged, &downstream);
    check(Protocol::Unsupported, false, router, &Value::Null);
    check(Protocol::Http, true, unchanged, &http2);
    check(Protocol::Http, true, router, &http2);
    check(Protocol::Tcp, true, unchanged, &Value::Null);
    check(Protocol::Unsupported, true, unchanged, &downstream);
}

#[test]
fn resolution_decides_how_endpoints_are_found() {
    let check = |resolution, protocol, proxy: fn(&mut Proxy), want: Option<(&str, &str)>| {
        let change = |s: &mut Service| {
            s.resolution = resolution;
            s.ports[0].protocol = protocol;
        };
        let got = web(change, MeshConfig::default(), proxy);
        let kind = |c: &Value| {
            (at(c, "/type").as_str().unwrap().into(), at(c, "/lb_policy").as_str().unwrap().into())
        };
        let want = want.map(|(kind, lb): (&str, &str)| (kind.to_owned(), lb.to_owned()));
        assert_eq!(got.as_ref().map(kind), want, "{resolution:?} {protocol:?}");
    };
    let eds = Some(("EDS", "LEAST_REQUEST"));
    check(Resolution::ClientSideLb, Protocol::Http, unchanged, eds);
    check(Resolution::ClientSideLb, Protocol::Udp, unchanged, None);
    check(
        Resolution::Passthrough,
        Protocol::Tcp,
        unchanged,
        Some(("ORIGINAL_DST", "CLUSTER_PROVIDED")),
    );
    check(Resolution::Passthrough, Protocol::Tcp, router, eds);
    check(Resolution::Alias, Protocol::Http, unchanged, None);
}

#[test]
fn the_mesh_sets_timeouts_and_keepalive() {
    let mesh = MeshConfig {
        connect_timeout: Duration::from_millis(2_500),
        tcp_keepalive: Some(TcpKeepalive {
            time: Some(Duration::from_secs(600)),
            ..TcpKeepalive::default()
        }),
        ..MeshConfig::default()
    };
    let got = web(|_| (), mesh, unchanged).unwrap();
    assert_eq!(at(&got, "/connect_timeout"), "2.500s");
    assert_eq!(
        *at(&got, "/upstream_connection_options"),
        json!({ "tcp_keepalive": { "keepalive_time": 600 } })
    );
    let got = web(|_| (), MeshConfig::default(), unchanged).unwrap();
    assert_eq!(at(&got, "/upstream_connection_options"), &Value::Null);
}

#[test]
fn endpoints_choose_between_mtls_and_plain_text() {
    let got = web(|_| (), MeshConfig::default(), unchanged).unwrap();
    let matches = at(&got, "/transport_socket_matches");
    assert_eq!(matches.pointer("/0/match"), Some(&json!({ "tlsMode": "istio" })));
    assert_eq!(matches.pointer("/1/match"), Some(&json!({})));
    let tls = at(matches, "/0/transport_socket/typed_config");
    assert_eq!(at(tls, "/sni"), "outbound_.80_._.web.default.svc.cluster.local");
    assert_eq!(
        *at(tls, "/common_tls_context/alpn_protocols"),
        json!(["istio-peer-exchange", "istio"])
    );
    assert_eq!(at(&got, "/transport_socket"), &Value::Null);
    let off = MeshConfig { enable_auto_mtls: false, ..MeshConfig::default() };
    let got = web(|_| (), off, unchanged).unwrap();
    assert_eq!(at(&got, "/transport_socket_matches"), &Value::Null);
}

#[test]
fn where_a_namespace_refuses_mtls_clusters_offer_none() {
    let cluster = |policies: &[(&str, Value)], change: fn(&mut Service)| {
        let mut world = World::default();
        let mut web = service("web.default", &[("http", 80, Protocol::Http)]);
        change(&mut web);
        let pod = Arc::new(workload("web-1.default", "", ""));
        world.serve(&web, vec![endpoint("10.1.0.1", 80, &pod)]);
        world.apply(web);
        for (name, spec) in policies {
            world.peer(name, spec.clone());
        }
        let name = "outbound|80||web.default.svc.cluster.local";
        let got = find(&built(&mut world, unchanged), ResourceType::Cluster, name).unwrap();
        let has = |key: &str| got.get(key).is_some();
        (has("transport_socket_matches"), has("transport_socket"))
    };
    let mode = |mode: &str| json!({ "mtls": { "mode": mode } });
    let normal: fn(&mut Service) = |_| {};
    let headless: fn(&mut Service) = |s| s.resolution = Resolution::Passthrough;
    assert_eq!(cluster(&[("all.default", mode("STRICT"))], normal), (true, false));
    assert_eq!(cluster(&[("all.default", mode("DISABLE"))], normal), (false, false));
    assert_eq!(cluster(&[("mesh.istio-system", mode("DISABLE"))], normal), (false, false));
    let inside = [("mesh.istio-system", mode("DISABLE")), ("all.default", mode("PERMISSIVE"))];
    assert_eq!(cluster(&inside, normal), (true, false));
    assert_eq!(cluster(&[], headless), (false, true));
    assert_eq!(cluster(&[("all.default", mode("DISABLE"))], headless), (false, false));
    // What only some workloads refuse, endpoints tell; a client that chooses the address does not learn it, as in Istio.
    let some =
        json!({ "selector": { "matchLabels": { "a": "b" } }, "mtls": { "mode": "DISABLE" } });
    assert_eq!(cluster(&[("some.default", some.clone())], normal), (true, false));
    assert_eq!(cluster(&[("some.default", some)], headless), (false, true));
}

#[test]
fn identities_are_known_in_every_trust_domain() {
    let check = |accounts: &[&str], aliases: &[&str], want: &[&str]| {
        let mesh = MeshConfig {
            trust_domain_aliases: aliases.iter().map(|a| Str::from(*a)).collect(),
            ..MeshConfig::default()
        };
        let listed = accounts.iter().map(|a| Str::from(*a)).collect();
        let got = web(|s| s.service_accounts = listed, mesh, unchanged).unwrap();
        let sans = at(
            &got,
            "/transport_socket_matches/0/transport_socket/typed_config/common_tls_context\
             /combined_validation_context/default_validation_context/match_subject_alt_names",
        );
        let want: Vec<_> = want.iter().map(|id| json!({ "exact": id })).collect();
        assert_eq!(*sans, Value::Array(want), "{accounts:?} {aliases:?}");
    };
    let pod = "spiffe://cluster.local/ns/default/sa/web";
    check(&[], &[], &[pod]);
    check(&["spiffe://other/ns/a/sa/b"], &[], &[pod, "spiffe://other/ns/a/sa/b"]);
    check(&[], &["old"], &[pod, "spiffe://old/ns/default/sa/web"]);
    check(&["custom"], &["old"], &["custom", pod, "spiffe://old/ns/default/sa/web"]);
}

#[test]
fn a_headless_service_is_spoken_to_in_mtls_only_if_all_endpoints_take_it() {
    let check = |modes: &[TlsMode], mtls: bool| {
        let mut db = service("db.default", &[("tcp", 80, Protocol::Tcp)]);
        db.resolution = Resolution::Passthrough;
        let mut world = World::default();
        let pods = modes.iter().enumerate().map(|(i, mode)| {
            let mut pod = workload(&format!("db-{i}.default"), "", "");
            pod.tls_mode = *mode;
            endpoint(&format!("10.1.0.{i}"), 80, &Arc::new(pod))
        });
        world.serve(&db, pods.collect());
        world.apply(db);
        let got = built(&mut world, unchanged);
        let name = "outbound|80||db.default.svc.cluster.local";
        let got = find(&got, ResourceType::Cluster, name).unwrap();
        assert_eq!(got.get("transport_socket").is_some(), mtls, "{modes:?}");
        assert_eq!(got.get("transport_socket_matches"), None, "{modes:?}");
    };
    check(&[TlsMode::Istio, TlsMode::Istio], true);
    check(&[TlsMode::Istio, TlsMode::Disabled], false);
    check(&[], false);
}

#[test]
fn an_envoy_without_metadata_exchange_is_not_sent_it() {
    let extensions = |names: &[&str]| {
        let list =
            names.iter().map(|name| Extension { name: (*name).into(), type_urls: Vec::new() });
        Some(list.collect())
    };
    let alpn = "/transport_socket_matches/0/transport_socket/typed_config/common_tls_context\
                /alpn_protocols";
    let stock = extensions(&["envoy.filters.http.router"]);
    let got = web(|_| (), MeshConfig::default(), |p| p.extensions = stock).unwrap();
    assert_eq!(got.get("filters"), None);
    assert_eq!(*at(&got, alpn), json!(["istio"]));
    let istio = extensions(&["envoy.filters.network.metadata_exchange"]);
    let got = web(|_| (), MeshConfig::default(), |p| p.extensions = istio).unwrap();
    assert_eq!(at(&got, "/filters/0/name"), "istio.metadata_exchange");
}

#[test]
fn a_cluster_tells_its_service() {
    let got = web(|_| (), MeshConfig::default(), unchanged).unwrap();
    let services =
        json!([{ "host": "web.default.svc.cluster.local", "name": "web", "namespace": "default" }]);
    assert_eq!(*at(&got, ISTIO), json!({ "services": services }));
    assert_eq!(at(&got, "/alt_stat_name"), "outbound|80||web.default.svc.cluster.local;");
    let got = web(|s| s.mesh_external = true, MeshConfig::default(), unchanged).unwrap();
    assert_eq!(*at(&got, ISTIO), json!({ "services": services, "external": true }));
    assert_eq!(got.get("transport_socket_matches"), None);
}

#[test]
fn a_wish_for_near_endpoints_weighs_localities() {
    let check = |wish: &str, weighed: bool| {
        let change = |s: &mut Service| s.traffic_distribution = wish.into();
        let got = web(change, MeshConfig::default(), unchanged).unwrap();
        let want = json!({ "healthy_panic_threshold": {}, "locality_weighted_lb_config": {} });
        assert_eq!(*at(&got, "/common_lb_config") == want, weighed, "{wish:?}");
    };
    check("", false);
    check("Any", false);
    check("PreferClose", true);
    check("prefersamenode", true);
}

#[test]
fn of_two_ports_with_one_number_the_first_counts() {
    let mut world = World::default();
    world.apply(service(
        "web.default",
        &[("udp", 80, Protocol::Udp), ("a", 80, Protocol::Http2), ("b", 80, Protocol::Tcp)],
    ));
    let got = built(&mut world, unchanged);
    let name = "outbound|80||web.default.svc.cluster.local";
    assert_eq!(got.resources.iter().filter(|r| *r.name == *name).count(), 1);
    assert!(find(&got, ResourceType::Cluster, name).unwrap().pointer(HTTP_OPTIONS).is_some());
    let paths: Vec<_> = got.diagnostics.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["spec.ports[2].port"]);
}

#[test]
fn gateways_let_nothing_through() {
    let names = |proxy: fn(&mut Proxy)| {
        let got = built(&mut World::default(), proxy);
        let mut names: Vec<_> = got.resources.iter().map(|r| r.name.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(names(unchanged), ["BlackHoleCluster", "PassthroughCluster"]);
    assert_eq!(names(router), ["BlackHoleCluster"]);
}

fn inbound_of(targets: &[(&Service, u16)], mesh: MeshConfig, ips: &[&str]) -> Built {
    let mut world = World::new(mesh);
    let snapshot = world.snapshot();
    let scope = scope(&snapshot, |p| p.ips = ips.iter().map(|ip| ip.parse().unwrap()).collect());
    let targets: Vec<_> = targets
        .iter()
        .map(|(service, target_port)| ServiceTarget {
            service: Arc::new((*service).clone()),
            port: 0,
            target_port: *target_port,
        })
        .collect();
    build(&snapshot, &scope, |context| inbound(context, &[], &targets, &mut Memos::default()))
}

#[test]
fn inbound_traffic_goes_where_it_was_sent_or_to_the_loopback_address() {
    let web = service("web.default", &[("http", 80, Protocol::Http)]);
    let check = |policy, ips: &[&str], pointer: &str, want: Value| {
        let mesh = MeshConfig { inbound_traffic_policy: policy, ..MeshConfig::default() };
        let got = inbound_of(&[(&web, 8080)], mesh, ips);
        let got = find(&got, ResourceType::Cluster, "inbound|8080||").unwrap();
        assert_eq!(*at(&got, pointer), want, "{policy:?} {ips:?}");
    };
    let source = "/upstream_bind_config/source_address/address";
    let extra = "/upstream_bind_config/extra_source_addresses/0/address/address";
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let (v4, v6) = ("10.1.0.1", "2001:db8::1");
    use InboundPolicy::{Localhost, Passthrough};
    check(Passthrough, &[v4], "/type", json!("ORIGINAL_DST"));
    check(Passthrough, &[v4], "/cleanup_interval", json!("9223372035s"));
    check(Passthrough, &[v4], source, json!("127.0.0.6"));
    check(Passthrough, &[v4], extra, Value::Null);
    check(Passthrough, &[v6], source, json!("::6"));
    check(Passthrough, &[v4, v6], extra, json!("::6"));
    check(Localhost, &[v4], "/type", json!("STATIC"));
    check(Localhost, &[v4], "/upstream_bind_config", Value::Null);
    check(Localhost, &[v4], endpoint, json!({ "address": "127.0.0.1", "port_value": 8080 }));
    check(Localhost, &[v6], endpoint, json!({ "address": "::1", "port_value": 8080 }));
}

#[test]
fn services_that_share_a_port_of_the_workload_share_its_cluster() {
    let old = service("old.default", &[("grpc", 80, Protocol::Grpc)]);
    let same = service("same.default", &[("grpc", 81, Protocol::Grpc)]);
    let other = service("other.default", &[("tcp", 82, Protocol::Tcp)]);
    let mesh = MeshConfig::default();
    let got = inbound_of(&[(&old, 8080), (&same, 8080), (&other, 8080)], mesh, &["10.1.0.1"]);
    let cluster = find(&got, ResourceType::Cluster, "inbound|8080||").unwrap();
    assert!(cluster.pointer(HTTP_OPTIONS).is_some(), "the oldest decides: {cluster}");
    let services = at(&cluster, ISTIO).pointer("/services").unwrap().as_array().unwrap();
    let names: Vec<_> = services.iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["old", "same", "other"]);
    let said: Vec<_> = got.diagnostics.iter().map(|d| d.object.clone().unwrap()).collect();
    assert_eq!(said, [other.origin]);
}

#[test]
fn without_interception_nothing_comes_in_by_port() {
    let web = service("web.default", &[("http", 80, Protocol::Http)]);
    let mut world = World::default();
    let snapshot = world.snapshot();
    let scope = scope(&snapshot, |p| p.metadata = json!({ "INTERCEPTION_MODE": "NONE" }));
    let targets = [ServiceTarget { service: Arc::new(web), port: 0, target_port: 80 }];
    let got = build(&snapshot, &scope, |c| inbound(c, &[], &targets, &mut Memos::default()));
    let names: Vec<_> = got.resources.iter().map(|r| &*r.name).collect();
    assert_eq!(names, ["InboundPassthroughCluster"]);
}
