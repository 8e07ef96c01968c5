//! 15017: connections of the API server, on a thread of their own.
//!
//! Clients are strangers to it, and stay so: whoever reaches the port may ask. So connections are limited, in number and
//! in the time of each step; where there are too many, the oldest is asked to leave once what it asked is answered.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::serve::newcomers::{Newcomer, Newcomers};

/// Connections at once: twice the 2,000 reviews that come when a cluster starts anew, were each to bring its own.
const MAX_CONNECTIONS: usize = 4_000;

/// How long a connection has at least before it makes room for another one.
const STAY: Duration = Duration::from_secs(2);

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the head of a request may take, as in istiod.
const HEADER: Duration = Duration::from_secs(30);

/// How long a connection may be without a request, as in istiod.
const IDLE: Duration = Duration::from_secs(90);

/// How often a quiet connection of HTTP/2 is pinged, and how long the answer may take.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// Requests of one connection at once, as Go's servers have it: clients of Go open a second one then.
const MAX_STREAMS: u32 = 250;

/// What a client may send ahead of being read, of one request and of all.
const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);

/// Of the head of a request: a handful of lines, and perhaps a token.
const MAX_HEADERS: u32 = 16 * 1024;

/// What is buffered of an HTTP/1 connection.
const MAX_BUFFER: usize = 64 * 1024;

/// How long an accept that failed for want of file descriptors waits before it tries again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a router over TLS, on a thread of its own, until `stop` is true; then for `drain` what was asked before. Completes
/// when it has ended.
///
/// # Errors
/// When the system has no thread or no poll left.
pub fn start(
    listener: std::net::TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    drain: Duration,
    stop: watch::Receiver<bool>,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener)?
    };
    let (end, ended) = oneshot::channel::<()>();
    thread::Builder::new().name("webhooks".to_owned()).spawn(move || {
        runtime.block_on(serve(listener, tls.into(), router, drain, stop));
        runtime.shutdown_background();
        drop(end);
    })?;
    Ok(async move { drop(ended.await) })
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    router: Router,
    drain: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Newcomers::new(MAX_CONNECTIONS, STAY));
    let mut connections = JoinSet::new();
    loop {
        let accept = async {
            // A place first, so that nobody is accepted and then kept waiting.
            let place = places.admit().await;
            let (stream, _) = listener.accept().await?;
            place.arrived();
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>((place, stream))
        };
        let accepted = tokio::select! {
            accepted = accept => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((place, stream)) => {
                let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
                connections.spawn(connection(stream, place, tls, router, drain, stop));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to a webhook could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = timeout(drain, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        connections.shutdown().await;
    }
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    place: Newcomer,
    tls: TlsAcceptor,
    router: Router,
    drain: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let made = tokio::select! {
        made = timeout(HANDSHAKE, tls.accept(stream)) => made,
        () = place.dismissed() => return,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let stream = match made {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a handshake with a webhook failed");
            return;
        }
        Err(_) => return,
    };
    let activity = Arc::new(Activity::default());
    let counted = activity.clone();
    let router = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let service = tower::service_fn(move |request| {
        let (router, busy) = (router.clone(), counted.begin());
        async move {
            let response = router.oneshot(request).await;
            drop(busy);
            response
        }
    });
    let builder = builder();
    let service = TowerToHyperService::new(service);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let grace = tokio::select! {
        _ = served.as_mut() => return,
        () = activity.idle() => HEADER,
        () = place.dismissed() => HEADER,
        _ = stop.wait_for(|stop| *stop) => drain,
    };
    served.as_mut().graceful_shutdown();
    drop(timeout(grace, served).await);
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_header_list_size(MAX_HEADERS);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER).max_buf_size(MAX_BUFFER);
    builder
}

/// Requests of one connection.
struct Activity {
    busy: AtomicUsize,
    /// When the last one began or ended.
    last: Mutex<Instant>,
}

impl Default for Activity {
    fn default() -> Activity {
        Activity { busy: AtomicUsize::new(0), last: Mutex::new(Instant::now()) }
    }
}

/// A request, until this is dropped.
struct Busy(Arc<Activity>);

impl Activity {
    fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.note();
        Busy(self.clone())
    }

    fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until there was no request for long enough.
    async fn idle(&self) {
        loop {
            let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let end = last + IDLE;
            if self.busy.load(Ordering::Relaxed) == 0 && end <= Instant::now() {
                return;
            }
            sleep_until(end.max(Instant::now() + Duration::from_secs(1))).await;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.note();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
