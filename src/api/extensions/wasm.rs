//! WebAssembly modules: where they come from and how they are run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::enumeration::enumeration;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::common::is_default;
use crate::api::rules::urls;
use crate::api::{Str, schema};

/// The schemes from which modules are loaded; without one it is an image.
const SCHEMES: [&str; 5] = ["", "http", "https", "oci", "file"];

/// The length of a SHA-256 in hexadecimal digits.
const SHA256_DIGITS: usize = 64;
/// The longest name of a Secret, in bytes.
const MAX_SECRET: usize = 253;
/// The longest name of a plugin or of a variable, in bytes.
const MAX_NAME: usize = 256;

/// The virtual machine of a module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VmConfig {
    /// Variables that the module sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub env: Vec<EnvVar>,
}

/// A variable that a module sees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(
    extend("required" = ["name"], "x-kubernetes-validations" = schema::inline_value())
)]
pub struct EnvVar {
    /// Its name.
    #[schemars(length(min = 1, max = 256))]
    pub name: Str,
    /// Where its value comes from.
    #[serde(skip_serializing_if = "is_default")]
    pub value_from: EnvValueSource,
    /// Its value, unless it comes from elsewhere.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(max = 2048))]
    pub value: Str,
}

enumeration! {
    /// Where the value of a variable comes from.
    pub enum EnvValueSource {
        /// It is given.
        #[default]
        Inline = 0 "INLINE",
        /// From the environment of the proxy.
        Host = 1 "HOST",
    }
}

enumeration! {
    /// When an image is fetched.
    pub enum PullPolicy {
        /// As the tag says: `latest` always, others if they are not there.
        #[default]
        Unspecified = 0 "UNSPECIFIED_POLICY",
        /// If it is not there.
        IfNotPresent = 1 "IfNotPresent",
        /// Always.
        Always = 2 "Always",
    }
}

enumeration! {
    /// Of which traffic a plugin is part.
    pub enum PluginType {
        /// HTTP.
        #[default]
        Unspecified = 0 "UNSPECIFIED_PLUGIN_TYPE",
        /// Requests and responses.
        Http = 1 "HTTP",
        /// Connections.
        Network = 2 "NETWORK",
    }
}

enumeration! {
    /// What happens to traffic when a plugin cannot be loaded or fails.
    pub enum FailStrategy {
        /// It is refused.
        #[default]
        Close = 0 "FAIL_CLOSE",
        /// It goes on without the plugin.
        Open = 1 "FAIL_OPEN",
        /// The plugin is loaded again.
        Reload = 2 "FAIL_RELOAD",
    }
}

/// Any JSON object, for the plugin to read.
pub type PluginConfig = Map<String, Value>;

/// What WasmPlugins and the modules of TrafficExtensions have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Module<'a> {
    pub(super) url: &'a str,
    pub(super) sha256: &'a str,
    pub(super) image_pull_secret: &'a str,
    pub(super) plugin_name: &'a str,
    pub(super) vm_config: Option<&'a VmConfig>,
}

/// Says what of a module cannot be used.
pub(super) fn validate(module: Module<'_>, at: &Place<'_>, issues: &mut Issues) {
    let Module { url, sha256, image_pull_secret, plugin_name, vm_config } = module;
    if url.is_empty() {
        issues.error(at.key("url"), "url needs to be set: say where the module is");
    } else {
        match urls::scheme(url) {
            Err(why) => issues.error(at.key("url"), format!("{url:?} is no URL: {why}")),
            Ok(scheme) if !SCHEMES.contains(&scheme.as_str()) => {
                let message = format!(
                    "url contains the unsupported scheme {scheme}: use http, https, oci or file"
                );
                issues.error(at.key("url"), message);
            }
            Ok(_) => {}
        }
    }
    let hexadecimal = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if !sha256.is_empty() && sha256.len() != SHA256_DIGITS {
        let message = format!(
            "sha256 must be {SHA256_DIGITS} characters long, and this has {}",
            sha256.chars().count()
        );
        issues.error(at.key("sha256"), message);
    } else if !sha256.bytes().all(hexadecimal) {
        issues.error(
            at.key("sha256"),
            "sha256 must match [a-f0-9]{64}: digits, and a to f in lower case",
        );
    }
    if image_pull_secret.len() > MAX_SECRET {
        let message = format!(
            "imagePullSecret is longer than the {MAX_SECRET} characters that a name may have"
        );
        issues.error(at.key("imagePullSecret"), message);
    }
    if plugin_name.len() > MAX_NAME {
        let message = format!("pluginName is longer than {MAX_NAME} characters");
        issues.error(at.key("pluginName"), message);
    }
    if let Some(vm) = vm_config {
        validate_env(&vm.env, &at.key("vmConfig").key("env"), issues);
    }
}

fn validate_env(env: &[EnvVar], at: &Place<'_>, issues: &mut Issues) {
    let mut names = std::collections::BTreeSet::new();
    for (index, variable) in env.iter().enumerate() {
        let at = at.index(index);
        let EnvVar { name, value_from, value } = variable;
        if name.is_empty() {
            issues.error(at.key("name"), "vmConfig.env is invalid: a variable needs a name");
        } else if name.len() > MAX_NAME {
            let message = format!("env.name is longer than {MAX_NAME} characters");
            issues.error(at.key("name"), message);
        } else if !names.insert(name) {
            issues.error(
                at.key("name"),
                format!("duplicate env: {name} is there already, remove one"),
            );
        }
        if *value_from != EnvValueSource::Inline && !value.is_empty() {
            let message = format!(
                "value may only be set when valueFrom is INLINE, and it is {}: remove one",
                value_from.name()
            );
            issues.error(at.key("value"), message);
        }
    }
}
