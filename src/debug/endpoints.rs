//! `/debug/endpointShardz` (and `/debug/endpointz`): the endpoints of all services, healthy or not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Context;
use super::answer::Parameters;
use crate::api::{Labels, Str};
use crate::model::endpoint::{Endpoint, Health};
use crate::model::workload::TlsMode;
use crate::model::{Registry, ServiceEndpoints};
use crate::snapshot::Snapshot;

/// The label that tells a workload's network; shown although it is empty for the default one.
const NETWORK_LABEL: &str = "topology.istio.io/network";

/// `/debug/endpointShardz`.
pub(super) async fn shards(State(context): State<Context>, parameters: Parameters) -> Response {
    let snapshots = context.state.snapshots;
    context.gate.json(&parameters, move || Shards(snapshots.load())).await
}

struct Shards(Arc<Snapshot>);

/// By host name, then namespace.
impl Serialize for Shards {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut by_host: BTreeMap<&Str, BTreeMap<&Str, &ServiceEndpoints>> = BTreeMap::new();
        for (namespace, state) in self.0.namespaces.iter() {
            for (hostname, endpoints) in state.endpoints.iter() {
                if endpoints.by_port.values().any(|list| !list.is_empty()) {
                    by_host.entry(hostname).or_default().insert(namespace, endpoints);
                }
            }
        }
        let mut map = serializer.serialize_map(Some(by_host.len()))?;
        for (hostname, namespaces) in by_host {
            let services: BTreeMap<_, _> = namespaces
                .into_iter()
                .map(|(namespace, endpoints)| (namespace, Service::of(namespace, endpoints)))
                .collect();
            map.serialize_entry(hostname, &services)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Service<'a> {
    /// By `REGISTRY/CLUSTER`.
    shards: BTreeMap<String, Vec<Entry<'a>>>,
    /// A set, as Go writes it.
    service_accounts: BTreeMap<&'a str, Empty>,
}

#[derive(Serialize)]
struct Empty {}

impl<'a> Service<'a> {
    fn of(namespace: &'a Str, endpoints: &'a ServiceEndpoints) -> Service<'a> {
        let mut shards: BTreeMap<String, Vec<Entry<'a>>> = BTreeMap::new();
        let mut identities = BTreeSet::new();
        for (port, list) in &endpoints.by_port {
            for endpoint in list.iter() {
                let entry = Entry::of(namespace, port, endpoint);
                let shard = format!("{}/{}", Registry::Kubernetes.name(), entry.locality.cluster);
                identities.extend(Some(entry.service_account).filter(|i| !i.is_empty()));
                shards.entry(shard).or_default().push(entry);
            }
        }
        // Ports of one endpoint stand together.
        for shard in shards.values_mut() {
            shard.sort_by(|a, b| a.addresses.cmp(&b.addresses));
        }
        let service_accounts = identities.into_iter().map(|i| (i, Empty {})).collect();
        Service { shards, service_accounts }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    labels: Labels,
    addresses: Vec<String>,
    service_port_name: &'a str,
    legacy_cluster_port_key: u8,
    service_account: &'a str,
    network: &'a str,
    locality: Place<'a>,
    endpoint_port: u16,
    lb_weight: u32,
    #[serde(rename = "TLSMode")]
    tls_mode: &'static str,
    namespace: &'a str,
    workload_name: &'a str,
    host_name: &'a str,
    sub_domain: &'a str,
    health_status: u8,
    send_unhealthy_endpoints: bool,
    node_name: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    #[serde(rename = "Label")]
    label: String,
    #[serde(rename = "ClusterID")]
    cluster: &'a str,
}

impl<'a> Entry<'a> {
    fn of(namespace: &'a Str, port: &'a Str, endpoint: &'a Endpoint) -> Entry<'a> {
        let workload = endpoint.workload.as_deref();
        let mut labels = workload.map(|w| w.all_labels.clone()).unwrap_or_default();
        labels.entry(NETWORK_LABEL.into()).or_default();
        Entry {
            labels,
            addresses: [endpoint.address.to_string()]
                .into_iter()
                .chain(endpoint.additional.iter().map(ToString::to_string))
                .collect(),
            service_port_name: port,
            legacy_cluster_port_key: 0,
            service_account: workload.map_or("", |w| &w.identity),
            network: endpoint.network(),
            locality: Place {
                label: workload.map_or_else(String::new, |w| {
                    let place = &w.locality;
                    match place.is_empty() {
                        true => String::new(),
                        false => format!("{}/{}/{}", place.region, place.zone, place.subzone),
                    }
                }),
                cluster: endpoint.cluster(),
            },
            endpoint_port: endpoint.port,
            // istiod shows 0 for the weight that everybody has.
            lb_weight: if endpoint.weight == 1 { 0 } else { endpoint.weight },
            tls_mode: match workload.map(|w| w.tls_mode) {
                Some(TlsMode::Istio) => "istio",
                _ => "disabled",
            },
            namespace: workload.map_or(namespace, |w| &w.namespace),
            workload_name: workload.map_or("", |w| &w.workload_name),
            host_name: workload.map_or(&endpoint.hostname, |w| &w.hostname),
            sub_domain: workload.map_or("", |w| &w.subdomain),
            health_status: match endpoint.health {
                Health::Unknown => 0,
                Health::Healthy => 1,
                Health::Unhealthy => 2,
                Health::Draining => 3,
                Health::Terminating => 4,
            },
            send_unhealthy_endpoints: false,
            node_name: &endpoint.node_name,
        }
    }
}
