//! Telemetry: what proxies count, log and trace.
//!
//! The one kind of `telemetry.istio.io`; one file for each sort of telemetry. Fields are named and defaulted as in
//! Istio's reference (<https://istio.io/latest/docs/reference/config/telemetry/>).

pub mod logging;
pub mod metrics;
pub mod tracing;
mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::logging::AccessLogging;
pub use self::metrics::Metrics;
pub use self::tracing::Tracing;
use super::config::{Config, Spec};
use super::enumeration::enumeration;
use super::issue::Issues;
use super::networking::common::is_default;
use super::target::{TargetReference, WorkloadSelector};
use super::{Kind, Meta, Object, Str, schema};

/// The spec of a Telemetry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::one_target()))]
pub struct Telemetry {
    /// The workloads that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// The object whose proxies it is for; the old form of `targetRefs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ref: Option<TargetReference>,
    /// The objects whose proxies it is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub target_refs: Vec<TargetReference>,
    /// What is traced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracing: Vec<Tracing>,
    /// What is counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metrics>,
    /// What is logged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_logging: Vec<AccessLogging>,
}

/// Names a provider of the mesh configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct ProviderRef {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: Str,
}

enumeration! {
    /// On which side of a connection a workload is.
    pub enum WorkloadMode {
        /// On either.
        #[default]
        ClientAndServer = 0 "CLIENT_AND_SERVER",
        /// It opened the connection.
        Client = 1 "CLIENT",
        /// It took the connection.
        Server = 2 "SERVER",
    }
}

/// Selects by the side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModeSelector {
    /// The side.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: WorkloadMode,
}

impl Spec for Telemetry {
    const KIND: Kind = Kind::Telemetry;
    type Status = ();

    fn validate(&self, _meta: &Meta, issues: &mut Issues) {
        validation::validate(self, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::Telemetry(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::Telemetry(config) => Some(config),
            _ => None,
        }
    }
}
