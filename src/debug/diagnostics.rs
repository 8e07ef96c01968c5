//! `/debug/diagnostics`: what users should know of their objects; `/debug/push_status`: those of it that
//! translation found, in istiod's form.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::answer::Parameters;
use super::connections::sorted;
use super::{Context, State as Sources};
use crate::api::{Diagnostic, Severity, Str};

/// `/debug/diagnostics`.
pub(super) async fn diagnostics(
    State(context): State<Context>,
    parameters: Parameters,
) -> Response {
    let sources = context.state;
    let make = move || all(&sources).into_iter().map(Entry::from).collect::<Vec<_>>();
    context.gate.json(&parameters, make).await
}

/// Everything that sources, the store and translation have to say at the moment.
pub(super) fn all(sources: &Sources) -> BTreeSet<Diagnostic> {
    let translation = found_by_translation(sources).into_iter().map(|(_, diagnostic)| diagnostic);
    let mut all: BTreeSet<Diagnostic> = translation.collect();
    for source in &sources.diagnostics {
        all.extend(source.borrow().iter().cloned());
    }
    all.extend(sources.snapshots.load().diagnostics.iter().cloned());
    all
}

/// `/debug/push_status`.
pub(super) async fn push_status(
    State(context): State<Context>,
    parameters: Parameters,
) -> Response {
    let sources = context.state;
    let make = move || {
        let mut status: BTreeMap<&str, BTreeMap<String, Event>> = BTreeMap::new();
        for (proxy, diagnostic) in found_by_translation(&sources) {
            let object = diagnostic.object.as_ref().map_or_else(String::new, ToString::to_string);
            let event = Event { proxy, message: diagnostic.message };
            let kind = match diagnostic.severity {
                Severity::Warning => "warnings",
                Severity::Error => "errors",
            };
            status.entry(kind).or_default().entry(object).or_insert(event);
        }
        status
    };
    context.gate.json(&parameters, make).await
}

/// What translation found for the proxies that are connected, with the first proxy of each.
fn found_by_translation(sources: &Sources) -> Vec<(Str, Diagnostic)> {
    // Proxies share most lists; each is read once, and kept so that no other takes its address.
    let mut read: BTreeMap<usize, Arc<[Diagnostic]>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for connection in sorted(sources) {
        for list in &connection.view().diagnostics {
            let address = Arc::as_ptr(list).cast::<()>() as usize;
            if read.insert(address, list.clone()).is_some() {
                continue;
            }
            for diagnostic in list.iter() {
                if seen.insert(diagnostic.clone()) {
                    found.push((connection.proxy.workload_id.clone(), diagnostic.clone()));
                }
            }
        }
    }
    found
}

/// A problem of one object, and a proxy that it shows at.
#[derive(Serialize)]
struct Event {
    proxy: Str,
    message: String,
}

/// A diagnostic as it is shown.
#[derive(Serialize)]
pub(super) struct Entry {
    severity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Object>,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    message: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'static str,
}

#[derive(Serialize)]
struct Object {
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: Str,
    name: Str,
}

impl From<Diagnostic> for Entry {
    fn from(diagnostic: Diagnostic) -> Entry {
        let Diagnostic { severity, location, object, path, message, code } = diagnostic;
        Entry {
            severity: severity.to_string(),
            line: location.as_ref().map(|l| l.line).filter(|line| *line > 0),
            file: location.map(|l| l.file.to_path_buf()),
            object: object.map(|key| Object {
                kind: key.kind.name(),
                namespace: key.namespace,
                name: key.name,
            }),
            path,
            message,
            code: code.as_str(),
        }
    }
}
