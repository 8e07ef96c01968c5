//! The agent's own port: whether the proxy is ready, metrics, and orders from the pod.
//!
//! `/healthz/ready` asks Envoy until it is ready for the first time, as istio-agent does; from then on Envoy itself is what a
//! probe goes through. A certificate that has ended makes a proxy not ready, one that could not be renewed in time does
//! not. Orders come from loopback only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{ConnectInfo, RawQuery, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::admin::Local;
use super::app_probes::AppProbes;
use super::envoy::Order;
use super::renewal::State;

mod metrics;

pub use self::metrics::Targets;

/// How long Envoy may take to answer, as in istio-agent.
const PATIENCE: Duration = Duration::from_secs(3);

/// What makes a proxy ready.
const STATS: &str = "/stats?usedonly&filter=^(cluster_manager\\.cds\\.update_|listener_manager\\.lds\\.update_|\
                     server\\.state$|listener_manager\\.workers_started$)";

/// What the port knows.
#[derive(Debug)]
pub struct Status {
    /// Envoy's admin interface; None without an Envoy.
    pub envoy: Option<Local>,
    /// How it stands with the certificate; None when it comes from files.
    pub certificate: Option<watch::Receiver<State>>,
    /// Whose metrics are told too.
    pub targets: Targets,
    /// Whether metrics go to loopback only.
    pub loopback_only: bool,
    /// Who is told to drain and to end.
    pub orders: mpsc::Sender<Order>,
    /// Whether the agent is about to end.
    pub stopping: watch::Receiver<bool>,
    /// Whether Envoy was ready once.
    pub ready_once: AtomicBool,
    /// The probes that are answered in the application's place.
    pub probes: AppProbes,
}

impl Status {
    /// What is answered there. Requests must carry who asks (`ConnectInfo`).
    pub fn router(mut self) -> Router {
        let probes = std::mem::take(&mut self.probes).router();
        Router::new()
            .route("/healthz/ready", get(ready))
            .route("/stats/prometheus", get(metrics))
            .route("/metrics", get(metrics))
            .route("/drain", post(drain))
            .route("/quitquitquit", post(quit))
            .with_state(Arc::new(self))
            .merge(probes)
    }

    /// Why the proxy is not ready.
    async fn obstacle(&self) -> Option<String> {
        if *self.stopping.borrow() {
            return Some("the agent is about to end".to_owned());
        }
        if let Some(state) = &self.certificate
            && let Some(obstacle) = no_certificate(&state.borrow(), SystemTime::now())
        {
            return Some(obstacle);
        }
        let envoy = self.envoy.filter(|_| !self.ready_once.load(Ordering::Relaxed))?;
        let obstacle = envoy_obstacle(envoy).await;
        if obstacle.is_none() {
            info!("Envoy is ready");
            self.ready_once.store(true, Ordering::Relaxed);
        }
        obstacle
    }
}

/// Why an Envoy is not ready.
pub(super) async fn envoy_obstacle(envoy: Local) -> Option<String> {
    match envoy.get(STATS, PATIENCE).await {
        Ok(stats) => not_ready(&stats),
        Err(error) => Some(format!("{error:#}")),
    }
}

fn no_certificate(state: &State, now: SystemTime) -> Option<String> {
    let error = state.error.as_deref().unwrap_or("the CA was asked");
    match &state.issued {
        None => Some(format!("there is no certificate yet: {error}")),
        Some(issued) if issued.identity.has_ended(now) => {
            Some(format!("the certificate has ended: {error}"))
        }
        Some(_) => None,
    }
}

/// Why an Envoy with these statistics is not ready.
fn not_ready(stats: &str) -> Option<String> {
    let count = |name: &str| {
        let lines = stats.lines().filter_map(|line| line.split_once(": "));
        let found = lines.filter(|(key, _)| *key == name).find_map(|(_, count)| count.parse().ok());
        found.unwrap_or(0_u64)
    };
    let cds = count("cluster_manager.cds.update_success");
    let lds = count("listener_manager.lds.update_success");
    let rejected = count("cluster_manager.cds.update_rejected")
        + count("listener_manager.lds.update_rejected");
    let state = count("server.state");
    match (cds, lds) {
        (0, 0) if rejected == 0 => {
            return Some("there is no configuration yet: is the control plane there?".to_owned());
        }
        (0, _) | (_, 0) if rejected > 0 => {
            return Some("Envoy refused its configuration".to_owned());
        }
        (0, _) | (_, 0) => return Some("the configuration is not complete yet".to_owned()),
        _ => {}
    }
    if state != 0 {
        return Some(format!("Envoy is not live yet: its state is {state}"));
    }
    let started = count("listener_manager.workers_started") == 1;
    (!started).then(|| "Envoy's workers have not started yet".to_owned())
}

async fn ready(Extract(status): Extract<Arc<Status>>) -> Response {
    match status.obstacle().await {
        None => StatusCode::OK.into_response(),
        Some(obstacle) => {
            warn!("not ready: {obstacle}");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{obstacle}\n")).into_response()
        }
    }
}

async fn metrics(
    Extract(status): Extract<Arc<Status>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
) -> Response {
    if status.loopback_only && !is_loopback(peer) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let state = status.certificate.as_ref().map(|state| state.borrow().clone());
    let mut text = metrics::own(state.as_ref(), SystemTime::now());
    let others = status.targets.text(status.envoy, query.as_deref()).await;
    text.insert_str(0, &others);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn drain(
    Extract(status): Extract<Arc<Status>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Response {
    order(&status, peer, Order::Drain).await
}

async fn quit(
    Extract(status): Extract<Arc<Status>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Response {
    order(&status, peer, Order::Quit).await
}

async fn order(status: &Status, peer: SocketAddr, order: Order) -> Response {
    if !is_loopback(peer) {
        return StatusCode::FORBIDDEN.into_response();
    }
    info!("told to {order:?} by {peer}");
    // Nobody receives it when the end has come already.
    let _ = status.orders.send(order).await;
    "OK".into_response()
}

fn is_loopback(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
