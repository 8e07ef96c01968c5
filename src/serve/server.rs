//! The transport: connections with HTTP/2 in plaintext, kept, aged and ended.
//!
//! Owns accepting, the limits of one connection, and its end; what is answered is a router's business. Tuned for
//! many connections that are quiet nearly always: buffers are small, and grow only with what is in flight.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt};

/// How a server treats its connections.
#[derive(Clone, Debug)]
pub struct Config {
    /// How often a quiet connection is pinged.
    pub keepalive_interval: Duration,
    /// How long the answer to a ping may take before the connection is given up.
    pub keepalive_timeout: Duration,
    /// The age at which a client is asked to reconnect, give or take a tenth; None for no limit.
    pub max_age: Option<Duration>,
    /// Streams of one connection at once.
    pub max_streams: u32,
    /// How long connections may take to end once the server stops.
    pub drain: Duration,
}

/// How long a connection that was asked to end by its age may go on, as in istiod.
const AGE_GRACE: Duration = Duration::from_secs(10);

/// Connections of one server at once: ten times what one process is meant to carry, and less than what file
/// descriptors are there for. Further clients wait to be accepted.
const MAX_CONNECTIONS: usize = 20_000;

/// How long an accept that failed for want of file descriptors or memory waits before it tries again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Requests are small: names and acknowledgements. What a client may send ahead of being read.
const STREAM_WINDOW: u32 = 64 * 1024;

/// See [`STREAM_WINDOW`]; a connection carries one stream, and perhaps a request of a tool.
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// What is buffered of one stream on its way out, before the socket takes it.
const SEND_BUFFER: usize = 64 * 1024;

/// How long the head of an HTTP/1 request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Of request headers, which are a handful of names and perhaps a token.
const MAX_HEADERS: u32 = 16 * 1024;

/// Serves `router`, whose requests carry the client's address as `ConnectInfo<SocketAddr>`. Ends once `stop` is
/// true, or its sender is gone: accepts no more, asks clients to leave, and returns when all have, or after
/// `config.drain`.
pub async fn run(
    listener: TcpListener,
    router: Router,
    config: Config,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok(accepted) => {
                connections.spawn(serve(accepted, router.clone(), config.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(target: "ads", %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(config.drain, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        let left = connections.len();
        tracing::info!(target: "ads", connections = left, "ended connections that did not drain");
        connections.shutdown().await;
    }
}

/// A connection that may be served, and its place among all.
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(Accepted { stream, peer, _place: place })
}

/// Serves one connection to its end, which comes from the client, from its age, or from the server's stop.
async fn serve(
    accepted: Accepted,
    router: Router,
    config: Config,
    mut stop: watch::Receiver<bool>,
) {
    let Accepted { stream, peer, _place } = accepted;
    let service = TowerToHyperService::new(with_peer(router, peer));
    let builder = builder(&config);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let grace = tokio::select! {
        _ = connection.as_mut() => return,
        () = old(config.max_age) => AGE_GRACE,
        _ = stop.wait_for(|stop| *stop) => config.drain,
    };
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(grace, connection).await;
}

fn with_peer(
    router: Router,
    peer: SocketAddr,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send
{
    router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    })
}

fn builder(config: &Config) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .max_concurrent_streams(config.max_streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEADERS);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
}

/// Waits until a connection is old. A tenth more or less, so that clients that came together do not come
/// together again.
async fn old(max_age: Option<Duration>) {
    match max_age {
        Some(age) => tokio::time::sleep(age.mul_f64(0.9 + 0.2 * fastrand::f64())).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
