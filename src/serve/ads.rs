//! The aggregated discovery service: one task for each stream, between its body, its slot and its machine.
//!
//! Owns what happens to a stream from its first byte to its last: admission, the first request, the loop.
//! What is said is [`Stream`]'s business, what is served is the pusher's.

mod count;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::response::Response as HttpResponse;
use axum::routing::post;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use tokio::sync::{Semaphore, mpsc, watch};
use tonic::Status;

use self::count::Count;
use super::admission::{Admission, Turn};
use super::cache::Cache;
use super::connections::{Connections, Registered};
use super::envelope::{Protocol, Request};
use super::node::Nodes;
use super::push::{Pusher, Subscription};
use super::stream::{Stream, Update};
use super::type_url::TypeUrl;
use super::wire::{Messages, Outgoing, StreamBody, frames};
use crate::metrics::Metrics;
use crate::proto::FILE_DESCRIPTOR_SET;

/// How long a stream may take for its first request. Clients send it with the stream itself.
const FIRST_REQUEST: Duration = Duration::from_secs(30);

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
    /// Streams that assemble a response at once (PILOT_PUSH_THROTTLE); 0 for the default.
    pub push_throttle: usize,
}

/// Responses that are assembled at once where nothing else is configured. Assembling never waits, so that
/// the processors are the limit.
const DEFAULT_THROTTLE: usize = 100;

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
    ready: watch::Receiver<bool>,
    stop: watch::Receiver<bool>,
}

impl Ads {
    /// The service, which refuses streams until `ready`, and ends them when `stop` is true or its sender is
    /// gone. To be called on the runtime that is to serve it.
    pub fn new(
        config: Config,
        pusher: Pusher,
        metrics: Arc<Metrics>,
        ready: watch::Receiver<bool>,
        stop: watch::Receiver<bool>,
    ) -> Ads {
        let throttle =
            if config.push_throttle == 0 { DEFAULT_THROTTLE } else { config.push_throttle };
        let shared = Arc::new(Shared {
            admission: Admission::new(config.streams_per_second),
            throttle: Semaphore::new(throttle),
            connections: Arc::new(Connections::new(metrics.clone())),
            nodes: Nodes::default(),
            cache: Arc::default(),
            config,
            pusher,
            metrics,
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

    /// The routes of both forms of ADS, and gRPC reflection of them.
    pub fn router(&self) -> Router {
        let ads = Router::new()
            .route(&format!("{SERVICE}/StreamAggregatedResources"), post(sotw))
            .route(&format!("{SERVICE}/DeltaAggregatedResources"), post(delta))
            .with_state(self.clone());
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        };
        let mut services = tonic::service::Routes::default();
        match (reflection().build_v1(), reflection().build_v1alpha()) {
            (Ok(v1), Ok(v1alpha)) => services = services.add_service(v1).add_service(v1alpha),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(target: "ads", %error, "no gRPC reflection: the descriptors are broken");
            }
        }
        services.into_axum_router().merge(ads)
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
        let mut response = HttpResponse::new(Body::empty());
        let grpc = request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|content_type| content_type.as_bytes().starts_with(b"application/grpc"));
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let Some(peer) = peer.filter(|_| grpc) else {
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return response;
        };
        let messages = Messages::new(request.into_body(), self.shared.config.max_message);
        let (sender, body) = StreamBody::new();
        *response.body_mut() = Body::new(body);
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(CONTENT_TYPE, grpc);
        let count = Count::new(self.shared.metrics.clone(), protocol);
        let (shared, stop) = (self.shared.clone(), self.shared.stop.clone());
        tokio::spawn(Task { shared, protocol, peer, messages, sender, stop, count }.run());
        response
    }
}

/// One stream.
struct Task {
    shared: Arc<Shared>,
    protocol: Protocol,
    peer: SocketAddr,
    messages: Messages,
    sender: mpsc::Sender<Outgoing>,
    stop: watch::Receiver<bool>,
    count: Count,
}

/// What woke a stream.
enum Event {
    Message(Option<Bytes>),
    Update(Update),
    /// The body can take a response, or a wait is over.
    Send,
    Stop,
}

impl Task {
    async fn run(mut self) {
        let status = match self.serve().await {
            Ok(()) => Status::ok(""),
            Err(status) => status,
        };
        self.count.ended(&status);
        // A client that is gone needs no status.
        let _ = self.sender.send(Outgoing::End(status)).await;
    }

    async fn serve(&mut self) -> Result<(), Status> {
        self.admit().await?;
        let Some(first) = self.first_request().await? else { return Ok(()) };
        let proxy = Arc::new(self.shared.nodes.proxy(first.node.as_deref())?);
        let mut subscription = self.shared.pusher.connect(proxy.clone()).await?;
        let newest = subscription.updates.borrow_and_update().clone();
        let stream = Stream::new(self.protocol, newest, self.shared.cache.clone());
        let connections = &self.shared.connections;
        let registered = connections.add(proxy, self.peer, self.protocol, stream);
        let id = registered.connection.id.clone();
        tracing::info!(target: "ads", connection = %id, peer = %self.peer, "a proxy connected");
        let ended = self.converse(&first, &registered, &mut subscription).await;
        self.count.forget(&registered.connection.proxy.id);
        tracing::info!(
            target: "ads",
            connection = %id,
            reason = ended.as_ref().err().map_or("it ended the stream", Status::message),
            "a proxy disconnected"
        );
        ended
    }

    /// Waits for the stream's turn.
    async fn admit(&mut self) -> Result<(), Status> {
        if !*self.shared.ready.borrow() {
            self.count.refused("not_ready");
            let text = "server is not ready to serve discovery information";
            return Err(Status::unavailable(text));
        }
        match self.shared.admission.turn(self.peer.ip(), Instant::now()) {
            Turn::At(turn) => {
                tokio::time::sleep_until(turn.into()).await;
                Ok(())
            }
            Turn::Refused(after) => {
                self.count.refused("rate");
                let text = format!("request rate limit exceeded: come again in {after:.1?}");
                let mut status = Status::resource_exhausted(text);
                let millis = after.as_millis().to_string();
                if let Ok(millis) = millis.parse() {
                    status.metadata_mut().insert("grpc-retry-pushback-ms", millis);
                }
                Err(status)
            }
        }
    }

    /// The first request, which tells the node. A report of a workload's health may come before it.
    async fn first_request(&mut self) -> Result<Option<Request>, Status> {
        let first = tokio::time::timeout(FIRST_REQUEST, async {
            loop {
                let Some(message) = self.messages.next().await? else { return Ok(None) };
                let request = self.count.received(message, self.protocol)?;
                let health = "type.googleapis.com/istio.v1.HealthInformation";
                if request.type_url.as_str() != health {
                    return Ok(Some(request));
                }
                tracing::warn!(target: "ads", peer = %self.peer, "ignored a health report without a node");
            }
        });
        first.await.unwrap_or_else(|_| Err(Status::deadline_exceeded("no request came")))
    }

    async fn converse(
        &mut self,
        first: &Request,
        registered: &Registered,
        subscription: &mut Subscription,
    ) -> Result<(), Status> {
        let connection = &registered.connection;
        self.receive(first, registered)?;
        loop {
            match self.event(registered, subscription).await? {
                Event::Message(Some(message)) => {
                    let request = self.count.received(message, self.protocol)?;
                    self.receive(&request, registered)?;
                }
                Event::Message(None) => return Ok(()),
                Event::Update(update) => {
                    let now = Instant::now();
                    self.count.updated(now);
                    connection.stream().update(update, now);
                }
                Event::Send => self.send(registered).await?,
                Event::Stop => return Err(Status::unavailable("the control plane is stopping")),
            }
        }
    }

    fn receive(&mut self, request: &Request, registered: &Registered) -> Result<(), Status> {
        let connection = &registered.connection;
        let received = connection.stream().receive(request)?;
        self.count.outcome(&received, &request.type_url, connection);
        Ok(())
    }

    /// Waits for what comes next. A response is made only when the body is ready for it, and requests are
    /// read in the meantime.
    async fn event(
        &mut self,
        registered: &Registered,
        subscription: &mut Subscription,
    ) -> Result<Event, Status> {
        let now = Instant::now();
        let (due, deadline) = {
            let stream = registered.connection.stream();
            (stream.is_due(now), stream.deadline(now))
        };
        let Task { messages, sender, stop, .. } = self;
        let gone = || Status::cancelled("the client is gone");
        tokio::select! {
            message = messages.next() => Ok(Event::Message(message?)),
            changed = subscription.updates.changed() => match changed {
                Ok(()) => Ok(Event::Update(subscription.updates.borrow_and_update().clone())),
                Err(_) => Ok(Event::Stop),
            },
            ready = sender.reserve(), if due => match ready {
                Ok(_) => Ok(Event::Send),
                Err(_) => Err(gone()),
            },
            () = sender.closed() => Err(gone()),
            () = until(deadline), if !due => Ok(Event::Send),
            _ = stop.wait_for(|stop| *stop) => Ok(Event::Stop),
        }
    }

    /// Makes the next response and hands it to the body, which has room for it.
    async fn send(&mut self, registered: &Registered) -> Result<(), Status> {
        let (response, current, start) = {
            let _turn = self.shared.throttle.acquire().await;
            let start = Instant::now();
            let mut stream = registered.connection.stream();
            (stream.next(start), stream.is_current(), start)
        };
        let Some(response) = response else { return Ok(()) };
        let message = frames(&response)?;
        self.count.made(&response, start);
        let writing = Instant::now();
        let gone = |_| Status::cancelled("the client is gone");
        self.sender.send(Outgoing::Message(message)).await.map_err(gone)?;
        self.count.sent(writing, current);
        Ok(())
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
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
