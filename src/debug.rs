//! What the process shows of itself over HTTP: readiness, metrics, istiod's debug endpoints, and ControlZ.
//!
//! Reads everything and changes nothing but the levels of the log. The JSON is that of istiod's endpoints of the same names, so that
//! istioctl and dashboards understand it; keys that have no meaning here are there with their empty value.
//! Debug endpoints show the configuration of the whole mesh: who may ask for what is decided in [`access`]. One
//! answer is made at a time, away from the threads that serve proxies: the largest take seconds and tens of
//! megabytes.

mod access;
mod answer;
mod clusters;
mod config_dump;
mod configs;
mod connections;
mod controlz;
mod diagnostics;
mod endpoints;
mod index;
mod inject;
mod inquiries;
mod pprof;
mod registry;
mod scrape;
mod sync;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

pub use self::access::Access;
use self::access::Gatekeeper;
use self::answer::Gate;
pub use self::controlz::controlz_routes;
pub use self::inquiries::inquiries;
use crate::admission::inject::Injection;
use crate::api::{ClusterState, Diagnostic, Str};
use crate::metrics::Metrics;
use crate::serve::connections::Connections;
use crate::snapshot::Snapshots;

/// What the endpoints read.
#[derive(Clone)]
pub struct State {
    /// The state of the mesh.
    pub snapshots: Snapshots,
    /// Who is connected.
    pub connections: Arc<Connections>,
    /// What the sources have to say of their objects.
    pub diagnostics: Vec<watch::Receiver<Arc<[Diagnostic]>>>,
    /// The clusters that are read.
    pub clusters: Clusters,
    /// Who injects pods, where somebody does.
    pub injection: Option<Arc<Injection>>,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// What must be so before the process takes streams.
    pub probes: Vec<Probe>,
    /// The build, as `VERSION-REVISION-STATUS`.
    pub version: Str,
    /// Who may ask for debug endpoints.
    pub access: Access,
    /// Profiles are served, too (`--profile`).
    pub profile: bool,
    /// METRICS_LOCALHOST_ACCESS_ONLY: metrics, too, are for loopback addresses only.
    pub metrics_loopback_only: bool,
}

/// What tells of the clusters that are read, as they are when somebody asks.
#[derive(Clone)]
pub struct Clusters(Arc<dyn Fn() -> Vec<ClusterState> + Send + Sync>);

impl Clusters {
    /// Those that a function tells.
    pub fn new(list: impl Fn() -> Vec<ClusterState> + Send + Sync + 'static) -> Clusters {
        Clusters(Arc::new(list))
    }

    /// All of them.
    pub fn list(&self) -> Vec<ClusterState> {
        (self.0)()
    }
}

/// One condition of readiness.
#[derive(Clone)]
pub struct Probe {
    /// What is shown while it is not so.
    pub name: &'static str,
    /// What is missing for it to be so; empty where there is no more to say than that it is not.
    pub check: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("version", &self.version).finish_non_exhaustive()
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `/ready`, for port 8080.
pub fn ready_routes(state: State) -> Router {
    Router::new().route("/ready", get(ready)).with_state(state)
}

/// `/metrics` and `/version`, for port 15014.
///
/// To be served by `serve::server`, as [`debug_routes`].
pub fn metrics_routes(state: State) -> Router {
    let mut metrics = Router::new().route("/metrics", get(metrics));
    if state.metrics_loopback_only {
        let guard = middleware::from_fn(|request, next| {
            access::loopback_only(StatusCode::FORBIDDEN, request, next)
        });
        metrics = metrics.layer(guard);
    }
    metrics.route("/version", get(version)).with_state(state)
}

/// `/debug*`, for both ports.
///
/// To be served by `serve::server`, which tells the peer's address: without it a request counts as not from
/// loopback.
pub fn debug_routes(state: State) -> Router {
    let keeper = Gatekeeper { access: state.access.clone(), snapshots: state.snapshots.clone() };
    let profiles = if state.profile { pprof::routes() } else { Router::new() };
    answers(&state).merge(profiles).layer(middleware::from_fn(
        move |request: Request, next: Next| keeper.clone().admit(request, next),
    ))
}

/// The debug endpoints without a gate: requests must carry their [`access::Reader`].
fn answers(state: &State) -> Router {
    let mut router = Router::new();
    for endpoint in index::all() {
        router = router.route(&format!("/debug/{}", endpoint.name), endpoint.handler);
    }
    router
        .route("/debug", get(index::page))
        .route("/debug/", get(index::page))
        .with_state(Context { state: state.clone(), gate: Gate::default() })
}

/// What the handlers of debug endpoints have in common.
#[derive(Clone)]
struct Context {
    state: State,
    gate: Gate,
}

async fn ready(axum::extract::State(state): axum::extract::State<State>) -> Response {
    let unready = state.probes.iter().find_map(|probe| Some((probe.name, (probe.check)().err()?)));
    match unready {
        None => StatusCode::OK.into_response(),
        Some((name, missing)) => {
            let more = if missing.is_empty() { missing } else { format!(": {missing}") };
            let text = format!("{name} is not ready{more}\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

async fn metrics(axum::extract::State(state): axum::extract::State<State>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    match tokio::task::spawn_blocking(move || scrape::text(&state)).await {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn version(axum::extract::State(state): axum::extract::State<State>) -> String {
    state.version.to_string()
}
