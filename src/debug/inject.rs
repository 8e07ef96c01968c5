//! `/debug/inject`: the templates of injection, and with `?pod=` what became of recent pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::Context;
use super::answer::Parameters;
use crate::admission::inject::recent::Entry;

/// What is shown: templates as istiod does, or what became of pods.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown {
    Templates(BTreeMap<String, String>),
    Pods(Vec<Arc<Entry>>),
}

/// `/debug/inject`.
pub(super) async fn inject(State(context): State<Context>, parameters: Parameters) -> Response {
    let injection = context.state.injection;
    let pod = parameters.get("pod").cloned();
    let make = move || match (injection, pod) {
        (None, _) => Shown::Templates(BTreeMap::new()),
        (Some(injection), None) => Shown::Templates(injection.templates()),
        (Some(injection), Some(pod)) => {
            Shown::Pods(injection.recent(Some(&*pod).filter(|pod| !pod.is_empty())))
        }
    };
    context.gate.json(&parameters, make).await
}
