//! `/debug/pprof/*`: profiles for `go tool pprof`, under the paths that Go programs have them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::answer::Refusal;
use crate::profile::{self, Allocations, Error};

/// What is sampled where nobody says for how long.
const SECONDS: u64 = 30;
/// The longest time for which CPU time is sampled: nobody else gets a profile meanwhile.
const MAX_SECONDS: u64 = 300;

/// What Go's runtime has and this program has not.
const ABSENT: [(&str, &str); 5] = [
    ("block", "waiting for locks is not sampled"),
    ("goroutine", "there are no goroutines"),
    ("mutex", "waiting for locks is not sampled"),
    ("threadcreate", "the creation of threads is not sampled"),
    ("trace", "there are no execution traces: take a CPU profile, or read the debug log"),
];

/// All of them, for the router of the debug endpoints.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let mut router = Router::new()
        .route("/debug/pprof", get(page))
        .route("/debug/pprof/", get(page))
        .route("/debug/pprof/cmdline", get(command_line))
        .route("/debug/pprof/profile", get(cpu))
        .route("/debug/pprof/heap", get(|| heap(Allocations::Live)))
        .route("/debug/pprof/allocs", get(|| heap(Allocations::All)))
        .route("/debug/pprof/symbol", get(symbol).post(symbol));
    for (name, why) in ABSENT {
        let refuse = move || async move { Refusal::not_implemented(format!("{name}: {why}")) };
        router = router.route(&format!("/debug/pprof/{name}"), get(refuse));
    }
    router
}

/// For how long to sample.
#[derive(Deserialize)]
struct Sampling {
    seconds: Option<u64>,
}

async fn cpu(Query(Sampling { seconds }): Query<Sampling>) -> Response {
    let seconds = seconds.unwrap_or(SECONDS);
    if !(1..=MAX_SECONDS).contains(&seconds) {
        let text = format!("seconds={seconds}: 1 to {MAX_SECONDS} are possible");
        return Refusal::bad_request(text).into_response();
    }
    answer("profile", profile::cpu(Duration::from_secs(seconds)).await)
}

async fn heap(which: Allocations) -> Response {
    let name = match which {
        Allocations::Live => "heap",
        Allocations::All => "allocs",
    };
    match tokio::task::spawn_blocking(move || profile::heap(which)).await {
        Ok(made) => answer(name, made),
        Err(error) => Refusal::internal(error.to_string()).into_response(),
    }
}

fn answer(name: &str, made: Result<Vec<u8>, Error>) -> Response {
    match made {
        Ok(profile) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, disposition.as_str()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, profile).into_response()
        }
        Err(error @ Error::Busy) => Refusal::unavailable(error.to_string()).into_response(),
        Err(error @ Error::NotSampled) => {
            Refusal::not_implemented(error.to_string()).into_response()
        }
        Err(error) => Refusal::internal(error.to_string()).into_response(),
    }
}

/// The arguments of the process, each but the last followed by a zero.
async fn command_line() -> impl IntoResponse {
    let arguments: Vec<_> = std::env::args_os().map(OsString::into_vec).collect();
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], arguments.join(&0))
}

/// How many symbols there are to look up: 0, since profiles bring their names.
async fn symbol() -> &'static str {
    "num_symbols: 0\n"
}

async fn page() -> Html<String> {
    let link = |(name, help): (&str, &str)| {
        format!("<tr><td><a href=\"/debug/pprof/{name}\">{name}</a></td><td>{help}</td></tr>\n")
    };
    let links = [
        ("allocs", "All allocations since the process started, sampled."),
        ("cmdline", "The command line of the process."),
        ("heap", "The allocations that were not freed, sampled."),
        ("profile", "CPU time for ?seconds=30."),
    ];
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>istiod: profiles</title></head>\n\
         <body>\n<h1>Profiles</h1>\n<p>Open one with <code>go tool pprof URL</code>.</p>\n<table>\n{}</table>\n</body>\n</html>\n",
        links.map(link).concat()
    ))
}
