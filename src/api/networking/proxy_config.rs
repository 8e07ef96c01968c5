//! ProxyConfig: what proxies are started with.

pub mod validation;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::config::{Config, Spec};
use crate::api::issue::Issues;
use crate::api::target::WorkloadSelector;
use crate::api::{Kind, Meta, Object, Str, schema};

/// The spec of a ProxyConfig.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfig {
    /// The workloads that it is for; None for all of the namespace, in the root namespace for all of the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// How many threads they have: 0 for one on each core, None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true), range(min = 0))]
    pub concurrency: Option<i32>,
    /// Variables that they get.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::environment")]
    pub environment_variables: BTreeMap<Str, Str>,
    /// Their image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ProxyImage>,
}

/// An image of proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyImage {
    /// Which variant: `default`, `debug` or `distroless`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub image_type: Str,
}

impl Spec for ProxyConfig {
    const KIND: Kind = Kind::ProxyConfig;
    type Status = ();

    fn validate(&self, _meta: &Meta, issues: &mut Issues) {
        validation::validate(self, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::ProxyConfig(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::ProxyConfig(config) => Some(config),
            _ => None,
        }
    }
}
