//! What the operator of the control plane decides reaches the proxies.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{World, endpoint, json, proxy, service, workload};
use super::{ResourceType, Translator};
use crate::api::Features;
use crate::api::features::Percent;
use crate::model::{Health, Protocol, ProxyKind, Resolution, Service};
use crate::snapshot::Snapshot;

/// All that a sidecar is served with these features, as one text of compact JSON.
fn served(features: Features) -> String {
    let mut world = World::default();
    let web = service(
        "web.default",
        &[("http", 80, Protocol::Http), ("auto", 81, Protocol::Unsupported)],
    );
    let db = service("db.default", &[("mongo", 27017, Protocol::Mongo)]);
    let pod = Arc::new(workload("web-1.default", "r1/z1", "node-1"));
    let sql = service("sql.default", &[("mysql", 3306, Protocol::Mysql)]);
    let cache = service("cache.default", &[("redis", 6379, Protocol::Redis)]);
    let web =
        Service { labels: [("istio.io/persistent-session".into(), "id".into())].into(), ..web };
    let canonical = [("name", "outside"), ("revision", "v2")];
    let canonical =
        canonical.map(|(key, v)| (format!("service.istio.io/canonical-{key}").into(), v.into()));
    let outside = service("outside.default", &[("http", 80, Protocol::Http)]);
    let outside = Service { mesh_external: true, labels: canonical.into(), ..outside };
    let own = service("own.default", &[("tcp", 5432, Protocol::Tcp)]);
    let own = Service { resolution: Resolution::Passthrough, addresses: Vec::new(), ..own };
    for service in [&web, &db, &sql, &cache, &outside, &own] {
        world.apply(service.clone());
        world.serve(service, vec![endpoint("10.1.0.1", 8080, &pod)]);
    }
    world.serve(&own, vec![endpoint("10.1.0.3", 5432, &pod)]);
    let mut unready = endpoint("10.1.0.2", 8080, &pod);
    unready.health = Health::Unhealthy;
    world.serve_port(&web, "http", vec![endpoint("10.1.0.1", 8080, &pod), unready]);
    world.run(&pod, &[(&web.key, 0, 8080), (&web.key, 1, 8081)]);
    let snapshot = Snapshot { features, ..world.snapshot() };
    let proxy = Arc::new(proxy(ProxyKind::Sidecar, "web-1.default", "10.1.0.1"));
    let view = Translator::default().view(&snapshot, &proxy);
    let of = |kind| view.items(kind).map(move |resource| json(kind, resource).to_string());
    ResourceType::ALL.into_iter().flat_map(of).collect()
}

/// By default `usual` is served and `unusual` is not; after the change it is the other way round. An empty text
/// is not looked for.
#[track_caller]
fn check(usual: &str, unusual: &str, change: impl FnOnce(&mut Features)) {
    let mut features = Features::default();
    let before = served(features);
    change(&mut features);
    let after = served(features);
    let has = |text: &str, part: &str| part.is_empty() || text.contains(part);
    let lacks = |text: &str, part: &str| part.is_empty() || !text.contains(part);
    assert!(has(&before, usual) && lacks(&before, unusual), "{before}");
    assert!(has(&after, unusual) && lacks(&after, usual), "{after}");
}

#[test]
fn routes_answer_to_absolute_names() {
    check("\"web.default.svc.cluster.local.\"", "", |f| f.absolute_domains = false);
}

#[test]
fn filters_can_be_left_out() {
    check("istio.metadata_exchange", "", |f| f.metadata_exchange = false);
    const PEER_ALPN: &str = "\"alpn_protocols\":[\"istio-peer-exchange\"";
    check(PEER_ALPN, "\"alpn_protocols\":[\"istio\"]", |f| f.peer_alpn = false);
    check(PEER_ALPN, "\"alpn_protocols\":[\"istio\"]", |f| f.metadata_exchange = false);
    check("\"istio.alpn\"", "", |f| f.alpn_filter = false);
    check("", "\"additional_labels\":[\"app\",\"team\"]", |f| {
        f.exchanged_labels = &["app", "team"]
    });
    check("envoy.filters.network.mongo_proxy", "", |f| f.mongo_filter = false);
    check("", "envoy.filters.network.mysql_proxy", |f| f.mysql_filter = true);
    check("", "envoy.filters.network.redis_proxy", |f| f.redis_filter = true);
    check("", "\"lb_policy\":\"MAGLEV\"", |f| f.redis_filter = true);
}

#[test]
fn sessions_are_kept() {
    const FILTER: &str = "\"name\":\"envoy.filters.http.stateful_session\"";
    check("", FILTER, |f| f.session_filter = true);
    const OF_HOST: &str = "\"envoy.filters.http.stateful_session\":{";
    check("", OF_HOST, |f| f.session_filter = true);
    check("\"override_host_status\"", "", |f| f.session_labels.cookie = "");
}

#[test]
fn clusters_and_assignments_follow() {
    check("", "\"track_remaining\":true", |f| f.track_remaining = true);
    check("", "\"health_status\":\"UNHEALTHY\"", |f| f.send_unhealthy = true);
    const SERVICES: &str = "\"services\":[{\"host\":\"web.default.svc.cluster.local\"";
    const WORKLOAD: &str = "\"workload\":\"web-1;default;web;v1;Kubernetes\"";
    check(SERVICES, "", |f| f.telemetry = false);
    check(WORKLOAD, "", |f| f.telemetry = false);
    check(WORKLOAD, "", |f| f.endpoint_telemetry = false);
    const OUTSIDE: &str = "\"workload\":\"web-1;default;outside;v2;Kubernetes\"";
    check("", OUTSIDE, |f| f.external_canonical = true);
}

#[test]
fn sidecars_can_balance_over_headless_services() {
    check("\"10.1.0.3_5432\"", "\"0.0.0.0_5432\"", |f| f.headless_eds = true);
    const OWN: &str = "\"outbound|5432||own.default.svc.cluster.local\"";
    check("", &format!("\"service_name\":{OWN}"), |f| f.headless_eds = true);
    check("", &format!("\"cluster_name\":{OWN}"), |f| f.headless_eds = true);
}

#[test]
fn connection_managers_follow() {
    check("", "\"accept_http_10\":true", |f| f.http10 = true);
    check("\"proxy_100_continue\":true", "", |f| f.continue_100 = false);
    check("", "\"use_remote_address\":true", |f| f.sidecar_remote_address = true);
    let sampling = |value: &str| format!("\"random_sampling\":{{\"value\":{value}}}");
    check(&sampling("1"), &sampling("12.34"), |f| {
        f.trace_sampling = Percent::new(12.34).unwrap();
    });
}

#[test]
fn listeners_follow() {
    const ACCEPT: &str = "\"max_connections_to_accept_per_socket_event\":";
    check(&format!("{ACCEPT}1"), &format!("{ACCEPT}7"), |f| f.accept_per_event = 7);
    check(ACCEPT, "", |f| f.accept_per_event = 0);
    const HANDSHAKE: &str = "\"transport_socket_connect_timeout\":";
    check(&format!("{HANDSHAKE}\"15s\""), &format!("{HANDSHAKE}\"0.500s\""), |f| {
        f.handshake_timeout = Duration::from_millis(500);
    });
    check("{\"prefix\":\"spiffe://cluster.local/\"}", "", |f| f.any_trust_domain = true);
}
