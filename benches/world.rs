//! What changes cost: `make bench`.
//!
//! A mesh of 1,000 services with 5 pods each. Figures are medians of many runs; compare them with each other
//! and with those of the same machine, not with those of another.

mod mesh;

use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use istiod::api::core::ServicePort;
use istiod::api::{Change, Object};
use istiod::model::Proxy;
use istiod::snapshot::Snapshot;
use istiod::store::{Config, Store};
use istiod::translate::{ResourceType, Translator, View};

use mesh::World;

const WORLD: World = World { services: 1000, pods: 5, namespaces: 10 };

/// The streams that a response is assembled for.
const STREAMS: usize = 400;

fn main() {
    divan::main();
}

fn store() -> Store {
    let mut store = Store::new(Config {
        cluster: "Kubernetes".into(),
        domain: "cluster.local".into(),
        system_namespace: "istio-system".into(),
        ..Config::default()
    });
    store.apply(WORLD.changes());
    store
}

/// From all objects to the first snapshot.
#[divan::bench]
fn snapshot_cold(bencher: Bencher) {
    bencher.with_inputs(store).bench_values(|mut store| black_box(store.snapshot()));
}

/// Everything that the first sidecar of a mesh is served.
#[divan::bench]
fn scope_cold(bencher: Bencher) {
    let snapshot = store().snapshot();
    bencher
        .with_inputs(|| (Translator::default(), Arc::new(WORLD.proxy(0))))
        .bench_values(|(mut translator, proxy)| black_box(translator.view(&snapshot, &proxy)));
}

/// The view of a second workload in another namespace.
#[divan::bench]
fn second_namespace(bencher: Bencher) {
    let snapshot = store().snapshot();
    bencher
        .with_inputs(|| {
            let mut translator = Translator::default();
            let first = translator.view(&snapshot, &Arc::new(WORLD.proxy(0)));
            (translator, first, Arc::new(WORLD.proxy(1)))
        })
        .bench_values(|(mut translator, first, proxy)| (translator.view(&snapshot, &proxy), first));
}

/// One pod of one service goes: from the change to the views of the sidecars of all services.
#[divan::bench]
fn endpoint_change(bencher: Bencher) {
    let mut running = Running::new();
    let mut count = WORLD.pods;
    bencher.bench_local(|| {
        count = if count == WORLD.pods { WORLD.pods - 1 } else { WORLD.pods };
        let slice = Object::EndpointSlice(Arc::new(WORLD.slice(7, count)));
        running.change(Change::Apply(slice))
    });
}

/// A service gets another port: from the change to the views of the sidecars of all services.
#[divan::bench]
fn service_change(bencher: Bencher) {
    let mut running = Running::new();
    let mut port = 81;
    bencher.bench_local(|| {
        port = if port == 81 { 82 } else { 81 };
        let mut service = WORLD.service(7);
        let second = ServicePort { name: "http-second".into(), port, ..ServicePort::default() };
        service.ports.push(second);
        running.change(Change::Apply(Object::Service(Arc::new(service))))
    });
}

/// The clusters of one scope as responses to many streams: what all of them share is encoded once.
#[divan::bench]
fn responses(bencher: Bencher) {
    let snapshot = store().snapshot();
    bencher
        .with_inputs(|| Translator::default().view(&snapshot, &Arc::new(WORLD.proxy(0))))
        .bench_values(|view| {
            for _ in 0..STREAMS {
                for layer in &view.layers {
                    black_box(layer.get(ResourceType::Cluster).sotw_entries().clone());
                }
            }
            view
        });
}

/// A control plane with a sidecar of each service connected.
struct Running {
    store: Store,
    translator: Translator,
    proxies: Vec<Arc<Proxy>>,
    views: Vec<View>,
    snapshot: Arc<Snapshot>,
}

impl Running {
    fn new() -> Running {
        let mut store = store();
        let snapshot = store.snapshot();
        let mut running = Running {
            store,
            translator: Translator::default(),
            proxies: (0..STREAMS).map(|s| Arc::new(WORLD.proxy(s))).collect(),
            views: Vec::new(),
            snapshot,
        };
        running.push();
        running
    }

    fn change(&mut self, change: Change) {
        self.store.apply([change]);
        self.snapshot = self.store.snapshot();
        self.push();
    }

    fn push(&mut self) {
        let (translator, snapshot) = (&mut self.translator, &self.snapshot);
        self.views = self.proxies.iter().map(|p| translator.view(snapshot, p)).collect();
        self.translator.sweep();
    }
}
