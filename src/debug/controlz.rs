//! ControlZ, the introspection server: the scopes of the log, shown and changed.
//!
//! The JSON is that of istiod's topic `scopej`, which `istioctl admin log` reads and writes. It takes changes, so
//! that it answers to loopback addresses only, wherever it listens.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::access;
use super::answer::Refusal;
use crate::logging::{Level, LogScopes, Scope, ScopeSelection};

/// The longest request in bytes: a handful of short fields.
const MAX_BODY: usize = 4 * 1024;

/// `/scopej/`, for port 9876.
///
/// Serve it with `ConnectInfo<SocketAddr>` as a request extension: without the peer's address a request
/// counts as not from loopback.
pub fn controlz_routes(scopes: LogScopes) -> Router {
    Router::new()
        .route("/scopej/", get(list))
        .route("/scopej/{name}", get(show).put(change))
        .with_state(scopes)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(|request, next| {
            access::loopback_only(StatusCode::UNAUTHORIZED, request, next)
        }))
}

/// A scope as it is shown.
#[derive(Serialize)]
struct Shown {
    name: &'static str,
    description: &'static str,
    output_level: &'static str,
    stack_trace_level: &'static str,
    log_callers: bool,
}

impl From<Scope> for Shown {
    fn from(Scope { name, description, level, callers, stacks }: Scope) -> Shown {
        Shown {
            name,
            description,
            output_level: level.name(),
            stack_trace_level: stacks.name(),
            log_callers: callers,
        }
    }
}

/// What is to change. An absent field, and an empty level, leaves things as they are.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Change {
    output_level: String,
    stack_trace_level: String,
    log_callers: Option<bool>,
}

async fn list(State(scopes): State<LogScopes>) -> Result<Response, Refusal> {
    json(&scopes.list().map(Shown::from).collect::<Vec<_>>())
}

async fn show(
    State(scopes): State<LogScopes>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    json(&Shown::from(scopes.get(&name).map_err(wrong)?))
}

/// Changes a scope, or all of them under the name `all`. With a wrong value nothing changes.
async fn change(
    State(scopes): State<LogScopes>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let selection: ScopeSelection = name.parse().map_err(wrong)?;
    let change: Change = serde_json::from_slice(&body)
        .map_err(|error| wrong(format!("an object with output_level is needed: {error}")))?;
    let output = level("output_level", &change.output_level)?;
    let stacks = level("stack_trace_level", &change.stack_trace_level)?;
    if let Some(level) = output {
        scopes.set_level(selection, level);
        info!("the log of {name} is at {level} from now on");
    }
    if let Some(level) = stacks {
        scopes.set_stacks(selection, level);
    }
    if let Some(callers) = change.log_callers {
        scopes.set_callers(selection, callers);
    }
    Ok(StatusCode::ACCEPTED)
}

/// The level in a field; None for an empty one.
fn level(field: &str, text: &str) -> Result<Option<Level>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| wrong(format!("{field} {text:?}: {error}")))
}

fn wrong(error: impl ToString) -> Refusal {
    Refusal::bad_request(error.to_string())
}

/// One line of JSON, under the content type that istiod's has.
fn json<T: Serialize>(value: &T) -> Result<Response, Refusal> {
    let mut body =
        serde_json::to_string(value).map_err(|error| Refusal::internal(error.to_string()))?;
    body.push('\n');
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

#[cfg(test)]
mod tests;
