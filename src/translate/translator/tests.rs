//! What the design promises of sharing: proxies that are alike share what they are served by pointer, and a
//! change costs what it touches.

mod policies;

use std::sync::Arc;

use super::{Translator, View};
use crate::api::MeshConfig;
use crate::model::{Protocol, Proxy, ProxyKind, Service, Workload};
use crate::snapshot::Snapshot;
use crate::translate::fixture::{World, endpoint, proxy, service, workload};
use crate::translate::memo::Counts;
use crate::translate::resource::{Resource, ResourceType};

/// Services of several namespaces, each with an endpoint, and a pod `web-1.default` that serves two of them.
fn shop() -> (World, Vec<Service>) {
    let mut world = World::default();
    let services = vec![
        service("web.default", &[("http", 80, Protocol::Http), ("grpc", 81, Protocol::Grpc)]),
        service("api.default", &[("http", 80, Protocol::Http)]),
        service("db.data", &[("tcp", 5432, Protocol::Tcp)]),
        service("auto.data", &[("", 7000, Protocol::Unsupported)]),
    ];
    for (number, service) in (1..).zip(&services) {
        world.apply(service.clone());
        let pod = pod(service, 1);
        world.serve(service, vec![endpoint(&format!("10.1.{number}.1"), 8080, &pod)]);
    }
    let own = Arc::new(workload("web-1.default", "r1/z1", "node-1"));
    world.run(&own, &[(&services[0].key, 0, 8080), (&services[1].key, 0, 8081)]);
    (world, services)
}

/// A pod of a service. All of one service have one identity.
fn pod(service: &Service, number: u8) -> Arc<Workload> {
    let name = format!("{}-{number}.{}", service.name, service.key.namespace);
    Arc::new(workload(&name, "r1/z1", "node-1"))
}

fn sidecar(name: &str, ip: &str) -> Arc<Proxy> {
    Arc::new(proxy(ProxyKind::Sidecar, name, ip))
}

/// A translator, and how much its builders of clusters and assignments built since the last question.
#[derive(Default)]
struct Observed {
    translator: Translator,
    seen: (Counts, Counts),
}

impl Observed {
    fn view(&mut self, snapshot: &Snapshot, proxy: &Arc<Proxy>) -> View {
        self.translator.view(snapshot, proxy)
    }

    /// Clusters and assignments that were built since the last call.
    fn built(&mut self) -> (u64, u64) {
        let memos = &self.translator.memos;
        let now = (memos.clusters.counts(), memos.endpoints.counts());
        let before = std::mem::replace(&mut self.seen, now);
        (now.0.built - before.0.built, now.1.built - before.1.built)
    }
}

fn all_resources(view: &View) -> Vec<(ResourceType, Arc<Resource>)> {
    let of = |kind| view.items(kind).map(move |r| (kind, r.clone()));
    ResourceType::ALL.into_iter().flat_map(of).collect()
}

/// Names of the resources that the second view does not share with the first.
fn changed(before: &View, after: &View, kind: ResourceType) -> Vec<String> {
    let same =
        |r: &&Arc<Resource>| before.get(kind, &r.name).is_some_and(|old| Arc::ptr_eq(old, r));
    after.items(kind).filter(|r| !same(r)).map(|r| r.name.to_string()).collect()
}

#[test]
fn proxies_with_equal_traits_share_every_set() {
    let (mut world, _) = shop();
    let snapshot = world.snapshot();
    let mut translator = Observed::default();
    let one = translator.view(&snapshot, &sidecar("a-1.default", "10.0.0.1"));
    translator.built();
    let two = translator.view(&snapshot, &sidecar("b-1.default", "10.0.0.2"));
    assert_eq!(translator.built(), (0, 0));
    assert!(Arc::ptr_eq(&one.scope, &two.scope));
    assert_eq!(one.layers.len(), two.layers.len());
    for (one, two) in one.layers.iter().zip(&two.layers) {
        assert!(Arc::ptr_eq(one, two));
    }
}

#[test]
fn namespaces_share_clusters_and_assignments() {
    let (mut world, _) = shop();
    let snapshot = world.snapshot();
    let mut translator = Observed::default();
    let one = translator.view(&snapshot, &sidecar("a-1.default", "10.0.0.1"));
    let clusters = translator.translator.memos.clusters.counts();
    let assignments = translator.translator.memos.endpoints.counts();
    let two = translator.view(&snapshot, &sidecar("a-1.data", "10.0.0.2"));
    let memos = &translator.translator.memos;
    assert_eq!(memos.clusters.counts(), clusters, "the second does not even look at services");
    assert_eq!(memos.endpoints.counts(), assignments);
    assert!(!Arc::ptr_eq(&one.scope, &two.scope), "the scopes themselves differ");
    for kind in [ResourceType::Cluster, ResourceType::Endpoint] {
        assert!(Arc::ptr_eq(one.layers[0].get(kind), two.layers[0].get(kind)), "{kind:?}");
    }
}

#[test]
fn a_service_that_some_may_not_see_costs_the_others_nothing() {
    let (mut world, services) = shop();
    let mut private = services[2].clone();
    private.visibility = crate::model::Visibility::of(["."], "data");
    world.apply(private);
    let snapshot = world.snapshot();
    let mut translator = Observed::default();
    let all = translator.view(&snapshot, &sidecar("a-1.data", "10.0.0.1"));
    translator.built();
    let fewer = translator.view(&snapshot, &sidecar("a-1.default", "10.0.0.2"));
    assert_eq!(translator.built(), (0, 0));
    let name = "outbound|5432||db.data.svc.cluster.local";
    assert!(all.get(ResourceType::Cluster, name).is_some());
    assert!(fewer.get(ResourceType::Cluster, name).is_none());
    assert!(changed(&all, &fewer, ResourceType::Cluster).is_empty());
}

#[test]
fn a_new_generation_without_change_shares_everything() {
    let (mut world, _) = shop();
    let mut translator = Observed::default();
    let proxy = sidecar("web-1.default", "10.0.0.1");
    let before = translator.view(&world.snapshot(), &proxy);
    translator.built();
    let after = translator.view(&world.snapshot(), &proxy);
    assert_eq!(translator.built(), (0, 0));
    for (one, two) in before.layers.iter().zip(&after.layers) {
        assert!(Arc::ptr_eq(one, two));
    }
}

#[test]
fn a_new_service_touches_its_own_resources() {
    let (mut world, _) = shop();
    let mut translator = Observed::default();
    let proxy = sidecar("web-1.default", "10.0.0.1");
    let before = translator.view(&world.snapshot(), &proxy);
    translator.built();
    world.apply(service("new.data", &[("http", 80, Protocol::Http)]));
    let after = translator.view(&world.snapshot(), &proxy);
    assert_eq!(translator.built(), (1, 1));
    let name = ["outbound|80||new.data.svc.cluster.local"];
    assert_eq!(changed(&before, &after, ResourceType::Cluster), name);
    assert_eq!(changed(&before, &after, ResourceType::Endpoint), name);
}

#[test]
fn a_new_endpoint_touches_one_assignment_and_no_cluster() {
    let (mut world, services) = shop();
    let mut translator = Observed::default();
    let proxy = sidecar("web-1.default", "10.0.0.1");
    let before = translator.view(&world.snapshot(), &proxy);
    translator.built();
    let web = &services[0];
    let both = [1, 2].map(|n| endpoint(&format!("10.1.1.{n}"), 8080, &pod(web, n)));
    world.serve_port(web, "grpc", both.into());
    let after = translator.view(&world.snapshot(), &proxy);
    assert_eq!(translator.built(), (0, 1));
    let cluster = ResourceType::Cluster;
    assert!(Arc::ptr_eq(before.layers[0].get(cluster), after.layers[0].get(cluster)));
    assert_eq!(
        changed(&before, &after, ResourceType::Endpoint),
        ["outbound|81||web.default.svc.cluster.local"]
    );
}

#[test]
fn a_change_that_does_not_show_is_none() {
    let (mut world, services) = shop();
    let mut translator = Observed::default();
    let proxy = sidecar("web-1.default", "10.0.0.1");
    let before = translator.view(&world.snapshot(), &proxy);
    let mut labelled = services[2].clone();
    labelled.labels.insert("team".into(), "storage".into());
    world.apply(labelled);
    let after = translator.view(&world.snapshot(), &proxy);
    for kind in [ResourceType::Cluster, ResourceType::Endpoint] {
        assert!(Arc::ptr_eq(before.layers[0].get(kind), after.layers[0].get(kind)), "{kind:?}");
    }
}

#[test]
fn a_mesh_change_that_concerns_no_cluster_builds_none() {
    let (mut world, _) = shop();
    let mut translator = Observed::default();
    let proxy = sidecar("web-1.default", "10.0.0.1");
    let before = translator.view(&world.snapshot(), &proxy);
    translator.built();
    let check = |mesh: MeshConfig, world: &mut World, translator: &mut Observed| {
        world.mesh = Arc::new(mesh);
        let after = translator.view(&world.snapshot(), &proxy);
        let clusters = changed(&before, &after, ResourceType::Cluster);
        (translator.built(), clusters.is_empty())
    };
    let mesh = MeshConfig { enable_tracing: false, ..MeshConfig::default() };
    assert_eq!(check(mesh, &mut world, &mut translator), ((0, 0), true));
    let mesh = MeshConfig { h2_upgrade: true, ..MeshConfig::default() };
    let ((clusters, assignments), same) = check(mesh, &mut world, &mut translator);
    assert!(clusters > 0 && !same, "this one concerns clusters");
    assert_eq!(assignments, 0);
}

#[test]
fn a_sweep_frees_what_is_served_no_more() {
    let (mut world, services) = shop();
    let mut translator = Observed::default();
    let proxy = sidecar("web-1.default", "10.0.0.1");
    let before = translator.view(&world.snapshot(), &proxy);
    let name = "outbound|5432||db.data.svc.cluster.local";
    let freed = [ResourceType::Cluster, ResourceType::Endpoint]
        .map(|kind| Arc::downgrade(before.get(kind, name).unwrap()));
    let service = Arc::downgrade(world.services.iter().find(|s| s.key == services[2].key).unwrap());
    world.services.retain(|s| s.key != services[2].key);
    let after = translator.view(&world.snapshot(), &proxy);
    translator.translator.sweep();
    assert!(freed.iter().all(|weak| weak.strong_count() > 0), "the old view still holds them");
    drop(before);
    translator.translator.sweep();
    assert!(freed.iter().all(|weak| weak.strong_count() == 0));
    assert_eq!(service.strong_count(), 0, "no key keeps its inputs");
    translator.built();
    let again = translator.view(&world.snapshot(), &proxy);
    assert_eq!(translator.built(), (0, 0), "what is served stays");
    assert!(changed(&after, &again, ResourceType::Cluster).is_empty());
}

#[test]
fn the_order_of_the_input_does_not_show() {
    let proxies = [
        sidecar("web-1.default", "10.0.0.1"),
        Arc::new(proxy(ProxyKind::Router, "gateway.default", "10.0.0.2")),
    ];
    let views = |world: &mut World| -> Vec<Vec<_>> {
        let snapshot = world.snapshot();
        let mut translator = Translator::default();
        let view = |proxy| {
            let resources = all_resources(&translator.view(&snapshot, proxy));
            resources.into_iter().map(|(kind, r)| (kind, r.name.clone(), r.body.clone())).collect()
        };
        proxies.iter().map(view).collect()
    };
    let (mut world, _) = shop();
    let want = views(&mut world);
    assert!(want[0].len() > 10);
    for seed in 0..8 {
        fastrand::Rng::with_seed(seed).shuffle(&mut world.services);
        assert!(views(&mut world) == want, "seed {seed}");
    }
}

#[test]
fn a_proxy_that_left_leaves_nothing_behind() {
    let (mut world, _) = shop();
    let snapshot = world.snapshot();
    let mut translator = Translator::default();
    let stays = translator.view(&snapshot, &sidecar("web-1.default", "10.1.1.1"));
    let left = translator.view(&snapshot, &sidecar("stranger-1.elsewhere", "10.9.9.9"));
    assert_eq!(translator.scopes.len(), 2);
    drop(left);
    translator.sweep();
    assert_eq!(translator.scopes.len(), 1);
    let again = translator.view(&snapshot, &sidecar("web-1.default", "10.1.1.1"));
    assert!(Arc::ptr_eq(&stays.layers[0], &again.layers[0]));
}
