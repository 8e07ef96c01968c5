//! Clusters and their endpoints.

use std::net::SocketAddr;

use super::address;
use super::explanation::{Backend, Endpoint, Outcome, Step, StepKind};
use super::provenance::decided_by;
use super::served::{Part, Served};
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, TransportSocketMatch,
};
use crate::proto::envoy::envoy::config::core::v3::{HealthStatus, Locality, Metadata};
use crate::proto::envoy::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use crate::proto::envoy::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints,
};

/// The metadata of endpoints by which a transport socket is chosen.
const TRANSPORT_SOCKET_MATCH: &str = "envoy.transport_socket_match";

/// A cluster by name, with where it leads.
pub(super) fn resolve(served: &Served, name: &str, share: f64, to: SocketAddr) -> Backend {
    let step = Step::new(StepKind::Cluster, name, "");
    let mut backend =
        Backend { cluster: step, share, host: None, endpoints: Vec::new(), flaw: None };
    let Some(part) = served.cluster(name) else {
        backend.flaw = Some(format!("there is no cluster {name}"));
        return backend;
    };
    describe(&mut backend.cluster, &part);
    match found(served, &part.message, to, &mut backend.cluster) {
        Ok(endpoints) => {
            if !endpoints.iter().any(|endpoint| endpoint.healthy) {
                backend.flaw = Some(match endpoints.len() {
                    0 => "the cluster has no endpoints".to_owned(),
                    _ => "the cluster has no healthy endpoints".to_owned(),
                });
            }
            backend.endpoints = endpoints;
        }
        Err(flaw) => backend.flaw = Some(flaw),
    }
    backend
}

/// Whether any of the backends takes requests. `missing` is the status when a cluster does not exist.
pub(super) fn reached(backends: &[Backend], missing: Option<u32>) -> Result<(), Outcome> {
    if backends.iter().any(|backend| backend.flaw.is_none()) {
        return Ok(());
    }
    let flaws: Vec<&str> = backends.iter().filter_map(|b| b.flaw.as_deref()).collect();
    let reason = match flaws.as_slice() {
        [] => "there is no cluster to go to".to_owned(),
        flaws => flaws.join("; "),
    };
    let exists = backends.iter().any(|backend| !backend.cluster.reason.is_empty());
    let status = missing.map(|status| if exists { 503 } else { status });
    Err(Outcome::Nowhere { status, reason })
}

fn describe(step: &mut Step, part: &Part<Cluster>) {
    let cluster = &part.message;
    step.reason = match kind(cluster) {
        Ok(kind) => kind.as_str_name().to_owned(),
        Err(custom) => custom.to_owned(),
    };
    step.decided_by = decided_by(cluster.metadata.as_ref());
    step.origins = part.resource.origins.to_vec();
    if cluster.transport_socket.is_some() {
        step.facts.push("speaks TLS".to_owned());
    } else if !cluster.transport_socket_matches.is_empty() {
        let names: Vec<&str> = cluster.transport_socket_matches.iter().map(|m| &*m.name).collect();
        step.facts.push(format!("chooses TLS by endpoint: {}", names.join(", ")));
    }
}

/// The type of a cluster, or the name of a custom one.
fn kind(cluster: &Cluster) -> Result<DiscoveryType, &str> {
    match &cluster.cluster_discovery_type {
        Some(ClusterDiscoveryType::Type(kind)) => {
            Ok(DiscoveryType::try_from(*kind).unwrap_or(DiscoveryType::Static))
        }
        Some(ClusterDiscoveryType::ClusterType(custom)) => Err(&custom.name),
        None => Ok(DiscoveryType::Static),
    }
}

fn found(
    served: &Served,
    cluster: &Cluster,
    to: SocketAddr,
    step: &mut Step,
) -> Result<Vec<Endpoint>, String> {
    match kind(cluster) {
        Ok(DiscoveryType::Eds) => {
            let config = cluster.eds_cluster_config.as_ref();
            let name = config.map(|config| config.service_name.as_str()).filter(|n| !n.is_empty());
            let name = name.unwrap_or(&cluster.name);
            let Some(part) = served.assignment(name) else {
                return Err(format!("there is no assignment {name}"));
            };
            step.origins.extend(part.resource.origins.iter().cloned());
            step.origins.sort();
            step.origins.dedup();
            Ok(endpoints(cluster, &part.message))
        }
        Ok(DiscoveryType::OriginalDst) => Ok(vec![Endpoint {
            address: to.to_string(),
            locality: String::new(),
            priority: 0,
            weight: 1,
            healthy: true,
            transport: transport(cluster, None),
        }]),
        Ok(_) => {
            let own = cluster.load_assignment.as_ref();
            Ok(own.map(|own| endpoints(cluster, own)).unwrap_or_default())
        }
        Err(custom) if custom.contains("dynamic_forward_proxy") => Ok(vec![Endpoint {
            address: "the host of the request, as DNS resolves it".to_owned(),
            locality: String::new(),
            priority: 0,
            weight: 1,
            healthy: true,
            transport: transport(cluster, None),
        }]),
        Err(custom) => Err(format!("clusters of type {custom} are not simulated")),
    }
}

/// The endpoints of an assignment, the nearest priority first.
fn endpoints(cluster: &Cluster, assignment: &ClusterLoadAssignment) -> Vec<Endpoint> {
    let groups = assignment.endpoints.iter();
    let mut found: Vec<Endpoint> = groups
        .flat_map(|group| group.lb_endpoints.iter().map(|one| endpoint(cluster, group, one)))
        .collect();
    found.sort_by_key(|endpoint| endpoint.priority);
    found
}

fn endpoint(cluster: &Cluster, group: &LocalityLbEndpoints, one: &LbEndpoint) -> Endpoint {
    let address = match &one.host_identifier {
        Some(HostIdentifier::Endpoint(endpoint)) => address::shown(endpoint.address.as_ref()),
        Some(HostIdentifier::EndpointName(name)) => name.clone(),
        None => String::new(),
    };
    let healthy = matches!(
        one.health_status(),
        HealthStatus::Unknown | HealthStatus::Healthy | HealthStatus::Degraded
    );
    Endpoint {
        address,
        locality: group.locality.as_ref().map(locality).unwrap_or_default(),
        priority: group.priority,
        weight: one.load_balancing_weight.as_ref().map_or(1, |weight| weight.value),
        healthy,
        transport: transport(cluster, one.metadata.as_ref()),
    }
}

/// The name of the first transport socket whose criteria an endpoint meets.
fn transport(cluster: &Cluster, metadata: Option<&Metadata>) -> String {
    let own = metadata.and_then(|all| all.filter_metadata.get(TRANSPORT_SOCKET_MATCH));
    let meets = |choice: &&TransportSocketMatch| {
        let mut criteria = choice.r#match.iter().flat_map(|criteria| &criteria.fields);
        criteria.all(|(key, value)| own.and_then(|own| own.fields.get(key)) == Some(value))
    };
    let chosen = cluster.transport_socket_matches.iter().find(meets);
    chosen.map(|choice| choice.name.clone()).unwrap_or_default()
}

fn locality(locality: &Locality) -> String {
    let Locality { region, zone, sub_zone } = locality;
    format!("{region}/{zone}/{sub_zone}").trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests;
