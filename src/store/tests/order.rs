//! Any order of events, in whichever clusters, that ends in the same objects gives the same snapshot.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::api::config::{self as config_of, Spec};
use crate::api::core::{
    AddressType, EndpointSlice, Pod, Service, ServiceType, SliceEndpoint, TargetPort,
};
use crate::api::networking::common::WorkloadSelector;
use crate::api::networking::service_entry::{Resolution, ServicePort};
use crate::api::networking::{DestinationRule, ServiceEntry, WorkloadEntry};
use crate::api::security::PeerAuthentication;
use crate::api::{Labels, Meta};
use crate::model;
use crate::snapshot::WorkloadState;

/// What may happen to a store.
#[derive(Clone, Debug)]
enum Event {
    /// In the own cluster, or in this other one.
    Change(Option<&'static str>, Change),
    /// Another cluster leaves the mesh.
    Leave(&'static str),
    TrustDomain(&'static str),
    /// Everything so far is derived before anything else happens.
    Snapshot,
}

fn namespace_name() -> impl Strategy<Value = &'static str> {
    // The system namespace is one of them: its label is everybody's network.
    select(vec!["a", "b", "istio-system"])
}

fn some_labels() -> impl Strategy<Value = Labels> {
    let words = ["", "app=x", "app=y", "app=x version=v1", "app=x topology.istio.io/network=net9"];
    select(words.to_vec()).prop_map(labels)
}

fn a_namespace() -> impl Strategy<Value = Object> {
    let labels =
        select(vec!["", "topology.istio.io/network=net1", "topology.istio.io/network=net2"]);
    (namespace_name(), labels, any::<bool>()).prop_map(|(name, labels, close)| {
        let mut object = namespace(name, labels);
        if close {
            let key = "networking.istio.io/traffic-distribution";
            object.meta.annotations.insert(key.into(), "PreferClose".into());
        }
        object.into()
    })
}

fn a_node() -> impl Strategy<Value = Object> {
    let zones = vec!["", "topology.kubernetes.io/zone=z1", "topology.kubernetes.io/zone=z2"];
    (select(vec!["n0", "n1"]), select(zones)).prop_map(|(name, zone)| node(name, zone).into())
}

fn a_pod() -> impl Strategy<Value = Object> {
    let names = select(vec!["p0", "p1", "p2", "p3"]);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    let place = (select(vec!["", "n0", "n1"]), 1..5u8);
    let with = (names, place, some_labels(), flags, select(vec![8080, 9090]));
    (namespace_name(), with).prop_map(
        |(namespace, (name, (node, address), labels, flags, port))| {
            let (ready, terminating, finished) = flags;
            let mut pod = Pod {
                node_name: node.into(),
                ready,
                terminating,
                finished,
                ..pod(namespace, name, &format!("10.0.0.{address}"), "")
            };
            pod.meta.labels = labels;
            pod.ips.push(ip(&format!("fd00::{address}")));
            pod.ports[0].port = port;
            pod.into()
        },
    )
}

fn a_service() -> impl Strategy<Value = Object> {
    let names = select(vec!["s0", "s1", "s2"]);
    let kind = prop_oneof![
        3 => Just(None),
        1 => select(vec!["s0.a.svc.cluster.local", "s1.a.svc.cluster.local", "example.com"])
            .prop_map(Some),
    ];
    let target = select(vec![
        TargetPort::Number(8080),
        TargetPort::Name("web".into()),
        TargetPort::Number(0),
    ]);
    let flags = (any::<bool>(), any::<bool>(), option::of(0..3i64));
    (namespace_name(), names, some_labels(), kind, target, flags).prop_map(
        |(namespace, name, selector, alias, target, (headless, publish_not_ready, created))| {
            let mut object = Service {
                ports: vec![service_port("http", 80, target)],
                selector,
                headless,
                publish_not_ready,
                ..service(namespace, name, "")
            };
            object.meta.created = created.and_then(|s| jiff::Timestamp::from_second(s).ok());
            if headless {
                object.cluster_ips.clear();
            }
            if let Some(host) = alias {
                object.kind = ServiceType::ExternalName;
                object.external_name = host.into();
            }
            object.into()
        },
    )
}

fn a_slice_endpoint() -> impl Strategy<Value = (u8, &'static str, Option<bool>)> {
    (1..5u8, select(vec!["", "p0", "p1", "p2", "p3"]), option::of(any::<bool>()))
}

fn a_slice() -> impl Strategy<Value = Object> {
    let names = select(vec!["e0", "e1", "e2"]);
    let services = select(vec!["s0", "s1", "s2", ""]);
    let family = select(vec![AddressType::V4, AddressType::V6, AddressType::Fqdn]);
    let form = (family, any::<bool>());
    (namespace_name(), names, services, form, vec(a_slice_endpoint(), 0..4)).prop_map(
        |(namespace, name, service, (address_type, plain_endpoints), list)| {
            let endpoint = |(address, pod, ready): (u8, &str, Option<bool>)| {
                let text = match address_type {
                    AddressType::V6 => format!("fd00::{address}"),
                    _ => format!("10.0.0.{address}"),
                };
                SliceEndpoint { ready, ..endpoint(&text, pod) }
            };
            let endpoints = list.into_iter().map(endpoint).collect();
            let slice: EndpointSlice =
                EndpointSlice { address_type, ..slice(namespace, name, service, endpoints) };
            if plain_endpoints { Object::Endpoints(Arc::new(slice)) } else { slice.into() }
        },
    )
}

fn a_service_entry() -> impl Strategy<Value = Object> {
    let hosts =
        select(vec![vec!["x.test"], vec!["x.test", "y.test"], vec!["s0.a.svc.cluster.local"]]);
    let resolutions = select(vec![
        Resolution::Static,
        Resolution::Dns,
        Resolution::DnsRoundRobin,
        Resolution::None,
    ]);
    let selectors = option::of(select(vec!["", "app=x", "app=y"]));
    let with = (hosts, resolutions, selectors, vec(1..5u8, 0..3), option::of(0..3i64));
    let names = select(vec!["se0", "se1", "se2"]);
    (namespace_name(), names, with).prop_map(
        |(namespace, name, (hosts, resolution, selector, endpoints, created))| {
            let port = ServicePort { number: 80, name: "http".into(), ..ServicePort::default() };
            let endpoint = |address| WorkloadEntry {
                address: format!("10.0.0.{address}").into(),
                ..WorkloadEntry::default()
            };
            let spec = ServiceEntry {
                hosts: hosts.into_iter().map(Str::from).collect(),
                resolution,
                ports: vec![port],
                workload_selector: selector.map(|s| WorkloadSelector { labels: labels(s) }),
                endpoints: endpoints.into_iter().map(endpoint).collect(),
                ..ServiceEntry::default()
            };
            let created = created.and_then(|s| jiff::Timestamp::from_second(s).ok());
            let meta = Meta { created, ..meta(namespace, name) };
            ServiceEntry::object(Arc::new(config_of::Config { meta, spec, ..Default::default() }))
        },
    )
}

fn a_workload_entry() -> impl Strategy<Value = Object> {
    // Some have the name of a pod.
    let with = (select(vec!["w0", "w1", "p0"]), 1..5u8, some_labels(), any::<bool>());
    (namespace_name(), with).prop_map(|(namespace, (name, address, labels, account))| {
        let spec = WorkloadEntry {
            address: format!("10.0.0.{address}").into(),
            service_account: if account { "vm" } else { "" }.into(),
            ..WorkloadEntry::default()
        };
        let meta = Meta { labels, ..meta(namespace, name) };
        WorkloadEntry::object(Arc::new(config_of::Config { meta, spec, ..Default::default() }))
    })
}

fn a_cluster() -> impl Strategy<Value = Option<&'static str>> {
    // The own one has an id that is between these.
    prop_oneof![3 => Just(None), 2 => Just(Some("East")), 1 => Just(Some("West"))]
}

fn a_peer_authentication() -> impl Strategy<Value = Object> {
    let modes = || select(vec!["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]);
    let selectors = option::of(select(vec!["", "app=x", "app=x version=v1"]));
    let ports = option::of((select(vec!["8080", "80"]), modes()));
    let with = (selectors, modes(), ports, option::of(0..3i64));
    (namespace_name(), select(vec!["pa0", "pa1"]), with).prop_map(
        |(namespace, name, (selector, mode, ports, created))| {
            let mut spec = serde_json::json!({ "mtls": { "mode": mode } });
            if let Some(selector) = selector {
                spec["selector"] = serde_json::json!({ "matchLabels": labels(selector) });
            }
            if let Some((port, mode)) = ports {
                spec["portLevelMtls"] = serde_json::json!({ port: { "mode": mode } });
            }
            let created = created.map(|at| jiff::Timestamp::from_second(at).expect("a time"));
            let meta = Meta { created, ..meta(namespace, name) };
            let spec = serde_json::from_value(spec).expect("a spec");
            PeerAuthentication::object(Arc::new(config_of::Config { meta, spec, status: () }))
        },
    )
}

/// By which clients present no certificate.
fn a_destination_rule() -> impl Strategy<Value = Object> {
    let hosts = select(vec!["s0.a.svc.cluster.local", "*.a.svc.cluster.local", "s0"]);
    (namespace_name(), select(vec!["dr0", "dr1"]), hosts).prop_map(|(namespace, name, host)| {
        let spec =
            serde_json::json!({ "host": host, "trafficPolicy": { "tls": { "mode": "DISABLE" } } });
        let spec = serde_json::from_value(spec).expect("a spec");
        let meta = meta(namespace, name);
        DestinationRule::object(Arc::new(config_of::Config { meta, spec, status: () }))
    })
}

fn an_event() -> impl Strategy<Value = Event> {
    let object = prop_oneof![
        1 => a_namespace(),
        1 => a_node(),
        4 => a_pod(),
        4 => a_service(),
        4 => a_slice(),
        4 => a_service_entry(),
        3 => a_workload_entry(),
        2 => a_peer_authentication(),
        1 => a_destination_rule(),
    ];
    prop_oneof![
        12 => (a_cluster(), object.clone())
            .prop_map(|(cluster, object)| Event::Change(cluster, Change::Apply(object))),
        6 => (a_cluster(), object)
            .prop_map(|(cluster, object)| Event::Change(cluster, Change::Remove(object.key()))),
        1 => select(vec!["East", "West"]).prop_map(Event::Leave),
        2 => select(vec!["one", "two"]).prop_map(Event::TrustDomain),
        8 => Just(Event::Snapshot),
    ]
}

/// A place and what is there.
type Left = BTreeMap<(Option<&'static str>, ObjectKey), Object>;

fn tell(store: &mut Store, cluster: Option<&str>, change: Change) {
    match cluster {
        None => store.apply([change]),
        Some(cluster) => store.apply_remote(&cluster.into(), [change]),
    }
}

fn mesh(trust_domain: &str) -> Arc<MeshConfig> {
    Arc::new(MeshConfig { trust_domain: trust_domain.into(), ..MeshConfig::default() })
}

/// A store that saw these events, and the objects that they leave.
fn after(events: &[Event]) -> (Store, Left, &'static str) {
    let mut store = Store::new(config());
    let mut left = Left::new();
    let mut trust_domain = "cluster.local";
    for event in events {
        match event {
            Event::Change(cluster, change) => {
                match change {
                    Change::Apply(object) => left.insert((*cluster, object.key()), object.clone()),
                    Change::Remove(key) => left.remove(&(*cluster, key.clone())),
                };
                tell(&mut store, *cluster, change.clone());
            }
            Event::Leave(cluster) => {
                left.retain(|(other, _), _| *other != Some(cluster));
                store.remove_cluster(&(*cluster).into());
            }
            Event::TrustDomain(name) => {
                trust_domain = name;
                store.set_mesh(mesh(name));
            }
            Event::Snapshot => {
                store.snapshot();
            }
        }
    }
    (store, left, trust_domain)
}

/// The snapshot after these events, and after the objects that they leave, told at once to a new store.
fn both(events: &[Event]) -> (Arc<Snapshot>, Arc<Snapshot>, [usize; 2]) {
    let (mut store, left, trust_domain) = after(events);
    let mut fresh = Store::new(config());
    fresh.set_mesh(mesh(trust_domain));
    for ((cluster, _), object) in left {
        tell(&mut fresh, cluster, Change::Apply(object));
    }
    let snapshots = (store.snapshot(), fresh.snapshot());
    (snapshots.0, snapshots.1, [store.withheld_endpoints(), fresh.withheld_endpoints()])
}

fn assert_same(got: &Snapshot, want: &Snapshot) {
    assert_eq!(got.services, want.services);
    assert_eq!(got.objects, want.objects);
    assert_eq!(got.mesh, want.mesh);
    assert_eq!(got.networks, want.networks);
    assert_eq!(got.peers, want.peers);
    assert_eq!(got.diagnostics, want.diagnostics);
    assert!(got.namespaces.keys().eq(want.namespaces.keys()));
    for (name, got) in got.namespaces.iter() {
        let want = &want.namespaces[name];
        assert_eq!(got.object, want.object, "{name}");
        assert_eq!(got.endpoints, want.endpoints, "{name}");
    }
    let [got, want] = [got, want].map(workloads);
    assert!(got.keys().eq(want.keys()));
    for (place, got) in got {
        assert_eq!(got.workload, want[&place].workload, "{place:?}");
        assert_eq!(got.targets, want[&place].targets, "{place:?}");
    }
}

/// All workloads by cluster, namespace and name.
fn workloads(snapshot: &Snapshot) -> BTreeMap<[&str; 3], &WorkloadState> {
    let own = snapshot.namespaces.iter().flat_map(|(namespace, state)| {
        state.workloads.iter().map(move |(name, state)| (["", namespace, name], state))
    });
    let others = snapshot.remotes.iter().flat_map(|(cluster, all)| {
        all.iter().flat_map(move |(namespace, list)| {
            list.iter().map(move |(name, state)| ([&**cluster, namespace, name], state))
        })
    });
    own.chain(others).collect()
}

/// Everything that a snapshot shows of a service or a workload is the same `Arc` everywhere in it.
fn assert_consistent(snapshot: &Snapshot) {
    for (name, namespace) in snapshot.namespaces.iter() {
        for endpoint in
            namespace.endpoints.values().flat_map(|e| e.by_port.values().flat_map(|l| l.iter()))
        {
            let Some(workload) = &endpoint.workload else { continue };
            // Endpoints that a ServiceEntry lists are nobody's workloads, and a pod hides an entry of its name.
            let own = snapshot
                .workload(&workload.cluster, name, &workload.name)
                .filter(|own| own.workload.origin == workload.origin);
            assert!(own.is_some() || workload.origin.kind != Kind::Pod);
            assert!(own.is_none_or(|own| Arc::ptr_eq(workload, &own.workload)));
        }
    }
    for target in workloads(snapshot).values().flat_map(|w| w.targets.iter()) {
        // A workload is behind what its own cluster has of a service.
        let is_shown = |shown: &Arc<model::Service>| match shown.addresses.len() {
            0 | 1 => Arc::ptr_eq(shown, &target.service),
            _ => shown.key == target.service.key,
        };
        assert!(snapshot.services.iter().any(is_shown));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_objects_that_are_left_count(events in vec(an_event(), 0..60)) {
        let (got, want, [withheld, fresh]) = both(&events);
        assert_same(&got, &want);
        assert_consistent(&got);
        assert_eq!(withheld, fresh);
    }

    #[test]
    fn what_went_leaves_nothing(events in vec(an_event(), 0..40)) {
        let (mut store, left, _) = after(&events);
        store.snapshot();
        for (cluster, key) in left.into_keys() {
            tell(&mut store, cluster, Change::Remove(key));
        }
        let snapshot = store.snapshot();
        assert!(snapshot.namespaces.is_empty() && snapshot.remotes.is_empty());
        assert_empty(&store);
    }
}

#[test]
fn many_selectors_at_once_are_found_as_one_by_one() {
    let mut events: Vec<Event> = Vec::new();
    let pods =
        (0..5).map(|i| pod("a", &format!("p{i}"), &format!("10.0.0.{i}"), &format!("app=x{i}")));
    events.extend(pods.map(|pod| Event::Change(None, apply(pod))));
    events.push(Event::Snapshot);
    let services = (0..200).map(|i| service("a", &format!("s{i}"), &format!("app=x{}", i % 7)));
    events.extend(services.map(|service| Event::Change(None, apply(service))));
    let (all_at_once, ..) = both(&events);
    let apart = events.iter().flat_map(|event| [event.clone(), Event::Snapshot]);
    let (one_by_one, ..) = both(&apart.collect::<Vec<_>>());
    assert_same(&all_at_once, &one_by_one);
    assert_consistent(&one_by_one);
    assert_eq!(one_by_one.workload("", "a", "p0").expect("known").targets.len(), 29);
}

/// A pod that moves and a service that is made again, in each order.
#[test]
fn what_went_and_came_back_is_as_new() {
    let meta = Meta { labels: labels("app=web"), ..meta("shop", "web-0") };
    let moved = Pod { meta, node_name: "n1".into(), ..pod("shop", "web-0", "10.0.0.7", "") };
    let mut events: Vec<Event> =
        shop().into_iter().map(|change| Event::Change(None, change)).collect();
    events.push(Event::Snapshot);
    let go_and_come = [
        remove(service("shop", "web", "")),
        remove(slice("shop", "web-a", "web", vec![])),
        apply(service("shop", "web", "app=web")),
        apply(moved),
        apply(slice("shop", "web-a", "web", vec![endpoint("10.0.0.7", "web-0")])),
    ];
    events.extend(go_and_come.into_iter().flat_map(|c| [Event::Change(None, c), Event::Snapshot]));
    let (got, want, _) = both(&events);
    assert_same(&got, &want);
    assert_eq!(served(&got, WEB), ["10.0.0.7:8080"]);
}
