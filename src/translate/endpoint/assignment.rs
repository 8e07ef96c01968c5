//! The assignment of one port of a service.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::preference::{Place, Preference, compact};
use super::select::Reach;
use crate::api::{ObjectKey, Str};
use crate::model::{Endpoint, Health, Locality, Port, Registry, Service, TlsMode, Workload};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::core::v3 as core;
use crate::proto::envoy::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint as EndpointAddress, LbEndpoint, LocalityLbEndpoints,
    endpoint::AdditionalAddress, lb_endpoint::HostIdentifier,
};
use crate::translate::common::address::address;
use crate::translate::common::metadata::{ISTIO, TRANSPORT_SOCKET_MATCH, filter_metadata};
use crate::translate::common::name::outbound_cluster;
use crate::translate::common::value::uint32;
use crate::translate::memo::Same;
use crate::translate::resource::Resource;

/// What an assignment is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The service.
    pub service: Same<Service>,
    /// Index of the port in `service.ports`.
    pub port: usize,
    /// The endpoints of the port; None when there are none.
    pub endpoints: Option<Same<[Endpoint]>>,
    /// The objects that the endpoints come from.
    pub origins: Arc<[ObjectKey]>,
    /// Which of them the proxy may use.
    pub reach: Reach,
    /// Where the proxy runs and what it prefers; None unless the service asks for near endpoints.
    pub preference: Option<(Preference, Place)>,
    /// The cluster of endpoints that nobody described.
    pub home: Str,
    /// Endpoints tell whose they are.
    pub telemetry: bool,
}

/// The assignment of a port, as a resource.
pub fn resource(key: &Key, port: &Port) -> Resource {
    let service = &key.service.0;
    let name = outbound_cluster(port.number, "", &service.key.hostname);
    let assignment = ClusterLoadAssignment {
        cluster_name: name.clone(),
        endpoints: localities(key),
        ..ClusterLoadAssignment::default()
    };
    let origins = key.origins.iter().cloned().chain([service.origin.clone()]);
    Resource::new(name.into(), encode::encode(&assignment), origins)
}

/// The usable endpoints, grouped by locality and distance.
fn localities(key: &Key) -> Vec<LocalityLbEndpoints> {
    let nowhere = Locality::default();
    let mut groups: BTreeMap<(&Locality, u32), Vec<(&Endpoint, Health)>> = BTreeMap::new();
    let all = key.endpoints.as_ref().map_or(&[][..], |Same(list)| list);
    for endpoint in all {
        let Some(health) = key.reach.health(endpoint) else { continue };
        if !key.reach.includes(endpoint, &key.home) {
            continue;
        }
        let workload = endpoint.workload.as_deref();
        let distance = match &key.preference {
            Some((preference, place)) => preference.distance(place, workload),
            None => 0,
        };
        let locality = workload.map_or(&nowhere, |w| &w.locality);
        groups.entry((locality, distance)).or_default().push((endpoint, health));
    }
    let priorities = compact(groups.keys().map(|(_, distance)| *distance));
    groups
        .into_iter()
        .map(|((locality, distance), endpoints)| LocalityLbEndpoints {
            locality: Some(core::Locality {
                region: locality.region.to_string(),
                zone: locality.zone.to_string(),
                sub_zone: locality.subzone.to_string(),
            }),
            load_balancing_weight: Some(uint32(
                endpoints.iter().fold(0, |sum, (e, _)| e.weight.saturating_add(sum)),
            )),
            lb_endpoints: endpoints
                .into_iter()
                .map(|(endpoint, health)| lb_endpoint(endpoint, health, key))
                .collect(),
            priority: priorities.get(&distance).copied().unwrap_or_default(),
            ..LocalityLbEndpoints::default()
        })
        .collect()
}

fn lb_endpoint(endpoint: &Endpoint, health: Health, key: &Key) -> LbEndpoint {
    let mut addresses = key.reach.addresses(endpoint).map(|ip| Some(address(ip, endpoint.port)));
    LbEndpoint {
        health_status: health_status(health, key.service.0.registry).into(),
        load_balancing_weight: Some(uint32(endpoint.weight)),
        metadata: Some(metadata(endpoint.workload.as_deref(), key)),
        host_identifier: Some(HostIdentifier::Endpoint(EndpointAddress {
            address: addresses.next().flatten(),
            additional_addresses: addresses.map(|address| AdditionalAddress { address }).collect(),
            ..EndpointAddress::default()
        })),
    }
}

/// Kubernetes says who is healthy; of others nothing is known until they fail.
fn health_status(health: Health, registry: Registry) -> core::HealthStatus {
    match (health, registry) {
        (Health::Draining, _) => core::HealthStatus::Draining,
        (Health::Unhealthy | Health::Terminating, _) => core::HealthStatus::Unhealthy,
        (Health::Healthy, Registry::Kubernetes) => core::HealthStatus::Healthy,
        (Health::Healthy, Registry::External) | (Health::Unknown, _) => core::HealthStatus::Unknown,
    }
}

/// Who serves: for metrics of requests that never reach a sidecar, and whether it takes mTLS.
fn metadata(workload: Option<&Workload>, key: &Key) -> core::Metadata {
    let described = match workload {
        Some(w) => format!(
            "{};{};{};{};{}",
            w.workload_name, w.namespace, w.canonical_name, w.canonical_revision, w.cluster
        ),
        None => format!(";;;;{}", key.home),
    };
    let istio = key.telemetry.then(|| (ISTIO, json!({ "workload": described })));
    let takes_mtls = workload.is_some_and(|w| w.tls_mode == TlsMode::Istio);
    let tls = takes_mtls.then(|| (TRANSPORT_SOCKET_MATCH, json!({ "tlsMode": "istio" })));
    filter_metadata(tls.into_iter().chain(istio))
}
