//! Istio's kinds: their metadata and specs, in protobuf's JSON.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Context, FieldPath, Issue, decode, meta};
use crate::api::Object;
use crate::api::config::{Config, Spec};

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
    #[serde(default)]
    status: Value,
}

/// Projects an object whose spec has a type. What is wrong with it beside its types is said, and costs nothing else.
pub(super) fn typed<S: Spec>(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let Envelope { metadata, spec, status, .. } = decode::decode(value, context)?;
    let meta = meta::project(S::KIND, metadata.unwrap_or_default(), context)?;
    let spec = part(spec, "spec", context)?;
    // The status is what controllers wrote. It may be of another version, and users cannot mend it.
    let status = serde_json::from_value(status).unwrap_or_default();
    let config = Config::<S> { meta, spec, status };
    context.issues.extend(config.validate().0);
    Ok(S::object(Arc::new(config)))
}

fn part<T: DeserializeOwned + JsonSchema + Default>(
    value: Value,
    name: &str,
    context: &mut Context<'_>,
) -> Result<T, Issue> {
    match value {
        Value::Null => Ok(T::default()),
        Value::Object(_) => decode::described(value, &FieldPath::of(name), context),
        _ => Err(Issue::error(FieldPath::of(name), "must be an object")),
    }
}
