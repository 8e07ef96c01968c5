//! `/metrics`: what was counted, and what is counted when somebody asks.

use super::{State, diagnostics};
use crate::api::Severity;
use crate::model::{Health, Protocol, Resolution, Service, ServiceEndpoints};
use crate::snapshot::Snapshot;

/// All metrics as text.
pub(super) fn text(state: &State) -> String {
    let metrics = &state.metrics;
    let (mut warnings, mut errors) = (0_u32, 0_u32);
    for diagnostic in diagnostics::all(state) {
        match diagnostic.severity {
            Severity::Warning => warnings += 1,
            Severity::Error => errors += 1,
        }
    }
    metrics.diagnostics.with(&["warning"]).set(warnings.into());
    metrics.diagnostics.with(&["error"]).set(errors.into());
    let snapshot = state.snapshots.load();
    metrics.endpoints_not_ready.set(endpoints_not_ready(&snapshot));
    metrics.clusters_without_endpoints.set(clusters_without_endpoints(&snapshot));
    metrics.render()
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
