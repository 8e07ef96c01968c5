//! `/debug/configz`: Istio's objects as they were read; `/debug/mesh`: the mesh configuration.

use axum::extract::State;
use axum::response::Response;
use serde::{Serialize, Serializer};

use super::Context;
use super::answer::Parameters;
use crate::api::{Labels, Meta, Object, Str};
use crate::snapshot::Snapshot;

/// `/debug/configz`.
pub(super) async fn configz(State(context): State<Context>, parameters: Parameters) -> Response {
    let snapshots = context.state.snapshots;
    context.gate.json(&parameters, move || Configs(snapshots.load())).await
}

/// `/debug/mesh`.
pub(super) async fn mesh(State(context): State<Context>, parameters: Parameters) -> Response {
    let snapshots = context.state.snapshots;
    context.gate.json(&parameters, move || snapshots.load().mesh.raw.clone()).await
}

struct Configs(std::sync::Arc<Snapshot>);

impl Serialize for Configs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.objects.iter().filter_map(Entry::of))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    kind: &'static str,
    api_version: String,
    metadata: Metadata<'a>,
    spec: serde_json::Value,
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
    fn of(object: &'a Object) -> Option<Entry<'a>> {
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
        })
    }
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}
