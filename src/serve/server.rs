//! The transport: connections with HTTP/2, in plaintext or over TLS, kept, aged and ended.
//!
//! Owns accepting, the limits of one connection, and its end; what is answered is a router's business. Tuned for
//! many connections that are quiet nearly always: buffers are small, and grow only with what is in flight.
//!
//! Over TLS a client is a newcomer until it was recognised ([`super::newcomers`]): handshakes and requests of strangers
//! take no place from those who were.

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
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt};

use super::newcomers::{Newcomer, Newcomers};
use super::tls;
use super::transport::{Session, Transport};

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

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// How long a client may take until it was recognised: a stream waits for its turn, and an API server for its own.
const RECOGNITION: Duration = Duration::from_secs(60);

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
    security: Security,
    mut stop: watch::Receiver<bool>,
) {
    let places = Places {
        connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        newcomers: Arc::new(match &security {
            Security::Plaintext => Newcomers::new(1, Duration::ZERO),
            Security::Tls(secure) => Newcomers::new(secure.newcomers, secure.patience),
        }),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places, &security) => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer, entered)) => {
                let server = Connection {
                    peer,
                    router: router.clone(),
                    config: config.clone(),
                    places: places.clone(),
                    stop: stop.clone(),
                };
                connections.spawn(server.run(stream, entered));
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

/// Who may listen in on connections.
#[derive(Clone, Debug)]
pub enum Security {
    /// Everybody.
    Plaintext,
    /// Nobody.
    Tls(Secure),
}

/// TLS, and how clients are treated that were not recognised yet.
#[derive(Clone, Debug)]
pub struct Secure {
    /// Each handshake takes the newest.
    pub configs: watch::Receiver<Arc<ServerConfig>>,
    /// So many such clients at once.
    pub newcomers: usize,
    /// So long each of them has at least, however many come.
    pub patience: Duration,
}

impl Secure {
    /// With room for 2,000 newcomers, of which one in its handshake takes 40 kB, and 2 s for each, which is much more
    /// than the two round trips of a handshake.
    pub fn new(configs: watch::Receiver<Arc<ServerConfig>>) -> Secure {
        Secure { configs, newcomers: 2_000, patience: Duration::from_secs(2) }
    }
}

/// How many there may be at once.
#[derive(Clone, Debug)]
struct Places {
    connections: Arc<Semaphore>,
    newcomers: Arc<Newcomers>,
}

/// As what a client came in.
enum Entered {
    /// As one of all, at once.
    Plain(OwnedSemaphorePermit),
    /// As a newcomer, who has to make a handshake.
    Newcomer(Newcomer, Arc<ServerConfig>),
}

async fn accept(
    listener: &TcpListener,
    places: &Places,
    security: &Security,
) -> io::Result<(TcpStream, SocketAddr, Entered)> {
    // A place first, so that nobody is accepted and then kept waiting.
    match security {
        Security::Plaintext => {
            let place = places.place().await?;
            let (stream, peer) = connection(listener).await?;
            Ok((stream, peer, Entered::Plain(place)))
        }
        Security::Tls(secure) => {
            let newcomer = places.newcomers.admit().await;
            let (stream, peer) = connection(listener).await?;
            newcomer.arrived();
            Ok((stream, peer, Entered::Newcomer(newcomer, secure.configs.borrow().clone())))
        }
    }
}

async fn connection(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer))
}

impl Places {
    async fn place(&self) -> io::Result<OwnedSemaphorePermit> {
        self.connections.clone().acquire_owned().await.map_err(io::Error::other)
    }
}

/// One connection.
struct Connection {
    peer: SocketAddr,
    router: Router,
    config: Config,
    places: Places,
    stop: watch::Receiver<bool>,
}

impl Connection {
    /// Serves it to its end.
    async fn run(self, stream: TcpStream, entered: Entered) {
        match entered {
            Entered::Plain(_place) => self.serve(stream, Transport::Plaintext, None).await,
            Entered::Newcomer(newcomer, config) => self.secure(stream, newcomer, config).await,
        }
    }

    /// Makes the handshake, and serves what comes over it.
    async fn secure(mut self, stream: TcpStream, newcomer: Newcomer, config: Arc<ServerConfig>) {
        let handshake = TlsAcceptor::from(config).accept(stream);
        let made = tokio::select! {
            made = tokio::time::timeout(HANDSHAKE, handshake) => made,
            () = newcomer.dismissed() => return,
            _ = self.stop.wait_for(|stop| *stop) => return,
        };
        let stream = match made {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(target: "ads", peer = %self.peer, %error, "a handshake failed");
                return;
            }
            Err(_) => return,
        };
        let session = Arc::new(Session::new(tls::identities(stream.get_ref().1)));
        self.serve(stream, Transport::Tls(session.clone()), Some((newcomer, session))).await;
    }

    /// Serves requests until the end, which comes from the client, from its age, or from the server's stop; for a
    /// newcomer, also from proving nothing.
    async fn serve<S>(
        mut self,
        stream: S,
        transport: Transport,
        newcomer: Option<(Newcomer, Arc<Session>)>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(with_peer(self.router, self.peer, transport));
        let builder = builder(&self.config);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let recognised = recognised(&self.places, newcomer);
        let served = async {
            let (_place, known) = tokio::select! {
                _ = connection.as_mut() => return None,
                outcome = recognised => outcome?,
                _ = self.stop.wait_for(|stop| *stop) => return Some(self.config.drain),
            };
            if !known {
                return Some(AGE_GRACE);
            }
            tokio::select! {
                _ = connection.as_mut() => None,
                () = old(self.config.max_age) => Some(AGE_GRACE),
                _ = self.stop.wait_for(|stop| *stop) => Some(self.config.drain),
            }
        };
        if let Some(grace) = served.await {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(grace, connection).await;
        }
    }
}

/// Waits until a client has its place among all, and whether it was recognised in time for one. None for one that
/// has to go at once.
async fn recognised(
    places: &Places,
    newcomer: Option<(Newcomer, Arc<Session>)>,
) -> Option<(Option<OwnedSemaphorePermit>, bool)> {
    // In plaintext everybody has a place from the beginning.
    let Some((newcomer, session)) = newcomer else { return Some((None, true)) };
    tokio::select! {
        () = session.proved() => {}
        () = newcomer.dismissed() => return None,
        () = tokio::time::sleep(RECOGNITION) => return Some((None, false)),
    }
    drop(newcomer);
    Some((places.place().await.ok(), true))
}

fn with_peer(
    router: Router,
    peer: SocketAddr,
    transport: Transport,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send
{
    router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(transport.clone());
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
