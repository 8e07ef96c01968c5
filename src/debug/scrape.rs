//! `/metrics`: what was counted, and what is counted when somebody asks.

mod served;

use super::{State, diagnostics};
use crate::api::{Code, Diagnostic, Severity};
use crate::metrics::Metrics;
use crate::model::{Health, Protocol, ProxyKind, Resolution, Service, ServiceEndpoints};
use crate::snapshot::Snapshot;

/// All metrics as text.
pub(super) fn text(state: &State) -> String {
    let metrics = &state.metrics;
    count_problems(metrics, diagnostics::all(state).iter());
    let snapshot = state.snapshots.load();
    metrics.endpoints_not_ready.set(endpoints_not_ready(&snapshot));
    metrics.clusters_without_endpoints.set(clusters_without_endpoints(&snapshot));
    metrics.conflicts.no_service.set(without_service(state, &snapshot));
    served::measure(state);
    metrics.render()
}

/// What is to be said of objects at the moment, by how bad it is and what it is.
fn count_problems<'a>(metrics: &Metrics, all: impl Iterator<Item = &'a Diagnostic> + Clone) {
    for severity in [Severity::Warning, Severity::Error] {
        let count = all.clone().filter(|diagnostic| diagnostic.severity == severity).count();
        metrics.diagnostics.with(&[&severity.to_string()]).set(count as f64);
    }
    let conflicts = &metrics.conflicts;
    for (code, gauge) in [
        (Code::OutboundListener, &conflicts.outbound_listeners),
        (Code::InboundListener, &conflicts.inbound_listeners),
        (Code::DuplicateHost, &conflicts.duplicate_clusters),
        (Code::DuplicateDomain, &conflicts.duplicate_domains),
        (Code::DuplicateSubset, &conflicts.duplicate_subsets),
        (Code::NoEndpoints, &conflicts.dns_without_endpoints),
    ] {
        gauge.set(all.clone().filter(|diagnostic| diagnostic.code == code).count() as f64);
    }
}

fn endpoints_not_ready(snapshot: &Snapshot) -> f64 {
    let endpoints = snapshot.namespaces.values().flat_map(|namespace| namespace.endpoints.values());
    let lists = endpoints.flat_map(|endpoints| endpoints.by_port.values());
    lists.flat_map(|list| list.iter()).filter(|e| e.health == Health::Unhealthy).count() as f64
}

/// The ports of services whose clusters ask for endpoints and get none that is healthy.
fn clusters_without_endpoints(snapshot: &Snapshot) -> f64 {
    let without = |service: &Service| {
        let endpoints = snapshot.endpoints(&service.key).map(|endpoints| &**endpoints);
        let ports = service.ports.iter().filter(|port| port.protocol != Protocol::Udp);
        ports.filter(|port| !is_served(endpoints, &port.name)).count()
    };
    let services = snapshot.services.iter().filter(|s| s.resolution == Resolution::ClientSideLb);
    services.map(|service| without(service)).sum::<usize>() as f64
}

fn is_served(endpoints: Option<&ServiceEndpoints>, port: &str) -> bool {
    let list = endpoints.and_then(|endpoints| endpoints.by_port.get(port));
    list.is_some_and(|list| list.iter().any(|endpoint| endpoint.health == Health::Healthy))
}

/// The connected sidecars that no service leads to.
fn without_service(state: &State, snapshot: &Snapshot) -> f64 {
    let connections = state.connections.list().into_iter();
    let sidecars = connections.filter(|connection| connection.proxy.kind == ProxyKind::Sidecar);
    let without = sidecars.filter(|connection| {
        let workload = snapshot.workload_of(&connection.proxy);
        workload.is_none_or(|workload| workload.targets.is_empty())
    });
    without.count() as f64
}

#[cfg(test)]
mod tests;
