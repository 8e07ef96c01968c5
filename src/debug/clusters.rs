//! `/debug/clusterz`: the clusters that are read, and how far each is; `/debug/networkz`: how networks reach each other.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::Context;
use super::answer::Parameters;
use crate::api::{ClusterPhase, ClusterState, Str};
use crate::model::NetworkGateway;

/// `/debug/clusterz`.
pub(super) async fn clusterz(State(context): State<Context>, parameters: Parameters) -> Response {
    let clusters = context.state.clusters;
    let make = move || clusters.list().into_iter().map(Entry::from).collect::<Vec<_>>();
    context.gate.json(&parameters, make).await
}

/// A cluster; what istiod does not have comes last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: Str,
    secret_name: String,
    sync_status: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_since: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    waiting_for: Vec<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    refusal: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    previous_in_use: bool,
}

impl From<ClusterState> for Entry {
    fn from(cluster: ClusterState) -> Entry {
        let secret = cluster.secret.map(|key| format!("{}/{}", key.namespace, key.name));
        Entry {
            id: cluster.id,
            secret_name: secret.unwrap_or_default(),
            sync_status: cluster.sync.as_str(),
            state: cluster.phase.as_str(),
            stale_since: match cluster.phase {
                ClusterPhase::Stale(since) => Some(since),
                _ => None,
            },
            waiting_for: cluster.waiting,
            refusal: cluster.refusal,
            previous_in_use: cluster.previous_in_use,
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
