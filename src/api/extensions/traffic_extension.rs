//! TrafficExtension: a WebAssembly module or a Lua script that proxies run.

pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::TrafficSelector;
use super::wasm::{FailStrategy, PluginConfig, PluginType, PullPolicy, VmConfig};
use crate::api::config::{Config, Spec};
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::networking::common::is_default;
use crate::api::target::{TargetReference, WorkloadSelector};
use crate::api::{Kind, Meta, Object, Str, schema};

/// The spec of a TrafficExtension.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend(
    "oneOf" = schema::at_most_one(&["wasm", "lua"]),
    "x-kubernetes-validations" = schema::traffic_extension_rules(),
))]
pub struct TrafficExtension {
    /// The workloads that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// The objects whose proxies it is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub target_refs: Vec<TargetReference>,
    /// Where among the filters of proxies it stands.
    #[serde(skip_serializing_if = "is_default")]
    pub phase: ExecutionPhase,
    /// The order in a phase, the highest first; None for 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub priority: Option<i32>,
    /// The traffic that it sees; empty for all.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<TrafficSelector>,
    /// The module that is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wasm: Option<WasmConfig>,
    /// The script that is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lua: Option<LuaConfig>,
}

enumeration! {
    /// Where among the filters of proxies an extension stands.
    pub enum ExecutionPhase {
        /// At the end, before the router.
        #[default]
        Unspecified = 0 "UNSPECIFIED",
        /// Before Istio's authentication.
        Authn = 1 "AUTHN",
        /// Behind authentication, before Istio's authorization.
        Authz = 2 "AUTHZ",
        /// Behind authorization, before Istio's statistics.
        Stats = 3 "STATS",
    }
}

/// A WebAssembly module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["url"]))]
pub struct WasmConfig {
    /// Where it is: a file, something on a web server, or an image.
    #[schemars(length(min = 1), extend("x-kubernetes-validations" = schema::module_url()))]
    pub url: Str,
    /// Its SHA-256, in hexadecimal digits.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(regex(pattern = schema::SHA256))]
    pub sha256: Str,
    /// When its image is fetched.
    #[serde(skip_serializing_if = "is_default")]
    pub image_pull_policy: PullPolicy,
    /// The Secret with which its image is fetched.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(min = 1, max = 253))]
    pub image_pull_secret: Str,
    /// The public key with which it is signed.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub verification_key: Str,
    /// What it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any_object")]
    pub plugin_config: Option<PluginConfig>,
    /// The name of the plugin in a module that has several.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(min = 1, max = 256))]
    pub plugin_name: Str,
    /// What happens when it fails.
    #[serde(skip_serializing_if = "is_default")]
    pub fail_strategy: FailStrategy,
    /// Its virtual machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_config: Option<VmConfig>,
    /// Of which traffic it is part.
    #[serde(rename = "type", skip_serializing_if = "is_default")]
    pub kind: PluginType,
}

/// A Lua script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["inlineCode"]))]
pub struct LuaConfig {
    /// The script.
    #[schemars(length(min = 1, max = 65536))]
    pub inline_code: Str,
}

impl Spec for TrafficExtension {
    const KIND: Kind = Kind::TrafficExtension;
    type Status = ();

    fn validate(&self, _meta: &Meta, issues: &mut Issues) {
        validation::validate(self, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::TrafficExtension(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::TrafficExtension(config) => Some(config),
            _ => None,
        }
    }
}
