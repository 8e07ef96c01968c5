//! What users' configuration costs: `make bench`.
//!
//! Each benchmark runs with a number of objects and with twice as many: doubling the input may cost 2.2 times as
//! much. Figures of memory are what was allocated at the most.

#![allow(clippy::expect_used, reason = "a benchmark's own objects are of their kinds")]

mod mesh;

use std::hint::black_box;
use std::sync::Arc;

use divan::{AllocProfiler, Bencher};
use istiod::api::config::{Config, Spec};
use istiod::api::networking::{Gateway, ServiceEntry, Sidecar, VirtualService};
use istiod::api::proto_json::ProtoJson;
use istiod::api::{Change, Meta, Object};
use istiod::model::{Proxy, ProxyKind};
use istiod::store::{Config as StoreConfig, Store};
use istiod::translate::{Translator, View};
use serde_json::{Value, json};

use mesh::World;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Objects, the proxies that are connected, and a change that is made again and again, its turn being told.
struct Scenario {
    changes: Vec<Change>,
    proxies: Vec<Arc<Proxy>>,
    change: Box<dyn Fn(usize) -> Change>,
}

/// From all objects to the views of all proxies.
fn cold(bencher: Bencher, scenario: Scenario) {
    let Scenario { changes, proxies, .. } = scenario;
    bencher.with_inputs(|| changes.clone()).bench_local_values(|changes| {
        let mut store = store(changes);
        let snapshot = store.snapshot();
        let mut translator = Translator::default();
        let views: Vec<View> = proxies.iter().map(|p| translator.view(&snapshot, p)).collect();
        black_box((store, translator, views))
    });
}

/// From one changed object to the views of all proxies.
fn change(bencher: Bencher, scenario: Scenario) {
    let Scenario { changes, proxies, change } = scenario;
    let mut store = store(changes);
    let mut translator = Translator::default();
    let mut views: Vec<View> = Vec::new();
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        store.apply([change(turn)]);
        let snapshot = store.snapshot();
        views = proxies.iter().map(|p| translator.view(&snapshot, p)).collect();
        translator.sweep();
    });
}

fn store(changes: Vec<Change>) -> Store {
    let mut store = Store::new(StoreConfig {
        cluster: "Kubernetes".into(),
        domain: "cluster.local".into(),
        system_namespace: "istio-system".into(),
        ..StoreConfig::default()
    });
    store.apply(changes);
    store
}

fn object<S: Spec>(namespace: &str, name: &str, spec: Value) -> Change {
    let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
    let spec = <S as serde::Deserialize>::deserialize(ProtoJson(spec)).expect("a spec of its kind");
    Change::Apply(S::object(Arc::new(Config { meta, spec, status: S::Status::default() })))
}

/// A gateway for `hosts` hosts, each with a VirtualService to one of 100 services.
fn gateway(hosts: usize) -> Scenario {
    let world = World { services: 100, pods: 2, namespaces: 10 };
    let routes = move |h: usize, timeout: usize| {
        let service = world.service(h % world.services).meta;
        let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
        let spec = json!({
            "hosts": [format!("host-{h}.example.com")],
            "gateways": ["istio-system/public"],
            "http": [
                {
                    "match": [{"uri": {"prefix": "/api"}}],
                    "timeout": format!("{timeout}s"),
                    "route": [{"destination": {"host": host, "port": {"number": 80}}}],
                },
                {"route": [{"destination": {"host": host, "port": {"number": 80}}}]},
            ],
        });
        object::<VirtualService>("default", &format!("host-{h}"), spec)
    };
    let server = json!({
        "selector": {"istio": "ingressgateway"},
        "servers": [{
            "port": {"number": 8080, "name": "http", "protocol": "HTTP"},
            "hosts": ["*.example.com"],
        }],
    });
    let mut changes = world.changes();
    changes.push(object::<Gateway>("istio-system", "public", server));
    changes.extend((0..hosts).map(|h| routes(h, 10)));
    let proxy = Proxy {
        id: "router~10.9.9.9~gateway.istio-system~istio-system.svc.cluster.local".into(),
        kind: ProxyKind::Router,
        namespace: "istio-system".into(),
        name: "gateway".into(),
        workload_id: "gateway.istio-system".into(),
        dns_domain: "istio-system.svc.cluster.local".into(),
        labels: [("istio".into(), "ingressgateway".into())].into(),
        ..world.proxy(0)
    };
    let change = Box::new(move |turn: usize| routes(7, 10 + turn % 2));
    Scenario { changes, proxies: vec![Arc::new(proxy)], change }
}

#[divan::bench(args = [1000, 2000])]
fn gateway_hosts_cold(bencher: Bencher, hosts: usize) {
    cold(bencher, gateway(hosts));
}

#[divan::bench(args = [1000, 2000])]
fn gateway_hosts_one_changes(bencher: Bencher, hosts: usize) {
    change(bencher, gateway(hosts));
}

/// Hosts outside the mesh, half of them by DNS, seen by a sidecar of each of ten namespaces.
fn entries(count: usize) -> Scenario {
    let world = World { services: 100, pods: 2, namespaces: 10 };
    let entry = move |e: usize, endpoint: usize| {
        let host = format!("entry-{e}.example.com");
        let ports = json!([{"number": 443, "name": "tls", "protocol": "TLS"}]);
        let spec = match e % 2 {
            0 => json!({"hosts": [host], "ports": ports, "resolution": "DNS"}),
            _ => json!({
                "hosts": [host],
                "ports": ports,
                "resolution": "STATIC",
                "endpoints": [{"address": format!("192.0.2.{endpoint}")}, {"address": "198.51.100.1"}],
            }),
        };
        object::<ServiceEntry>("default", &format!("entry-{e}"), spec)
    };
    let mut changes = world.changes();
    changes.extend((0..count).map(|e| entry(e, 1)));
    let proxies = (0..world.namespaces).map(|s| Arc::new(world.proxy(s))).collect();
    let change = Box::new(move |turn: usize| entry(7, 1 + turn % 2));
    Scenario { changes, proxies, change }
}

#[divan::bench(args = [5000, 10_000], sample_count = 10)]
fn service_entries_cold(bencher: Bencher, count: usize) {
    cold(bencher, entries(count));
}

#[divan::bench(args = [5000, 10_000])]
fn service_entries_one_changes(bencher: Bencher, count: usize) {
    change(bencher, entries(count));
}

/// Namespaces of ten services each, whose sidecars import their own namespace and one that all share.
fn sidecars(namespaces: usize) -> Scenario {
    let world = World { services: 10 * namespaces, pods: 2, namespaces };
    let mut changes = world.changes();
    changes.extend((0..namespaces).map(|n| {
        let spec = json!({"egress": [{"hosts": ["./*", "ns-0/*"]}]});
        object::<Sidecar>(&format!("ns-{n}"), "default", spec)
    }));
    let proxies = (0..namespaces).map(|s| Arc::new(world.proxy(s))).collect();
    let change = Box::new(move |turn: usize| {
        let mut service = world.service(7);
        service.meta.labels.insert("turn".into(), (turn % 2).to_string().into());
        Change::Apply(Object::Service(Arc::new(service)))
    });
    Scenario { changes, proxies, change }
}

#[divan::bench(args = [100, 200], sample_count = 20)]
fn sidecars_cold(bencher: Bencher, namespaces: usize) {
    cold(bencher, sidecars(namespaces));
}

#[divan::bench(args = [100, 200])]
fn sidecars_one_service_changes(bencher: Bencher, namespaces: usize) {
    change(bencher, sidecars(namespaces));
}
