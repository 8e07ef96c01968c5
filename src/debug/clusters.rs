//! `/debug/clusterz`: the clusters that are read; `/debug/networkz`: how networks reach each other.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::watch;

use super::Context;
use super::answer::Parameters;
use crate::api::{ClusterState, ClusterStatus, Str};
use crate::model::NetworkGateway;

/// The clusters of the mesh.
#[derive(Clone, Debug)]
pub struct Clusters {
    /// The id of the own one.
    pub own: Str,
    /// The others, in the order in which they are shown.
    pub others: watch::Receiver<Arc<[ClusterStatus]>>,
}

impl Clusters {
    /// The own one, without others.
    pub fn alone(own: &str) -> Clusters {
        Clusters { own: own.into(), others: watch::channel(Arc::default()).1 }
    }
}

/// `/debug/clusterz`.
pub(super) async fn clusterz(State(context): State<Context>, parameters: Parameters) -> Response {
    let sources = context.state;
    let make = move || {
        let read = sources.snapshots.load().generation > 0;
        let own = ClusterStatus {
            id: sources.clusters.own.clone(),
            origin: Str::default(),
            state: if read { ClusterState::Synced } else { ClusterState::Syncing },
        };
        let others = sources.clusters.others.borrow().clone();
        [&own].into_iter().chain(&*others).map(Cluster::of).collect::<Vec<_>>()
    };
    context.gate.json(&parameters, make).await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    id: Str,
    secret_name: Str,
    sync_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Str>,
}

impl Cluster {
    fn of(status: &ClusterStatus) -> Cluster {
        let (since, reason) = match &status.state {
            ClusterState::Stale { since } => (Some(*since), None),
            ClusterState::Refused { reason } => (None, Some(reason.clone())),
            _ => (None, None),
        };
        Cluster {
            id: status.id.clone(),
            secret_name: status.origin.clone(),
            sync_status: status.state.name(),
            since,
            reason,
        }
    }
}

/// `/debug/networkz`: the gateways that have an IP address.
pub(super) async fn networkz(State(context): State<Context>, parameters: Parameters) -> Response {
    let snapshots = context.state.snapshots;
    let make = move || {
        let networks = snapshots.load().networks.clone();
        let mut all: Vec<(&Str, &NetworkGateway)> = networks.resolved.iter().collect();
        all.sort_by_key(|(network, gateway)| (&gateway.address, gateway.port, *network));
        all.into_iter().map(|(network, gateway)| Gateway::of(network, gateway)).collect::<Vec<_>>()
    };
    context.gate.json(&parameters, make).await
}

/// The port through which ambient meshes reach each other.
const HBONE_PORT: u16 = 15008;

/// A gateway under the names that istiod's own type has.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Gateway {
    network: Str,
    cluster: Str,
    addr: Str,
    port: u16,
    #[serde(rename = "HBONEPort")]
    hbone_port: u16,
    service_account: Account,
}

/// Whom a Gateway of the Gateway API runs as; of others it is not known.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    namespace: &'static str,
    name: &'static str,
}

impl Gateway {
    fn of(network: &Str, gateway: &NetworkGateway) -> Gateway {
        Gateway {
            network: network.clone(),
            cluster: gateway.cluster.clone(),
            addr: gateway.address.clone(),
            port: gateway.port.unwrap_or_default(),
            hbone_port: if gateway.port.is_none() { HBONE_PORT } else { 0 },
            service_account: Account { namespace: "", name: "" },
        }
    }
}
