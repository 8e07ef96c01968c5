use std::sync::Arc;

use super::fixtures::*;
use super::*;
use crate::api::{Object, core};
use crate::model::{Health, ServiceEndpoints, ServiceKey};

const WEB: &str = "web.shop.svc.cluster.local";

fn store(changes: impl IntoIterator<Item = Change>) -> Store {
    let mut store = Store::new(config());
    store.apply(changes);
    store
}

fn endpoints(snapshot: &Snapshot, hostname: &str) -> Arc<ServiceEndpoints> {
    let namespace = hostname.split('.').nth(1).expect("a namespace");
    let key = ServiceKey { hostname: hostname.into(), namespace: namespace.into() };
    snapshot.endpoints(&key).expect("a service").clone()
}

/// `address:port` of all usable endpoints of the port `http`.
fn served(snapshot: &Snapshot, hostname: &str) -> Vec<String> {
    let endpoints = endpoints(snapshot, hostname);
    let list = endpoints.by_port.get("http").map_or(&[][..], |list| list);
    let usable = list.iter().filter(|e| e.health == Health::Healthy);
    usable.map(|e| format!("{}:{}", e.address, e.port)).collect()
}

fn shop() -> Vec<Change> {
    vec![
        apply(namespace("shop", "")),
        apply(node("node-a", "topology.kubernetes.io/region=r1 topology.kubernetes.io/zone=z1")),
        apply(service("shop", "web", "app=web")),
        apply(service("shop", "db", "app=db")),
        apply(pod("shop", "web-0", "10.0.0.1", "app=web")),
        apply(pod("shop", "web-1", "10.0.0.2", "app=web")),
        apply(pod("shop", "db-0", "10.0.0.3", "app=db")),
        apply(slice("shop", "web-a", "web", vec![endpoint("10.0.0.1", "web-0")])),
        apply(slice("shop", "db-a", "db", vec![endpoint("10.0.0.3", "db-0")])),
    ]
}

/// That nothing is remembered of objects.
pub(super) fn assert_empty(store: &Store) {
    let Store { objects, own, remotes, slices, selects, names, runs_on, aliases, .. } = store;
    assert!(objects.is_empty() && own.inputs.is_empty() && own.selectors.is_empty());
    assert!(remotes.is_empty() && slices.is_empty() && aliases.is_empty());
    assert!(selects.is_empty() && names.is_empty() && runs_on.is_empty());
    let Store { withheld, services, merged, by_age, namespaces, gateways, entries, .. } = store;
    assert!(withheld.is_empty() && services.is_empty() && merged.is_empty());
    assert!(by_age.is_empty() && namespaces.is_empty() && gateways.is_empty());
    assert!(entries.services.is_empty() && entries.workloads.is_empty() && entries.at.is_empty());
    assert!(entries.hosts.is_empty() && entries.selects.is_empty() && entries.chosen.is_empty());
    assert!(entries.selectors.is_empty() && entries.needs.is_empty());
}

#[test]
fn a_shop_is_served() {
    let mut store = store(shop());
    let snapshot = store.snapshot();
    assert_eq!(snapshot.generation, 1);
    let names: Vec<&str> = snapshot.services.iter().map(|s| &*s.name).collect();
    assert_eq!(names, ["db", "web"]);
    assert_eq!(served(&snapshot, WEB), ["10.0.0.1:8080"], "web-1 is in no slice");
    let web = snapshot.workload("", "shop", "web-1").expect("a workload");
    assert_eq!(web.targets.len(), 1);
    assert_eq!(&*web.targets[0].service.name, "web");
    assert_eq!(&*web.workload.locality.zone, "z1");
}

#[test]
fn what_changes_nothing_publishes_nothing() {
    let mut store = store(shop());
    let first = store.snapshot();
    store.apply(shop());
    assert!(Arc::ptr_eq(&first, &store.snapshot()), "the same objects again");
    store.apply([apply(core::Pod { ready: false, ..pod("shop", "web-0", "10.0.0.1", "app=web") })]);
    assert!(Arc::ptr_eq(&first, &store.snapshot()), "readiness is read from slices");
    store.apply([remove(pod("shop", "unknown", "10.0.0.9", ""))]);
    assert!(Arc::ptr_eq(&first, &store.snapshot()), "the removal of what is unknown");
    // Injection asks for the kubelets of all nodes.
    store.apply([apply(node("node-b", ""))]);
    assert!(store.snapshot().translates_like(&first), "a node without pods");
}

#[test]
fn what_did_not_change_keeps_its_arc() {
    let mut store = store(shop());
    let before = store.snapshot();
    let two = vec![endpoint("10.0.0.1", "web-0"), endpoint("10.0.0.2", "web-1")];
    store.apply([apply(slice("shop", "web-a", "web", two))]);
    let after = store.snapshot();
    assert_eq!(served(&after, WEB), ["10.0.0.1:8080", "10.0.0.2:8080"]);
    assert_eq!(after.generation, before.generation + 1);
    assert!(Arc::ptr_eq(&before.services, &after.services));
    let (old, new) = (endpoints(&before, WEB), endpoints(&after, WEB));
    assert!(!Arc::ptr_eq(&old, &new));
    assert!(Arc::ptr_eq(&old.traits, &new.traits), "the same identity serves");
    assert!(Arc::ptr_eq(&old.origins, &new.origins));
    let db = "db.shop.svc.cluster.local";
    assert!(Arc::ptr_eq(&endpoints(&before, db), &endpoints(&after, db)));
    let [old, new] = [&before, &after].map(|s| s.namespaces["shop"].clone());
    assert!(old.workloads.is(&new.workloads));
}

#[test]
fn a_status_alone_translates_to_nothing_else() {
    use crate::api::config::Config;
    use crate::api::networking::ServiceEntry;
    use crate::api::networking::service_entry::{AllocatedAddress, Resolution, ServicePort};
    let entry = |host: &str, told: &[&str]| {
        let mut entry = Config::<ServiceEntry> { meta: meta("shop", "e"), ..Config::default() };
        entry.spec.hosts = vec![host.into()];
        entry.spec.resolution = Resolution::Dns;
        entry.spec.ports = vec![ServicePort { number: 443, ..ServicePort::default() }];
        let address = |value: &&str| AllocatedAddress { value: (*value).into(), host: host.into() };
        entry.status.addresses = told.iter().map(address).collect();
        Change::Apply(Object::ServiceEntry(Arc::new(entry)))
    };
    let mut store = store(shop().into_iter().chain([entry("x.test", &[])]));
    let first = store.snapshot();
    let service = first.services.iter().find(|s| &*s.key.hostname == "x.test").expect("a service");
    let allocated: Vec<String> = service.allocated.iter().map(ToString::to_string).collect();
    assert_eq!(allocated.len(), 2);
    let told: Vec<&str> = allocated.iter().map(String::as_str).collect();
    store.apply([entry("x.test", &told)]);
    let told = store.snapshot();
    assert_eq!(told.generation, first.generation + 1, "controllers read it");
    assert!(told.translates_like(&first));
    store.apply([entry("y.test", &[])]);
    assert!(!store.snapshot().translates_like(&told));
}

#[test]
fn an_endpoint_waits_for_its_pod() {
    let mut store = store(shop().into_iter().filter(|c| &*c.key().name != "web-0"));
    assert_eq!(served(&store.snapshot(), WEB), [""; 0]);
    assert_eq!(store.withheld_endpoints(), 1);
    store.apply([apply(pod("shop", "web-0", "10.0.0.1", "app=web"))]);
    assert_eq!(served(&store.snapshot(), WEB), ["10.0.0.1:8080"]);
    assert_eq!(store.withheld_endpoints(), 0);
    store.apply([apply(core::Pod {
        finished: true,
        ..pod("shop", "web-0", "10.0.0.1", "app=web")
    })]);
    assert_eq!(served(&store.snapshot(), WEB), [""; 0]);
    assert_eq!(store.withheld_endpoints(), 1);
    store.apply([remove(service("shop", "web", ""))]);
    store.snapshot();
    assert_eq!(store.withheld_endpoints(), 0);
}

#[test]
fn without_slices_the_selected_pods_serve() {
    let mut store = store(shop().into_iter().filter(|c| c.key().kind != Kind::EndpointSlice));
    assert_eq!(served(&store.snapshot(), WEB), ["10.0.0.1:8080", "10.0.0.2:8080"]);
    store.apply([apply(core::Pod { ready: false, ..pod("shop", "web-0", "10.0.0.1", "app=web") })]);
    assert_eq!(served(&store.snapshot(), WEB), ["10.0.0.2:8080"]);
    store.apply([apply(pod("shop", "web-1", "10.0.0.2", "app=other"))]);
    assert_eq!(served(&store.snapshot(), WEB), [""; 0]);
    store.apply([apply(slice("shop", "web-a", "web", vec![endpoint("10.0.0.2", "web-1")]))]);
    assert_eq!(served(&store.snapshot(), WEB), ["10.0.0.2:8080"], "a slice decides");
    store.apply([remove(slice("shop", "web-a", "web", vec![]))]);
    store.apply([apply(pod("shop", "web-1", "10.0.0.2", "app=web"))]);
    assert_eq!(served(&store.snapshot(), WEB), ["10.0.0.2:8080"], "and is gone");
}

#[test]
fn an_endpoints_object_counts_where_there_is_no_slice() {
    let object =
        Object::Endpoints(Arc::new(slice("shop", "web", "web", vec![endpoint("1.2.3.4", "")])));
    let mut store = store([apply(service("shop", "web", "")), Change::Apply(object.clone())]);
    assert_eq!(served(&store.snapshot(), WEB), ["1.2.3.4:8080"]);
    store.apply([apply(slice("shop", "web-a", "web", vec![endpoint("5.6.7.8", "")]))]);
    assert_eq!(served(&store.snapshot(), WEB), ["5.6.7.8:8080"]);
    store.apply([remove(slice("shop", "web-a", "web", vec![])), Change::Remove(object.key())]);
    assert_eq!(served(&store.snapshot(), WEB), [""; 0]);
}

#[test]
fn a_slice_may_move_to_another_service() {
    let mut store = store(shop());
    store.snapshot();
    store.apply([apply(slice("shop", "db-a", "web", vec![endpoint("10.0.0.3", "db-0")]))]);
    let snapshot = store.snapshot();
    assert_eq!(served(&snapshot, WEB), ["10.0.0.3:8080", "10.0.0.1:8080"], "by the slices' names");
    assert_eq!(served(&snapshot, "db.shop.svc.cluster.local"), ["10.0.0.3:8080"], "from its pod");
}

#[test]
fn a_node_moves_its_pods() {
    let mut store = store(shop());
    store.snapshot();
    store.apply([apply(node("node-a", "topology.kubernetes.io/zone=z2"))]);
    let snapshot = store.snapshot();
    let list = endpoints(&snapshot, WEB);
    let workload = list.by_port["http"][0].workload.as_ref().expect("a workload");
    assert_eq!(&*workload.locality.zone, "z2");
    let own = &snapshot.workload("", "shop", "web-0").expect("a workload").workload;
    assert!(Arc::ptr_eq(workload, own));
}

#[test]
fn the_trust_domain_names_everybody_anew() {
    let mut store = store(shop());
    let before = store.snapshot();
    let mesh = MeshConfig { trust_domain: "example.org".into(), ..MeshConfig::default() };
    store.set_mesh(Arc::new(mesh.clone()));
    let after = store.snapshot();
    let identities = &endpoints(&after, WEB).traits.identities;
    assert_eq!(&*identities[0], "spiffe://example.org/ns/shop/sa/default");
    assert!(Arc::ptr_eq(&before.services, &after.services), "no service names an identity");
    store.set_mesh(Arc::new(MeshConfig { enable_tracing: false, ..mesh.clone() }));
    let newest = store.snapshot();
    assert!(Arc::ptr_eq(&newest.namespaces, &after.namespaces));
    assert_eq!(newest.generation, after.generation + 1);
    store.set_mesh(Arc::new(MeshConfig { enable_tracing: false, ..mesh }));
    assert!(Arc::ptr_eq(&newest, &store.snapshot()));
}

#[test]
fn the_network_of_the_control_plane_is_the_default() {
    let mut store = store(shop());
    store.snapshot();
    store.apply([apply(namespace("istio-system", "topology.istio.io/network=net1"))]);
    let snapshot = store.snapshot();
    assert_eq!(
        &*snapshot.workload("", "shop", "web-0").expect("a workload").workload.network,
        "net1"
    );
    store.apply([remove(namespace("istio-system", ""))]);
    let snapshot = store.snapshot();
    assert_eq!(&*snapshot.workload("", "shop", "web-0").expect("a workload").workload.network, "");
    assert!(!snapshot.namespaces.contains_key("istio-system"), "nothing is left of it");
}

/// The host names of the aliases of `web`.
fn aliases(snapshot: &Snapshot) -> Vec<String> {
    let web = snapshot.services.iter().find(|s| &*s.key.hostname == WEB).expect("web");
    web.aliases.iter().map(|key| key.hostname.to_string()).collect()
}

fn alias(name: &str, target: &str) -> core::Service {
    core::Service {
        kind: core::ServiceType::ExternalName,
        external_name: target.into(),
        ..service("shop", name, "")
    }
}

#[test]
fn a_service_knows_its_aliases() {
    let [a, b] = ["a", "b"].map(|name| format!("{name}.shop.svc.cluster.local"));
    let mut store = store(shop());
    store.apply([apply(alias("a", WEB)), apply(alias("b", &a))]);
    assert_eq!(aliases(&store.snapshot()), [a.clone(), b.clone()], "through a too");
    store.apply([apply(alias("a", "example.com"))]);
    assert_eq!(aliases(&store.snapshot()), [""; 0]);
    store.apply([apply(alias("a", &b)), apply(alias("b", &format!("{a}.")))]);
    assert_eq!(aliases(&store.snapshot()), [""; 0], "a circle leads nowhere");
    store.apply([apply(alias("b", &format!("{WEB}.")))]);
    assert_eq!(aliases(&store.snapshot()), [a, b.clone()]);
    store.apply([remove(alias("a", ""))]);
    assert_eq!(aliases(&store.snapshot()), [b]);
}

#[test]
fn pods_that_are_alike_share_their_targets() {
    let mut store = store(shop());
    let snapshot = store.snapshot();
    let targets = |name| snapshot.workload("", "shop", name).expect("a workload").targets.clone();
    assert!(Arc::ptr_eq(&targets("web-0"), &targets("web-1")));
    assert!(!Arc::ptr_eq(&targets("web-0"), &targets("db-0")));
}

#[test]
fn a_pod_that_nothing_selects_is_behind_the_services_whose_slices_name_it() {
    let mut store = store(shop());
    store.apply([
        apply(pod("shop", "solo", "10.0.0.9", "app=solo")),
        apply(service("shop", "manual", "")),
        apply(slice("shop", "manual", "manual", vec![endpoint("10.0.0.9", "solo")])),
    ]);
    let targets = |snapshot: &Snapshot| -> Vec<String> {
        let targets = &snapshot.workload("", "shop", "solo").expect("a workload").targets;
        targets.iter().map(|t| format!("{}:{}", t.service.name, t.target_port)).collect()
    };
    assert_eq!(targets(&store.snapshot()), ["manual:8080"]);
    store.apply([apply(pod("shop", "solo", "10.0.0.9", "app=db"))]);
    assert_eq!(targets(&store.snapshot()), ["db:8080"], "a selector is stronger");
    store.apply([apply(pod("shop", "solo", "10.0.0.9", "app=solo"))]);
    store.apply([apply(slice("shop", "manual", "manual", vec![]))]);
    assert_eq!(targets(&store.snapshot()), [""; 0]);
}

mod order;
