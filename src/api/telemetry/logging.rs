//! What is logged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ModeSelector, ProviderRef};
use crate::api::Str;

/// Which requests and connections are logged, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessLogging {
    /// On which side; None for both.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<ModeSelector>,
    /// Who takes the logs; empty for what is more general, or the mesh configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderRef>,
    /// Whether nothing is logged; None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub disabled: Option<bool>,
    /// What is logged; None for everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<LogFilter>,
}

/// What is logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LogFilter {
    /// What must be true of it, in CEL.
    pub expression: Str,
}
