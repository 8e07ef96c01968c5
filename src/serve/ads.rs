//! The aggregated discovery service: what a stream is answered with, and what streams have in common.
//!
//! Each stream has a task of its own ([`task`]). What is said on it is [`Stream`](super::stream::Stream)'s
//! business, what is served is the pusher's.

mod count;
pub mod inquiry;
mod refusals;
mod reports;
mod task;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response as HttpResponse;
use axum::routing::post;
use tokio::sync::{Semaphore, watch};

use self::count::Count;
pub(super) use self::count::code_name;
use self::inquiry::Inquiries;
use self::refusals::Refusals;
use self::task::Task;
use super::access::Access;
use super::admission::Admission;
use super::cache::Cache;
use super::connections::Connections;
use super::envelope::Protocol;
use super::grpc::{self, Call};
use super::node::Nodes;
use super::push::Pusher;
use super::registration::Registration;
use super::secrets::Secrets;
use super::type_url::TypeUrl;
use super::wire::Messages;
use crate::api::Str;
use crate::metrics::Metrics;

/// How often what streams share is swept of what nobody holds.
const SWEEP: Duration = Duration::from_secs(5);

const SERVICE: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

/// The limits of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// The longest request, in bytes (ISTIO_GPRC_MAXRECVMSGSIZE).
    pub max_message: usize,
    /// New streams a second (PILOT_MAX_REQUESTS_PER_SECOND); 0 for the default.
    pub streams_per_second: u32,
    /// Streams that assemble a response at once (PILOT_PUSH_THROTTLE); at least 1.
    pub push_throttle: usize,
    /// Who may open a stream.
    pub access: Access,
    /// Who comes from a loopback address in plaintext is served secrets as the account that its node names.
    pub secrets_on_loopback: bool,
    /// Other names of clusters that proxies may tell, each with the cluster's id (--clusterAliases).
    pub cluster_aliases: Vec<(Str, Str)>,
}

/// The service. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Ads {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    pusher: Pusher,
    metrics: Arc<Metrics>,
    nodes: Nodes,
    cache: Arc<Cache>,
    connections: Arc<Connections>,
    admission: Admission,
    throttle: Semaphore,
    registration: Option<Registration>,
    refusals: Refusals,
    secrets: Secrets,
    inquiries: OnceLock<Inquiries>,
    ready: watch::Receiver<bool>,
    stop: watch::Receiver<bool>,
}

impl Ads {
    /// The service, which refuses streams until `ready`, and ends them when `stop` is true or its sender is
    /// gone. Without a `registration` no proxy stands for a WorkloadEntry. To be called on the runtime that is to serve it.
    pub fn new(
        config: Config,
        pusher: Pusher,
        metrics: Arc<Metrics>,
        registration: Option<Registration>,
        secrets: Secrets,
        ready: watch::Receiver<bool>,
        stop: watch::Receiver<bool>,
    ) -> Ads {
        let shared = Arc::new(Shared {
            admission: Admission::new(config.streams_per_second),
            throttle: Semaphore::new(config.push_throttle.max(1)),
            connections: Arc::new(Connections::new(metrics.clone())),
            refusals: Refusals::default(),
            nodes: Nodes::new(config.cluster_aliases.clone()),
            cache: Arc::default(),
            config,
            pusher,
            metrics,
            registration,
            secrets,
            inquiries: OnceLock::new(),
            ready,
            stop,
        });
        tokio::spawn(sweep(shared.cache.clone(), shared.stop.clone()));
        Ads { shared }
    }

    /// Who is connected.
    pub fn connections(&self) -> Arc<Connections> {
        self.shared.connections.clone()
    }

    /// Who answers questions about the control plane: once, after all that he asks is there. Nobody is answered before.
    pub fn answer(&self, inquiries: Inquiries) {
        let _ = self.shared.inquiries.set(inquiries);
    }

    /// The routes of both forms of ADS.
    pub fn router(&self) -> Router {
        Router::new()
            .route(&format!("{SERVICE}/StreamAggregatedResources"), post(sotw))
            .route(&format!("{SERVICE}/DeltaAggregatedResources"), post(delta))
            .with_state(self.clone())
    }
}

/// Sweeps what streams share, until the service stops.
async fn sweep(cache: Arc<Cache>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = ticks.tick() => cache.sweep(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn sotw(State(ads): State<Ads>, request: HttpRequest) -> HttpResponse {
    ads.open(Protocol::Sotw, request)
}

async fn delta(State(ads): State<Ads>, request: HttpRequest) -> HttpResponse {
    ads.open(Protocol::Delta, request)
}

impl Ads {
    /// Answers with a body that the stream's own task fills.
    fn open(&self, protocol: Protocol, request: HttpRequest) -> HttpResponse {
        let (response, call) = grpc::open(request);
        let Some(Call { transport, presented, body, sender }) = call else { return response };
        let messages = Messages::new(body, self.shared.config.max_message);
        let count = Count::new(self.shared.metrics.clone(), protocol);
        let (shared, stop) = (self.shared.clone(), self.shared.stop.clone());
        tokio::spawn(
            Task { shared, protocol, transport, presented, messages, sender, stop, count }.run(),
        );
        response
    }
}

/// The type as metrics and logs name it. A stranger's own types are one: labels are for what is known.
fn short_name(type_url: &TypeUrl) -> &str {
    match type_url {
        TypeUrl::Known(kind) => kind.short_name(),
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;
