//! Probes of the application that the agent answers in its place (ISTIO_KUBE_APP_PROBERS): where mTLS is asked for, the
//! kubelet cannot look itself.
//!
//! The injector leads the pod's probes to `/app-health/CONTAINER/livez` and the like, and says in a variable what they
//! were. The answer is the application's: its status and the beginning of its body.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde::Deserialize;
use serde_json::Value;
use tracing::warn;

use super::probe::{Check, HttpCheck, Target};

/// The probes, by path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppProbes {
    by_path: BTreeMap<String, (Check, Duration)>,
    /// The agent's own port.
    port: u16,
}

/// A probe of a pod.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Probe {
    http_get: Option<HttpGet>,
    tcp_socket: Option<TcpSocket>,
    grpc: Option<Grpc>,
    timeout_seconds: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HttpGet {
    path: String,
    port: Value,
    scheme: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TcpSocket {
    port: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Grpc {
    port: Value,
    service: Option<String>,
}

impl AppProbes {
    /// From the variable's text, which may be empty. The application is at `host`; the agent's own port is `port`.
    pub fn read(text: &str, host: &str, port: u16) -> anyhow::Result<AppProbes> {
        if text.is_empty() {
            return Ok(AppProbes::default());
        }
        let probes: BTreeMap<String, Probe> =
            serde_json::from_str(text).context("ISTIO_KUBE_APP_PROBERS")?;
        let mut by_path = BTreeMap::new();
        for (path, probe) in probes {
            let what = || format!("ISTIO_KUBE_APP_PROBERS: {path}");
            ensure!(is_path(&path), "{}: no path of a probe", what());
            let within = Duration::from_secs(probe.timeout_seconds.max(1));
            let check = probe.check(host).with_context(what)?;
            by_path.insert(path, (check, within));
        }
        Ok(AppProbes { by_path, port })
    }

    /// What answers them.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route("/app-health/{container}/{probe}", any(answer))
            .route("/app-lifecycle/{container}/{probe}", any(answer))
            .with_state(Arc::new(self))
    }

    /// What a request to the application says: the headers of the one that came, and for which host.
    fn headers(&self, came: &HeaderMap, target: &Target) -> Vec<(String, String)> {
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let own = format!(":{}", self.port);
        let headers = came.iter().map(|(name, value)| {
            let value = text(value);
            let host = value.strip_suffix(&own).filter(|_| *name == http::header::HOST);
            let value = host.map(|host| format!("{host}:{}", target.port)).unwrap_or(value);
            (name.to_string(), value)
        });
        headers.collect()
    }
}

impl Probe {
    fn check(self, host: &str) -> anyhow::Result<Check> {
        let target = |port: &Value| {
            let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
            let port = port.context("a number is needed as port")?;
            anyhow::Ok(Target { host: host.to_owned(), port, near: true })
        };
        Ok(match (self.http_get, self.tcp_socket, self.grpc) {
            (Some(get), None, None) => Check::Http(HttpCheck {
                target: target(&get.port)?,
                tls: get.scheme == "HTTPS",
                path: get.path,
                headers: Vec::new(),
            }),
            (None, Some(tcp), None) => Check::Tcp(target(&tcp.port)?),
            (None, None, Some(grpc)) => {
                Check::Grpc(target(&grpc.port)?, grpc.service.unwrap_or_default())
            }
            _ => bail!("one of httpGet, tcpSocket and grpc is needed"),
        })
    }
}

/// Whether probes are led there.
fn is_path(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let ["", "app-health" | "app-lifecycle", container, probe] = parts[..] else { return false };
    let probes = ["livez", "readyz", "startupz", "prestopz", "poststartz"];
    !container.is_empty() && probes.contains(&probe)
}

async fn answer(State(probes): State<Arc<AppProbes>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let Some((check, within)) = probes.by_path.get(path) else {
        let text = format!("app prober config does not exists for {path}");
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let failed = |why: String| {
        warn!("{path}: {why}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    };
    let Check::Http(check) = check else {
        return match check.look(*within).await {
            Ok(()) => StatusCode::OK.into_response(),
            Err(why) => failed(why),
        };
    };
    let headers = probes.headers(&headers, &check.target);
    let check = HttpCheck { headers, ..check.clone() };
    match tokio::time::timeout(*within, check.get()).await {
        Err(_) => failed(format!("no answer within {within:?}")),
        Ok(Err(error)) => failed(format!("{error:#}")),
        // A redirect must say where to, and has led elsewhere: whoever answers so is there.
        Ok(Ok(answer)) if answer.status.is_redirection() => StatusCode::OK.into_response(),
        Ok(Ok(answer)) => (answer.status, answer.body).into_response(),
    }
}

#[cfg(test)]
mod tests;
