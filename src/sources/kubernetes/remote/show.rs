//! How far each remote cluster is, for the debug endpoints, readiness and metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::client::Running;
use super::plan::{ClientId, Plan, View};
use crate::api::{ClusterPhase, ClusterState, Str, SyncStatus};
use crate::metrics::Metrics;
use crate::sources::kubernetes::Status;

/// A cluster as the manager left it, and where its client says how far it is.
#[derive(Clone, Debug)]
pub struct Shown {
    state: ClusterState,
    status: Option<watch::Receiver<Status>>,
}

/// The clusters of a plan.
pub(super) fn shown(plan: &Plan, clients: &BTreeMap<ClientId, Running>) -> Arc<[Shown]> {
    let shown = |view: View<'_>| {
        // The newest client is the one that people wait for.
        let newest = view.next.map(|(id, _)| id).or(view.serving);
        let status = newest.and_then(|id| clients.get(&id)).map(|client| client.status.clone());
        let sync = match (view.next, view.serving) {
            (Some((_, true)), _) => SyncStatus::Timeout,
            (Some((_, false)), _) => SyncStatus::Syncing,
            (None, Some(_)) => SyncStatus::Synced,
            (None, None) => SyncStatus::Closed,
        };
        let state = ClusterState {
            id: view.id.clone(),
            secret: Some(view.secret.clone()),
            sync,
            phase: ClusterPhase::Refused,
            waiting: Vec::new(),
            refusal: view.refusal.unwrap_or_default().to_owned(),
            previous_in_use: view.serving.is_some()
                && (view.next.is_some() || view.refusal.is_some()),
        };
        Shown { state, status }
    };
    plan.views().into_iter().map(shown).collect()
}

/// How far the clusters are at this moment.
pub fn states(shown: &[Shown]) -> Vec<ClusterState> {
    let now = |Shown { state, status }: &Shown| match status {
        None => state.clone(),
        Some(status) => {
            let status = status.borrow();
            ClusterState { phase: status.phase(), waiting: status.missing(), ..state.clone() }
        }
    };
    shown.iter().map(now).collect()
}

/// What the start of the control plane waits for.
pub fn waiting(shown: &[Shown]) -> Vec<String> {
    let states = states(shown).into_iter();
    let syncing = states.filter(|s| s.sync == SyncStatus::Syncing && !s.previous_in_use);
    syncing.map(|s| format!("the cluster {} ({})", s.id, s.waiting.join(", "))).collect()
}

/// Counts the clusters.
pub(super) fn count(shown: &[Shown], managed: usize, metrics: &Metrics) {
    metrics.managed_clusters.with(&["remote"]).set(managed as f64);
    for Shown { state, .. } in shown.iter().filter(|shown| shown.state.sync != SyncStatus::Closed) {
        for status in SyncStatus::ALL {
            let value = f64::from(u8::from(status == state.sync));
            let labels = [&*state.id, "remote", status.as_str()];
            metrics.remote_sync_status.with(&labels).set(value);
        }
    }
}

/// Forgets what was counted of a cluster.
pub(super) fn forget(cluster: &Str, metrics: &Metrics) {
    metrics.remote_sync_status.remove_all(cluster);
    metrics.remote_timeouts.remove_all(cluster);
    metrics.stale_since.remove_all(cluster);
    metrics.watch_failures.remove_all(cluster);
    metrics.sync_errors.remove_all(cluster);
    metrics.drift.remove_all(cluster);
}
