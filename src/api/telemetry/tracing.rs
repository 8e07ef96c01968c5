//! What is traced.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ModeSelector, ProviderRef};
use crate::api::{Str, schema};

/// Which requests are traced, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tracing {
    /// On which side; None for both.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<ModeSelector>,
    /// Who takes the traces; empty for what is more general, or the mesh configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderRef>,
    /// How many of 100 requests that nobody decided about are traced; None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true), range(min = 0.0, max = 100.0))]
    pub random_sampling_percentage: Option<f64>,
    /// Whether nothing is reported; None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub disable_span_reporting: Option<bool>,
    /// Whether no headers of traces are passed on; None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub disable_context_propagation: Option<bool>,
    /// Tags of spans, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_tags: BTreeMap<Str, CustomTag>,
    /// Whether the id of the request decides what is traced; None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub use_request_id_for_trace_sampling: Option<bool>,
    /// Whether spans have Istio's own tags; None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub enable_istio_tags: Option<bool>,
}

/// Where the value of a tag comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["literal", "environment", "header", "formatter"])))]
pub struct CustomTag {
    /// It is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub literal: Option<Literal>,
    /// From the environment of the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Named>,
    /// From a header of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Named>,
    /// From a text with Envoy's commands in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatter: Option<Literal>,
}

/// A text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["value"]))]
pub struct Literal {
    /// The text.
    #[schemars(length(min = 1))]
    pub value: Str,
}

/// A header or a variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct Named {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: Str,
    /// The value where there is none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub default_value: Str,
}
