//! Who is connected, for those who look: debug endpoints and metrics.
//!
//! A connection's stream is behind a lock that its task takes for each step and that a reader takes for as
//! long as a copy of a few words lasts: nothing is kept twice to be shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use super::cache::Names;
use super::envelope::Protocol;
use super::stream::{Refusal, Stream};
use crate::api::Str;
use crate::metrics::Metrics;
use crate::model::identity::Spiffe;
use crate::model::{Caller, Proxy};
use crate::translate::{ResourceType, View};

/// All connected proxies.
#[derive(Debug)]
pub struct Connections {
    metrics: Arc<Metrics>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    connected: BTreeMap<u64, Arc<Connection>>,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Client {
    /// The proxy that it says it is.
    pub proxy: Arc<Proxy>,
    /// Its address.
    pub peer: SocketAddr,
    /// Who it proved to be; None where nobody asked: in plaintext, or by the operator's will.
    pub caller: Option<Arc<Caller>>,
    /// The identity of the caller with which it is this proxy; None where that was not checked. What is for one
    /// identity only must not be served to a connection without.
    pub identity: Option<Spiffe>,
}

/// One connected proxy.
#[derive(Debug)]
pub struct Connection {
    /// `NAME.NAMESPACE-NUMBER`; the numbers count all connections of this process.
    pub id: Str,
    /// Who it is.
    pub proxy: Arc<Proxy>,
    /// Its address.
    pub peer: SocketAddr,
    /// Who it proved to be; see [`Client::caller`].
    pub caller: Option<Arc<Caller>>,
    /// Its verified identity; see [`Client::identity`].
    pub identity: Option<Spiffe>,
    /// Since when.
    pub connected: Timestamp,
    /// Which form of ADS it speaks.
    pub protocol: Protocol,
    stream: Mutex<Stream>,
}

/// The state of one type on a connection.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The type.
    pub kind: ResourceType,
    /// The names that were asked for.
    pub names: Names,
    /// Everything of the type was asked for, or is sent whatever is.
    pub wildcard: bool,
    /// The nonce of the last response; None before the first.
    pub sent: Option<u64>,
    /// The last nonce that was accepted; None before the first.
    pub accepted: Option<u64>,
    /// When the last response was sent.
    pub sent_at: Option<Timestamp>,
    /// Why the proxy refused what it answered last.
    pub refusal: Option<Refusal>,
}

impl Connections {
    /// Nobody is connected.
    pub fn new(metrics: Arc<Metrics>) -> Connections {
        Connections { metrics, table: Mutex::default() }
    }

    /// Adds a connection, until what is returned is dropped.
    pub fn add(self: &Arc<Self>, client: Client, protocol: Protocol, stream: Stream) -> Registered {
        let Client { proxy, peer, caller, identity } = client;
        self.count(&proxy, 1.0);
        let mut table = self.lock();
        table.last += 1;
        let number = table.last;
        let connection = Arc::new(Connection {
            id: format!("{}-{number}", proxy.workload_id).into(),
            proxy,
            peer,
            caller,
            identity,
            connected: Timestamp::now(),
            protocol,
            stream: Mutex::new(stream),
        });
        table.connected.insert(number, connection.clone());
        Registered { connection, number, all: self.clone() }
    }

    /// All connections, the oldest first.
    pub fn list(&self) -> Vec<Arc<Connection>> {
        self.lock().connected.values().cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().connected.len()
    }

    /// Nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn count(&self, proxy: &Proxy, change: f64) {
        let version = if proxy.istio_version.is_empty() { "unknown" } else { &proxy.istio_version };
        self.metrics.connections.with(&[version]).add(change);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// The state of each type that it asked for, in sending order.
    pub fn watched(&self) -> Vec<Watched> {
        let (now, time) = (Instant::now(), Timestamp::now());
        let stream = self.stream();
        let watches = stream.watches().iter().map(|watch| Watched {
            kind: watch.kind,
            names: watch.names().clone(),
            wildcard: watch.is_wildcard(),
            sent: Some(watch.sent()).filter(|nonce| *nonce > 0),
            accepted: Some(watch.accepted()).filter(|nonce| *nonce > 0),
            sent_at: watch.sent_at().map(|at| {
                let age = now.saturating_duration_since(at);
                jiff::SignedDuration::try_from(age)
                    .ok()
                    .and_then(|age| time.checked_sub(age).ok())
                    .unwrap_or(time)
            }),
            refusal: watch.refusal().cloned(),
        });
        watches.collect()
    }

    /// What it is to be served.
    pub fn view(&self) -> Arc<View> {
        self.stream().view().clone()
    }

    /// Its stream. To be held for one step, never across an await.
    pub(super) fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is listed until this is dropped.
#[derive(Debug)]
pub struct Registered {
    /// The connection.
    pub connection: Arc<Connection>,
    number: u64,
    all: Arc<Connections>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.all.lock().connected.remove(&self.number);
        self.all.count(&self.connection.proxy, -1.0);
    }
}
