//! Istio's kinds: typed metadata, and the spec as it was written.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{Context, FieldPath, Issue, decode, meta};
use crate::api::config::Config;
use crate::api::{Kind, Object};

/// What every object of Istio's kinds consists of.
#[derive(Deserialize)]
struct Envelope {
    /// Already read: the kind decided that this is the type to decode.
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    metadata: Option<ObjectMeta>,
    #[serde(default)]
    spec: Value,
}

/// Projects an object of one of Istio's kinds. Its status is not read: it is what controllers wrote.
pub(super) fn config(
    kind: Kind,
    mut value: Value,
    context: &mut Context<'_>,
) -> Result<Object, Issue> {
    if let Value::Object(fields) = &mut value {
        fields.remove("status");
    }
    let Envelope { metadata, spec, .. } = decode::decode(value, context)?;
    if !matches!(spec, Value::Object(_) | Value::Null) {
        return Err(Issue::new(FieldPath::of("spec"), "must be an object"));
    }
    let meta = meta::project(kind, metadata.unwrap_or_default(), context)?;
    Ok(Object::Config(Arc::new(Config { kind, meta, spec })))
}
