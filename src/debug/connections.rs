//! Connected proxies: `connections`, `adsz`, and how others find one of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::access::Reader;
use super::answer::{Parameters, Refusal};
use super::{Context, State as Sources};
use crate::api::{Labels, Str};
use crate::model::Locality;
use crate::serve::connections::{Connection, Watched};
use crate::snapshot::Snapshot;

/// All connections, sorted by their ids.
pub(super) fn sorted(sources: &Sources) -> Vec<Arc<Connection>> {
    let mut connections = sources.connections.list();
    connections.sort_by(|a, b| a.id.cmp(&b.id));
    connections
}

/// The connection that `?proxyID=` names: by its id, or as the newest of a proxy. To a reader who may not see the
/// proxy, it is not connected.
pub(super) fn find(
    sources: &Sources,
    reader: &Reader,
    parameters: &BTreeMap<String, String>,
) -> Result<Arc<Connection>, Refusal> {
    let id = parameters.get("proxyID").filter(|id| !id.is_empty());
    let id =
        id.ok_or_else(|| Refusal::bad_request("You must provide a proxyID in the query string"))?;
    let named = |c: &&Arc<Connection>| *c.proxy.workload_id == **id || *c.id == **id;
    let found = sources.connections.list().iter().rfind(named).cloned();
    found.filter(|connection| reader.sees(&connection.proxy.namespace)).ok_or_else(|| {
        Refusal::not_found(
            "Proxy not connected to this Pilot instance. It may be connected to another instance.",
        )
    })
}

/// `/debug/connections`.
pub(super) async fn connections(
    State(context): State<Context>,
    parameters: Parameters,
) -> Response {
    let sources = context.state;
    context.gate.json(&parameters, move || Clients::of(&sources, Entry::of)).await
}

/// `/debug/adsz`.
pub(super) async fn adsz(State(context): State<Context>, parameters: Parameters) -> Response {
    let sources = context.state;
    let make = move || {
        let snapshot = sources.snapshots.load();
        Clients::of(&sources, |connection| Streaming::of(connection, &snapshot))
    };
    context.gate.json(&parameters, make).await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Clients<T> {
    total_clients: usize,
    clients: Vec<T>,
}

impl<T> Clients<T> {
    fn of(sources: &Sources, shape: impl Fn(&Connection) -> T) -> Clients<T> {
        let clients: Vec<T> = sorted(sources).iter().map(|connection| shape(connection)).collect();
        Clients { total_clients: clients.len(), clients }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    connection_id: Str,
    connected_at: jiff::Timestamp,
    address: SocketAddr,
}

impl Entry {
    fn of(connection: &Connection) -> Entry {
        Entry {
            connection_id: connection.id.clone(),
            connected_at: connection.connected,
            address: connection.peer,
        }
    }
}

#[derive(Serialize)]
struct Streaming {
    #[serde(flatten)]
    connection: Entry,
    labels: Labels,
    metadata: Value,
    locality: Place,
    /// Ours: who it proved to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    watches: BTreeMap<&'static str, Arc<[Str]>>,
}

impl Streaming {
    fn of(connection: &Connection, snapshot: &Snapshot) -> Streaming {
        let proxy = &connection.proxy;
        let known = snapshot.workload_of(proxy);
        let labels = known.map_or(&proxy.labels, |state| &state.workload.all_labels);
        let labels = labels.iter().filter(|(_, value)| !value.is_empty());
        let watched = connection.watched();
        Streaming {
            connection: Entry::of(connection),
            labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect(),
            metadata: proxy.metadata.clone(),
            locality: Place::of(&proxy.locality),
            identity: connection.identity.as_ref().map(ToString::to_string),
            watches: watched.into_iter().map(|w| (w.kind.type_url(), names(w))).collect(),
        }
    }
}

/// The names that were asked for; none where everything was.
fn names(watched: Watched) -> Arc<[Str]> {
    if watched.wildcard { Arc::default() } else { watched.names }
}

/// A locality, unknown parts left out.
#[derive(Serialize)]
struct Place {
    #[serde(skip_serializing_if = "str::is_empty")]
    region: Str,
    #[serde(skip_serializing_if = "str::is_empty")]
    zone: Str,
    #[serde(rename = "subZone", skip_serializing_if = "str::is_empty")]
    subzone: Str,
}

impl Place {
    fn of(locality: &Locality) -> Place {
        let Locality { region, zone, subzone, .. } = locality.clone();
        Place { region, zone, subzone }
    }
}
