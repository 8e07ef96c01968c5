use super::*;
use crate::api::core::{self, TargetPort};
use crate::api::networking::ServiceEntry;
use crate::api::networking::common::WorkloadSelector;
use crate::api::networking::service_entry::{Resolution as Declared, ServicePort};
use crate::api::{Change, Object, config};
use crate::snapshot::Snapshot;
use crate::store::fixtures::{
    apply, config as store_config, endpoint, ip, labels, meta, namespace, pod, remove, service,
    service_port, slice,
};

const WEB: &str = "web.shop.svc.cluster.local";

/// The service `web` with this virtual address, and a pod at an address.
fn web(virtual_ip: &str, address: &str) -> Vec<Change> {
    let service =
        core::Service { cluster_ips: vec![ip(virtual_ip)], ..service("shop", "web", "app=web") };
    vec![
        apply(service),
        apply(pod("shop", "web-0", address, "app=web")),
        apply(slice("shop", "web-a", "web", vec![endpoint(address, "web-0")])),
    ]
}

/// A mesh of the own cluster `Kubernetes`, and of `East` before and `West` behind it by name.
fn mesh() -> Store {
    let mut store = Store::new(store_config());
    store.apply_remote(&"West".into(), web("10.96.3.1", "10.0.3.1"));
    store.apply(web("10.96.2.1", "10.0.2.1"));
    store.apply_remote(&"East".into(), web("10.96.1.1", "10.0.1.1"));
    store
}

fn key() -> ServiceKey {
    ServiceKey { hostname: WEB.into(), namespace: "shop".into() }
}

/// `address cluster network` of all endpoints.
fn served(snapshot: &Snapshot) -> Vec<String> {
    let Some(endpoints) = snapshot.endpoints(&key()) else { return Vec::new() };
    let list = endpoints.by_port.get("http").map_or(&[][..], |list| list);
    list.iter().map(|e| format!("{} {} {}", e.address, e.cluster(), e.network())).collect()
}

#[test]
fn a_service_of_several_clusters_is_one() {
    let snapshot = mesh().snapshot();
    assert_eq!(snapshot.services.len(), 1);
    assert_eq!(snapshot.namespaces["shop"].services.len(), 1);
    let service = &snapshot.services[0];
    let clusters: Vec<&str> = service.addresses.iter().map(|(cluster, _)| &**cluster).collect();
    assert_eq!(clusters, ["Kubernetes", "East", "West"]);
    assert_eq!(service.addresses_in("East"), [ip("10.96.1.1")]);
    assert_eq!(service.addresses_in("Kubernetes"), [ip("10.96.2.1")]);
    assert_eq!(service.addresses_in("nowhere"), [ip("10.96.2.1")], "of the cluster that decides");
    let want = ["10.0.1.1 East ", "10.0.2.1 Kubernetes ", "10.0.3.1 West "];
    assert_eq!(served(&snapshot), want, "in the order of the clusters' ids");
}

#[test]
fn the_own_cluster_decides_and_then_the_first() {
    let port = |cluster: &str, number| {
        let ports = vec![service_port("http", number, TargetPort::Number(8080))];
        let mut object = core::Service { ports, ..service("shop", "web", "") };
        let key = "alpha.istio.io/canonical-serviceaccounts";
        object.meta.annotations.insert(key.into(), format!("spiffe://{cluster}").into());
        apply(object)
    };
    let mut store = Store::new(store_config());
    let shown = |store: &mut Store| {
        let service = store.snapshot().services[0].clone();
        (service.ports[0].number, service.service_accounts.join(" "))
    };
    store.apply_remote(&"West".into(), [port("west", 83)]);
    assert_eq!(shown(&mut store), (83, "spiffe://west".into()));
    store.apply_remote(&"East".into(), [port("east", 81)]);
    assert_eq!(shown(&mut store), (81, "spiffe://east spiffe://west".into()));
    store.apply([port("own", 82)]);
    assert_eq!(shown(&mut store), (82, "spiffe://east spiffe://own spiffe://west".into()));
    store.apply([remove(service("shop", "web", ""))]);
    store.remove_cluster(&"East".into());
    assert_eq!(shown(&mut store), (83, "spiffe://west".into()));
}

#[test]
fn an_address_that_a_cluster_does_not_have_is_not_borrowed() {
    let mut store = mesh();
    let headless =
        core::Service { headless: true, cluster_ips: vec![], ..service("shop", "web", "app=web") };
    store.apply_remote(&"East".into(), [apply(headless)]);
    let service = store.snapshot().services[0].clone();
    assert!(service.addresses_in("East").is_empty());
    assert_eq!(service.resolution, Resolution::ClientSideLb);
}

#[test]
fn a_change_in_one_cluster_leaves_the_rest_as_it_is() {
    let mut store = mesh();
    let other = core::Service { ..service("shop", "other", "") };
    store.apply([apply(other)]);
    store.apply_remote(&"East".into(), [apply(service("shop", "far", "app=far"))]);
    let before = store.snapshot();
    store.apply_remote(&"East".into(), web("10.96.1.1", "10.0.1.2"));
    let after = store.snapshot();
    assert!(Arc::ptr_eq(&before.services, &after.services), "only endpoints changed");
    assert_eq!(served(&after)[0], "10.0.1.2 East ");
    let [old, new] = [&before, &after].map(|s| s.remotes.clone());
    assert!(Arc::ptr_eq(&old["West"], &new["West"]) && !Arc::ptr_eq(&old["East"], &new["East"]));
    store.apply_remote(&"East".into(), web("10.96.1.1", "10.0.1.2"));
    assert!(Arc::ptr_eq(&after, &store.snapshot()), "the same again");
}

#[test]
fn what_one_cluster_has_alone_is_shown_as_it_is() {
    let mut store = Store::new(store_config());
    store.apply(web("10.96.2.1", "10.0.2.1"));
    let alone = store.snapshot();
    store.apply_remote(&"East".into(), web("10.96.1.1", "10.0.1.1"));
    assert_eq!(store.snapshot().services[0].addresses.len(), 2);
    store.remove_cluster(&"East".into());
    let again = store.snapshot();
    assert!(Arc::ptr_eq(&alone.services[0], &again.services[0]));
    assert_eq!(served(&again), ["10.0.2.1 Kubernetes "]);
    assert!(store.merged.is_empty() && store.remotes.is_empty());
}

#[test]
fn workloads_of_one_name_are_kept_apart() {
    let snapshot = mesh().snapshot();
    for (cluster, address) in
        [("", "10.0.2.1"), ("Kubernetes", "10.0.2.1"), ("East", "10.0.1.1"), ("West", "10.0.3.1")]
    {
        let state = snapshot.workload(cluster, "shop", "web-0").expect("a workload");
        assert_eq!(state.workload.ips, [ip(address)]);
        let [target] = &*state.targets else { panic!("{:?}", state.targets) };
        assert_eq!(target.service.addresses.len(), 1, "what its own cluster has of the service");
    }
    assert!(snapshot.workload("nowhere", "shop", "web-0").is_none());
}

#[test]
fn each_cluster_has_its_network() {
    let mut store = mesh();
    let bare = || apply(slice("shop", "web-b", "web", vec![endpoint("192.0.2.1", "")]));
    store.apply_remote(&"East".into(), [bare()]);
    let label = |network: &str| {
        apply(namespace("istio-system", &format!("topology.istio.io/network={network}")))
    };
    store.apply_remote(&"East".into(), [label("net-e")]);
    let networks = serde_json::from_value(serde_json::json!({ "networks": {
        "net-w": { "endpoints": [{ "fromRegistry": "West" }] },
    } }));
    let networks = networks.expect("mesh networks");
    store.set_mesh(Arc::new(crate::api::MeshConfig { networks, ..Default::default() }));
    let told = served(&store.snapshot());
    let want = [
        "10.0.1.1 East net-e",
        "192.0.2.1 East net-e",
        "10.0.2.1 Kubernetes ",
        "10.0.3.1 West net-w",
    ];
    assert_eq!(told, want);

    let mut gateway = service("istio-system", "eastwest", "");
    gateway.meta.labels = labels("topology.istio.io/network=net-e");
    gateway.ports = vec![service_port("tls", 15443, TargetPort::Number(15443))];
    gateway.external_addresses = vec!["198.51.100.1".into()];
    store.apply_remote(&"East".into(), [apply(gateway)]);
    let networks = store.snapshot().networks.clone();
    let all: Vec<_> = networks.resolved.to("net-e", "East").collect();
    assert_eq!((&*all[0].address, &*all[0].cluster), ("198.51.100.1", "East"));
    store.remove_cluster(&"East".into());
    assert!(store.snapshot().networks.all.is_empty());
}

fn entry(hosts: &str, selector: &str) -> Change {
    let spec = ServiceEntry {
        hosts: vec![hosts.into()],
        resolution: Declared::Static,
        ports: vec![ServicePort { number: 80, name: "http".into(), ..ServicePort::default() }],
        workload_selector: Some(WorkloadSelector { labels: labels(selector) }),
        ..ServiceEntry::default()
    };
    let object = config::Config { meta: meta("shop", "entry"), spec, ..Default::default() };
    Change::Apply(config::Spec::object(Arc::new(object)))
}

#[test]
fn service_entries_select_workloads_of_all_clusters() {
    let mut store = mesh();
    let entries: Vec<Change> = vec![entry("x.test", "app=web")];
    store.apply(entries);
    store.apply_remote(&"East".into(), [entry("east.test", "app=web")]);
    let snapshot = store.snapshot();
    let hosts: Vec<&str> = snapshot.services.iter().map(|s| &*s.key.hostname).collect();
    assert_eq!(hosts, [WEB, "x.test"], "what a remote cluster says of hosts does not count");
    let x = ServiceKey { hostname: "x.test".into(), namespace: "shop".into() };
    let endpoints = snapshot.endpoints(&x).expect("endpoints");
    let clusters: Vec<&str> = endpoints.by_port["http"].iter().map(|e| e.cluster()).collect();
    assert_eq!(clusters, ["Kubernetes", "East", "West"]);
    let state = snapshot.workload("West", "shop", "web-0").expect("a workload");
    let targets: Vec<&str> = state.targets.iter().map(|t| &*t.service.key.hostname).collect();
    assert_eq!(targets, [WEB, "x.test"]);
}

#[test]
fn what_service_entries_add_comes_before_all_clusters() {
    let mut store = mesh();
    store.apply([apply(pod("shop", "more", "10.0.9.9", "app=more")), entry(WEB, "app=more")]);
    let told = served(&store.snapshot());
    assert_eq!(told[0], "10.0.9.9 Kubernetes ");
    assert_eq!(told.len(), 4);
}

#[test]
fn a_thousand_rotations_leave_nothing() {
    let mut store = Store::new(store_config());
    store.apply(web("10.96.2.1", "10.0.2.1"));
    let objects = || {
        let more: Vec<Object> =
            vec![namespace("shop", "").into(), crate::store::fixtures::node("node-a", "").into()];
        web("10.96.1.1", "10.0.1.1").into_iter().chain(more.into_iter().map(Change::Apply))
    };
    let first = store.snapshot();
    for turn in 0..1_000 {
        store.apply_remote(&"East".into(), objects());
        assert_eq!(served(&store.snapshot()).len(), 2, "{turn}");
        store.remove_cluster(&"East".into());
        assert_eq!(served(&store.snapshot()).len(), 1, "{turn}");
    }
    assert!(Arc::ptr_eq(&first.services[0], &store.snapshot().services[0]));
    assert_eq!(store.own.inputs.len() + store.objects.len(), 3);
    store.apply([
        remove(service("shop", "web", "")),
        remove(pod("shop", "web-0", "10.0.2.1", "")),
        remove(slice("shop", "web-a", "web", vec![])),
    ]);
    store.snapshot();
    crate::store::tests::assert_empty(&store);
}
