//! The registry of a recorded cluster, compared with what the real istiod showed of the same cluster on its
//! debug endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use istiod::api::{Change, Severity};
use istiod::model::{Endpoint, Health, Registry, Service, TlsMode};
use istiod::snapshot::Snapshot;
use istiod::sources::yaml;
use istiod::store::{Config, Store};
use serde_json::{Value, json};

use crate::skip::skipped;

/// The data that is shared beside the repository; None, with a line that says so, where it is absent.
fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    skipped(format_args!("{} is absent", path.display()));
    None
}

fn golden(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(shared(&format!("goldens/debug/{name}"))?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// The cluster of all recordings.
fn cluster() -> Option<Arc<Snapshot>> {
    let (objects, diagnostics) = yaml::load(&[shared("reference/cluster.yaml")?]);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut store = Store::new(Config {
        cluster: "Kubernetes".into(),
        domain: "cluster.local".into(),
        system_namespace: "istio-system".into(),
        ..Config::default()
    });
    store.apply(objects.into_iter().map(Change::Apply));
    assert_eq!(store.withheld_endpoints(), 0);
    Some(store.snapshot())
}

/// A service in the form of /debug/registryz, as far as the recording does not depend on the run.
fn registry_entry(service: &Service) -> Value {
    let unset = |ips: &[IpAddr]| -> Vec<String> {
        match ips {
            [] => vec!["0.0.0.0".to_owned()],
            ips => ips.iter().map(IpAddr::to_string).collect(),
        }
    };
    let ports = service.ports.iter().map(|port| {
        let mut entry = json!({"port": port.number, "protocol": port.protocol.name()});
        if !port.name.is_empty() {
            entry["name"] = json!(&*port.name);
        }
        entry
    });
    let addresses = unset(service.addresses_in("Kubernetes"));
    let external = (!service.external_addresses.is_empty())
        .then(|| json!({"Kubernetes": service.external_addresses}));
    let selector = (!service.selector.is_empty()).then(|| json!(service.selector));
    json!({
        "hostname": &*service.key.hostname,
        "name": &*service.name,
        "namespace": &*service.key.namespace,
        "registry": service.registry.name(),
        "labels": service.labels,
        "selector": selector,
        "external": external,
        "externalName": &*service.external_name,
        "nodeLocal": service.node_local,
        "publishNotReady": service.publish_not_ready,
        "ports": ports.collect::<Vec<_>>(),
        "addresses": addresses,
        "defaultAddress": addresses[0],
        "resolution": service.resolution as u8,
        "meshExternal": service.mesh_external,
    })
}

/// The same of a recorded entry.
fn recorded_entry(entry: &Value) -> Value {
    let attributes = &entry["Attributes"];
    json!({
        "hostname": entry["hostname"],
        "name": attributes["Name"],
        "namespace": attributes["Namespace"],
        "registry": attributes["ServiceRegistry"],
        "labels": attributes["Labels"],
        "selector": attributes["LabelSelectors"],
        "external": attributes["ClusterExternalAddresses"]["Addresses"],
        "externalName": attributes["ExternalName"],
        "nodeLocal": attributes["NodeLocal"],
        "publishNotReady": attributes["PublishNotReadyAddresses"],
        "ports": entry["ports"],
        "addresses": entry["clusterVIPs"]["Addresses"]["Kubernetes"],
        "defaultAddress": entry["defaultAddress"],
        "resolution": entry["Resolution"],
        "meshExternal": entry["MeshExternal"],
    })
}

#[test]
fn services_are_those_of_istiod() {
    let (Some(snapshot), Some(Value::Array(recorded))) = (cluster(), golden("debug_registryz"))
    else {
        return;
    };
    let mut want: Vec<Value> = recorded.iter().map(recorded_entry).collect();
    let mut got: Vec<Value> = snapshot.services.iter().map(|s| registry_entry(s)).collect();
    assert!(snapshot.services.iter().all(|s| s.registry == Registry::Kubernetes));
    for list in [&mut want, &mut got] {
        list.sort_by_key(|entry| entry["hostname"].to_string());
    }
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got, want);
    }
}

/// An endpoint in the form of /debug/endpointz.
fn endpoint_entry(port: &str, endpoint: &Endpoint) -> Value {
    let workload = endpoint.workload.as_ref().expect("every recorded endpoint is a pod");
    let locality = &workload.locality;
    let addresses: Vec<String> = endpoint.ips().map(|ip| ip.to_string()).collect();
    json!({
        "Labels": workload.all_labels,
        "Addresses": addresses,
        "ServicePortName": port,
        "LegacyClusterPortKey": 0,
        "ServiceAccount": &*workload.identity,
        "Network": &*workload.network,
        "Locality": {
            "Label": format!("{}/{}/{}", locality.region, locality.zone, locality.subzone),
            "ClusterID": &*workload.cluster,
        },
        "EndpointPort": endpoint.port,
        "LbWeight": 0,
        "TLSMode": if workload.tls_mode == TlsMode::Istio { "istio" } else { "disabled" },
        "Namespace": &*workload.namespace,
        "WorkloadName": &*workload.workload_name,
        "HostName": &*workload.hostname,
        "SubDomain": &*workload.subdomain,
        "HealthStatus": if endpoint.health == Health::Healthy { 1 } else { 2 },
        "SendUnhealthyEndpoints": false,
        "NodeName": &*endpoint.node_name,
    })
}

#[test]
fn endpoints_are_those_of_istiod_in_its_order() {
    let (Some(snapshot), Some(Value::Object(recorded))) = (cluster(), golden("debug_endpointz"))
    else {
        return;
    };
    let mut compared = 0;
    for (hostname, of_namespaces) in recorded {
        for (namespace, shard) in of_namespaces.as_object().unwrap() {
            let endpoints = &snapshot.namespaces[&**namespace].endpoints.get(&*hostname).unwrap();
            // The reference lists all ports of a pod together, we all pods of a port.
            let mut want: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for entry in shard["Shards"]["Kubernetes/Kubernetes"].as_array().unwrap() {
                let port = entry["ServicePortName"].as_str().unwrap().to_owned();
                want.entry(port).or_default().push(entry.clone());
            }
            let got: BTreeMap<String, Vec<Value>> = endpoints
                .by_port
                .iter()
                .map(|(port, list)| {
                    (port.to_string(), list.iter().map(|e| endpoint_entry(port, e)).collect())
                })
                .collect();
            assert_eq!(got, want, "{hostname}");
            compared += got.values().map(Vec::len).sum::<usize>();

            let accounts: BTreeSet<&str> =
                shard["ServiceAccounts"].as_object().unwrap().keys().map(|k| &**k).collect();
            let identities: BTreeSet<&str> =
                endpoints.traits.identities.iter().map(|i| &**i).collect();
            assert_eq!(identities, accounts, "{hostname}");
        }
    }
    let all = snapshot.namespaces.values().flat_map(|n| n.endpoints.values());
    let all: usize = all.flat_map(|e| e.by_port.values()).map(|list| list.len()).sum();
    assert_eq!(compared, all, "nothing is served that istiod does not know");
}

#[test]
fn a_proxy_is_behind_the_services_that_istiod_says() {
    let (Some(snapshot), Some(Value::Object(recorded))) = (cluster(), golden("debug_instancesz"))
    else {
        return;
    };
    for (proxy, want) in recorded {
        let (name, namespace) = proxy.rsplit_once('.').unwrap();
        let state = snapshot.workload("", namespace, name).unwrap();
        let got: Vec<Value> = state
            .targets
            .iter()
            .map(|target| {
                let port = &target.service.ports[target.port];
                json!([
                    &*target.service.key.hostname,
                    {
                        "name": &*port.name,
                        "port": port.number,
                        "protocol": port.protocol.name(),
                        "TargetPort": target.target_port,
                    },
                ])
            })
            .collect();
        let want: Vec<Value> = want
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| json!([entry["Service"]["hostname"], entry["Port"]]))
            .collect();
        assert_eq!(got, want, "{proxy}");
    }
}
