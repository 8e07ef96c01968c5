//! `/debug/configz`: Istio's objects as they were read, each with what is to be said of it; `/debug/mesh`: the mesh configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Serialize, Serializer};

use super::answer::Parameters;
use super::diagnostics;
use super::{Context, State as Sources};
use crate::api::{Labels, Meta, Object, ObjectKey, Str};
use crate::snapshot::Snapshot;

/// `/debug/configz`.
pub(super) async fn configz(State(context): State<Context>, parameters: Parameters) -> Response {
    let sources = context.state;
    context.gate.json(&parameters, move || Configs::of(&sources)).await
}

/// `/debug/mesh`.
pub(super) async fn mesh(State(context): State<Context>, parameters: Parameters) -> Response {
    let snapshots = context.state.snapshots;
    context.gate.json(&parameters, move || snapshots.load().mesh.raw.clone()).await
}

struct Configs {
    snapshot: Arc<Snapshot>,
    told: BTreeMap<ObjectKey, Vec<diagnostics::Entry>>,
}

impl Configs {
    fn of(sources: &Sources) -> Configs {
        let mut told: BTreeMap<ObjectKey, Vec<diagnostics::Entry>> = BTreeMap::new();
        for mut diagnostic in diagnostics::all(sources) {
            if let Some(object) = diagnostic.object.take() {
                told.entry(object).or_default().push(diagnostic.into());
            }
        }
        Configs { snapshot: sources.snapshots.load(), told }
    }
}

impl Serialize for Configs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = |object| Entry::of(object, &self.told);
        serializer.collect_seq(self.snapshot.objects.iter().filter_map(entry))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    kind: &'static str,
    api_version: String,
    metadata: Metadata<'a>,
    spec: serde_json::Value,
    /// Ours: absent where there is nothing to say.
    #[serde(skip_serializing_if = "<[diagnostics::Entry]>::is_empty")]
    diagnostics: &'a [diagnostics::Entry],
}

/// Objects have no `resourceVersion` here: it changes without them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    name: &'a Str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    generation: i64,
    creation_timestamp: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    labels: &'a Labels,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    annotations: &'a Labels,
}

impl<'a> Entry<'a> {
    /// None for objects that are not of Istio's kinds.
    fn of(
        object: &'a Object,
        told: &'a BTreeMap<ObjectKey, Vec<diagnostics::Entry>>,
    ) -> Option<Entry<'a>> {
        let spec = object.spec()?;
        let (kind, meta): (_, &Meta) = (object.kind(), object.meta());
        Some(Entry {
            kind: kind.name(),
            api_version: match kind.group() {
                "" => kind.version().to_owned(),
                group => format!("{group}/{}", kind.version()),
            },
            metadata: Metadata {
                name: &meta.name,
                namespace: &meta.namespace,
                uid: &meta.uid,
                generation: meta.generation,
                creation_timestamp: meta.created,
                labels: &meta.labels,
                annotations: &meta.annotations,
            },
            spec,
            diagnostics: told.get(&object.key()).map_or(&[], Vec::as_slice),
        })
    }
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}
