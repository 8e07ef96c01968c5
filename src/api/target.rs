//! To whom a policy applies: workloads by their labels, or objects by their names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Labels, Str, schema};

/// Selects workloads of the object's namespace, or of all namespaces for an object of the root namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSelector {
    /// All of these labels; none selects every workload.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schemars(schema_with = "schema::match_labels")]
    pub match_labels: Labels,
}

/// Names an object of the same namespace whose proxies a policy is for: a Gateway, a Service, ….
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct TargetReference {
    /// The API group of its kind; empty for Kubernetes' core group.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(max = 253), regex(pattern = schema::GROUP))]
    pub group: Str,
    /// Its kind.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::KIND))]
    pub kind: Str,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: Str,
    /// Always empty: references to other namespaces have no effect.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(extend("x-kubernetes-validations" = schema::own_namespace()))]
    pub namespace: Str,
}
