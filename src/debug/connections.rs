//! Connected proxies: `connections`, `adsz`, and how others find one of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::answer::{Parameters, Refusal};
use super::{Context, State as Sources};
use crate::api::{Labels, Str};
use crate::model::{Locality, Proxy};
use crate::snapshot::Snapshot;
use crate::translate::View;

/// A connected proxy at one moment.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connection: `NAME.NAMESPACE-NUMBER`.
    pub id: Str,
    /// Who connected.
    pub proxy: Arc<Proxy>,
    /// When.
    pub connected: jiff::Timestamp,
    /// From where.
    pub address: SocketAddr,
    /// What it asked for, in any order.
    pub watches: Vec<Watched>,
    /// What it is served; None before the first snapshot.
    pub view: Option<View>,
}

/// What a proxy asked for of one type.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// The type.
    pub type_url: Str,
    /// The names, sorted; empty where it gets everything.
    pub names: Arc<[Str]>,
    /// The nonce of the last response; empty when there was none.
    pub sent: String,
    /// The nonce of the last response that it accepted; empty when there was none.
    pub accepted: String,
    /// When the last response was sent.
    pub sent_at: Option<jiff::Timestamp>,
    /// Why it refused the last response; empty when it did not.
    pub error: String,
}

/// All clients, sorted by connection.
pub(super) fn clients(sources: &Sources) -> Vec<Client> {
    let mut clients = (sources.clients)();
    clients.sort_by(|a, b| a.id.cmp(&b.id));
    clients
}

/// The client that `?proxyID=` names: a proxy, of whose connections the newest counts, or a connection.
pub(super) fn find(
    sources: &Sources,
    parameters: &BTreeMap<String, String>,
) -> Result<Client, Refusal> {
    let id = parameters.get("proxyID").filter(|id| !id.is_empty());
    let id =
        id.ok_or_else(|| Refusal::bad_request("You must provide a proxyID in the query string"))?;
    let named = |client: &Client| *client.proxy.workload_id == **id || *client.id == **id;
    let found = (sources.clients)().into_iter().filter(named).max_by_key(|client| client.connected);
    found.ok_or_else(|| {
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
    context.gate.json(&parameters, move || Clients::of(clients(&sources), Connection::of)).await
}

/// `/debug/adsz`.
pub(super) async fn adsz(State(context): State<Context>, parameters: Parameters) -> Response {
    let sources = context.state;
    let make = move || {
        let snapshot = sources.snapshots.load();
        Clients::of(clients(&sources), |client| Streaming::of(client, &snapshot))
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
    fn of(clients: Vec<Client>, shape: impl Fn(Client) -> T) -> Clients<T> {
        Clients { total_clients: clients.len(), clients: clients.into_iter().map(shape).collect() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    connection_id: Str,
    connected_at: jiff::Timestamp,
    address: SocketAddr,
}

impl Connection {
    fn of(client: Client) -> Connection {
        Connection {
            connection_id: client.id,
            connected_at: client.connected,
            address: client.address,
        }
    }
}

#[derive(Serialize)]
struct Streaming {
    #[serde(flatten)]
    connection: Connection,
    labels: Labels,
    metadata: Value,
    locality: Place,
    watches: BTreeMap<Str, Arc<[Str]>>,
}

impl Streaming {
    fn of(client: Client, snapshot: &Snapshot) -> Streaming {
        let proxy = client.proxy.clone();
        let known = snapshot.workload(&proxy.namespace, &proxy.name);
        let labels = known.map_or(&proxy.labels, |state| &state.workload.all_labels);
        let watches = client.watches.iter().map(|w| (w.type_url.clone(), w.names.clone()));
        Streaming {
            labels: labels
                .iter()
                .filter(|(_, v)| !v.is_empty())
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            metadata: proxy.metadata.clone(),
            locality: Place::of(&proxy.locality),
            watches: watches.collect(),
            connection: Connection::of(client),
        }
    }
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
        let Locality { region, zone, subzone } = locality.clone();
        Place { region, zone, subzone }
    }
}
