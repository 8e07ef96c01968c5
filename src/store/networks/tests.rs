use std::sync::Arc;

use super::*;
use crate::api::core::{self, ServiceType, TargetPort};
use crate::api::{Labels, MeshConfig, MeshNetworks};
use crate::model::NetworkGateways;
use crate::store::fixtures::*;

fn networks(value: serde_json::Value) -> MeshNetworks {
    serde_json::from_value(value).expect("mesh networks")
}

fn mesh(value: serde_json::Value) -> Arc<MeshConfig> {
    Arc::new(MeshConfig { networks: networks(value), ..MeshConfig::default() })
}

#[test]
fn the_network_of_a_workload_is_what_says_it_first() {
    let registry = serde_json::json!([{ "fromRegistry": "Kubernetes" }]);
    let ranges = serde_json::json!([{ "fromCidr": "10.1.0.0/16" }, { "fromRegistry": "other" }]);
    let wide = serde_json::json!([{ "fromCidr": "10.0.0.0/8" }]);
    let check =
        |label: &str, namespace_label: &str, with_registry: bool, ip_text: &str, want: &str| {
            let mut all = serde_json::json!({ "networks": {
            "narrow": { "endpoints": ranges }, "wide": { "endpoints": wide },
        } });
            if with_registry {
                all["networks"]["registry"]["endpoints"] = registry.clone();
            }
            let namespace = namespace("istio-system", namespace_label);
            let membership = Membership::new(Some(&namespace), &networks(all), "Kubernetes");
            let got = membership.network(Some(&label.into()), Some(ip(ip_text)));
            assert_eq!(&*got, want, "{label:?} {namespace_label:?} {with_registry} {ip_text}");
        };
    let labelled = "topology.istio.io/network=system";
    check("own", labelled, true, "10.1.0.1", "own");
    check("", labelled, true, "10.1.0.1", "system");
    check("", "", true, "10.1.0.1", "registry");
    check("", "", false, "10.2.0.1", "wide");
    check("", "", false, "10.1.0.1", "wide");
    check("", "", false, "192.0.2.1", "");
    let none = Membership::default().network(None, None);
    assert_eq!(none, Str::default());
}

/// A gateway with ports 15443 (node port 30443) and 80, reached at an address.
fn gateway(own_labels: &str) -> core::Service {
    let mut service = service("istio-system", "eastwest", "istio=eastwest");
    service.meta.labels = labels(own_labels);
    service.ports = vec![
        service_port("tls", 15443, TargetPort::Number(15443)),
        service_port("http", 80, TargetPort::Number(8080)),
    ];
    service.ports[0].node_port = 30443;
    service.external_addresses = vec!["198.51.100.1".into()];
    service
}

/// `network address:port cluster` of all gateways.
fn told(gateways: &NetworkGateways, names: &[&str]) -> Vec<String> {
    let of = |network: &&str| -> Vec<String> {
        let described = gateways.to(network, "nobody").map(|gateway| {
            let port = gateway.port.map_or_else(|| "hbone".into(), |port| port.to_string());
            format!("{network} {}:{port} {}", gateway.address, gateway.cluster)
        });
        described.collect()
    };
    names.iter().flat_map(of).collect()
}

#[test]
fn services_with_a_label_are_gateways() {
    let check = |change: &dyn Fn(&mut core::Service), want: &[&str], issues: &[&str]| {
        let mut service = gateway("topology.istio.io/network=net2");
        change(&mut service);
        let mut a = node("a", "pool=edge");
        a.external_ips = vec![ip("192.0.2.10"), ip("192.0.2.11")];
        let mut b = node("b", "pool=core");
        b.external_ips = vec![ip("192.0.2.20")];
        let nodes = [&a, &b, &node("c", "pool=edge")];
        let mut got = gateways::of_mesh(&MeshNetworks::default());
        got.add(&service, &[], &nodes, &"Kubernetes".into());
        let got = got.finish();
        assert_eq!(told(&got.resolved, &["net2"]), want);
        let paths: Vec<&str> = got.diagnostics.iter().map(|d| &*d.path).collect();
        assert_eq!(paths, issues);
    };
    let label = |service: &mut core::Service, value: &str| {
        service.meta.labels.insert("networking.istio.io/gatewayPort".into(), value.into());
    };
    let selector = |service: &mut core::Service, value: &str| {
        service.kind = ServiceType::NodePort;
        service.external_addresses.clear();
        service.meta.annotations.insert("traffic.istio.io/nodeSelector".into(), value.into());
    };
    check(&|_| (), &["net2 198.51.100.1:15443 Kubernetes"], &[]);
    check(&|s| label(s, "80"), &["net2 198.51.100.1:80 Kubernetes"], &[]);
    let path = "metadata.labels[\"networking.istio.io/gatewayPort\"]";
    check(&|s| label(s, "tls"), &["net2 198.51.100.1:15443 Kubernetes"], &[path]);
    check(&|s| label(s, "443"), &[], &["spec.ports"]);
    check(&|s| s.ports[0].port = 15008, &["net2 198.51.100.1:hbone Kubernetes"], &[]);
    check(&|s| s.external_addresses.clear(), &[], &[]);
    check(&|s| s.meta.labels = Labels::new(), &[], &[]);
    let host = |s: &mut core::Service| s.external_addresses = vec!["gw.example.com".into()];
    check(&host, &[], &["status.loadBalancer"]);
    check(&|s| selector(s, r#"{"pool": "edge"}"#), &["net2 192.0.2.10:30443 Kubernetes"], &[]);
    let all = ["net2 192.0.2.10:30443 Kubernetes", "net2 192.0.2.20:30443 Kubernetes"];
    check(&|s| selector(s, "{}"), &all, &[]);
    let path = "metadata.annotations[\"traffic.istio.io/nodeSelector\"]";
    check(&|s| selector(s, "edge"), &all, &[path]);
    let mapped = |s: &mut core::Service| {
        selector(s, "{}");
        s.external_addresses = vec!["198.51.100.1".into()];
    };
    check(&mapped, &["net2 198.51.100.1:30443 Kubernetes"], &[]);
}

#[test]
fn the_mesh_networks_name_gateways_too() {
    let name = "eastwest.istio-system.svc.cluster.local";
    let networks = serde_json::json!({ "networks": {
        "net1": {
            "endpoints": [{ "fromRegistry": "Kubernetes" }],
            "gateways": [{ "registryServiceName": name, "port": 80 }],
        },
        "net2": {
            "endpoints": [{ "fromRegistry": "other" }],
            "gateways": [
                { "registryServiceName": name, "port": 80 },
                { "address": "198.51.100.2", "port": 443 },
                { "address": "gw.example.com", "port": 443 },
            ],
        },
    } });
    let mut store = Store::new(config());
    store.set_mesh(mesh(networks));
    let published = |store: &mut Store| {
        let snapshot = store.snapshot();
        (told(&snapshot.networks.all, &["net1", "net2"]), snapshot.networks.clone())
    };
    let of_addresses = ["net2 198.51.100.2:443 ", "net2 gw.example.com:443 "];
    assert_eq!(published(&mut store).0, of_addresses);
    let diagnostics = store.snapshot().diagnostics.clone();
    assert_eq!(&*diagnostics[0].path, "networks.net2.gateways[2].address");

    store.apply([apply(gateway(""))]);
    let (all, before) = published(&mut store);
    let service = "net1 198.51.100.1:80 Kubernetes";
    assert_eq!(all, [&[service], &of_addresses[..]].concat());

    // A label of its own counts instead.
    store.apply([apply(gateway("topology.istio.io/network=net2"))]);
    let label = ["net2 198.51.100.1:15443 Kubernetes", of_addresses[0], of_addresses[1]];
    assert_eq!(published(&mut store).0, label);

    store.apply([apply(gateway(""))]);
    let (_, again) = published(&mut store);
    assert_eq!(before, again);
    store.apply([apply(pod("shop", "web", "10.0.0.1", "")), apply(node("node-b", ""))]);
    assert!(Arc::ptr_eq(&again, &published(&mut store).1), "what is equal keeps its Arc");

    store.apply([remove(gateway(""))]);
    assert_eq!(published(&mut store).0, of_addresses);
    store.set_mesh(Arc::default());
    assert!(published(&mut store).1.all.is_empty());
}

#[test]
fn everything_follows_what_the_networks_become() {
    let mut store = Store::new(config());
    let bare = slice("shop", "web-a", "web", vec![endpoint("10.1.0.9", "")]);
    store.apply([
        apply(service("shop", "web", "")),
        apply(pod("shop", "web-0", "10.1.0.1", "")),
        apply(bare),
    ]);
    let mut check = |change: &dyn Fn(&mut Store), want: &str| {
        change(&mut store);
        let snapshot = store.snapshot();
        let workload = &snapshot.workload("", "shop", "web-0").expect("a workload").workload;
        assert_eq!(&*workload.network, want);
        assert_eq!(&*workload.all_labels["topology.istio.io/network"], want);
        let web = &snapshot.services[0].key;
        let endpoints = snapshot.endpoints(web).expect("endpoints");
        assert_eq!(endpoints.by_port["http"][0].network(), want);
    };
    check(&|_| (), "");
    let ranges = serde_json::json!([{ "fromCidr": "10.1.0.0/16" }]);
    let networks = serde_json::json!({ "networks": { "n1": { "endpoints": ranges } } });
    check(&|store| store.set_mesh(mesh(networks.clone())), "n1");
    let labelled = || namespace("istio-system", "topology.istio.io/network=n2");
    check(&|store| store.apply([apply(labelled())]), "n2");
    check(&|store| store.apply([remove(labelled())]), "n1");
    check(&|store| store.set_mesh(Arc::default()), "");
}

#[test]
fn a_gateway_on_nodes_follows_them() {
    let mut service = gateway("topology.istio.io/network=net2");
    service.kind = ServiceType::NodePort;
    service.external_addresses.clear();
    service.meta.annotations.insert("traffic.istio.io/nodeSelector".into(), "{}".into());
    let mut store = Store::new(config());
    store.apply([apply(service)]);
    assert!(store.snapshot().networks.all.is_empty());
    let mut edge = node("edge", "");
    edge.external_ips = vec![ip("192.0.2.1")];
    store.apply([apply(edge)]);
    let told = told(&store.snapshot().networks.all, &["net2"]);
    assert_eq!(told, ["net2 192.0.2.1:30443 Kubernetes"]);
}
