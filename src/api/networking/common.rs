//! What several kinds have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{Labels, Str, schema};

/// Selects workloads by their labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSelector {
    /// All of these; none selects every workload.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schemars(schema_with = "schema::selector_labels")]
    pub labels: Labels,
}

/// Where requests or connections go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["host"]))]
pub struct Destination {
    /// A host of the registry; a name without dots is of the namespace of the object.
    pub host: Str,
    /// A subset that the host's DestinationRule names; empty for all endpoints.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub subset: Str,
    /// The port of the host; needed when it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortSelector>,
}

/// Names a port by its number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortSelector {
    /// The number; 0 when unset.
    pub number: u32,
}

/// A share of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Percent {
    /// From 0 to 100.
    pub value: f64,
}

/// Whether something has its default, and need not be written.
pub(in crate::api) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
