//! The injector's configuration: what the ConfigMap `istio-sidecar-injector` says.
//!
//! It is valid as a whole or not at all, and every template is read when the configuration is: what could not run
//! fails here, with template and line, not when a pod is to start.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;

use super::containers;
use crate::api::LabelSelector;
use crate::webhooks::template::{self, Library, Template, Value};

/// The templates that are used when nothing says which.
const DEFAULT_TEMPLATE: &str = "sidecar";
/// Which templates a pod wants.
const TEMPLATES: &str = "inject.istio.io/templates";
/// What tells a proxy its cluster.
const CLUSTER_ID: &str = "ISTIO_META_CLUSTER_ID";
/// Where the values say it.
const CLUSTER_NAME: &str = "/global/multiCluster/clusterName";
/// The label of a pod's network.
const NETWORK: &str = "topology.istio.io/network";

/// Who is injected, with what.
#[derive(Debug)]
pub struct Config {
    /// What happens to pods of which nothing else is said. None for a policy that there is not.
    pub policy: Policy,
    /// Pods that are left alone.
    pub never: Vec<LabelSelector>,
    /// Pods that are injected.
    pub always: Vec<LabelSelector>,
    /// Annotations for every pod that is injected.
    pub injected_annotations: BTreeMap<String, String>,
    default_templates: Vec<String>,
    templates: BTreeMap<String, Arc<Template>>,
    /// The same as they were written.
    sources: BTreeMap<String, String>,
    aliases: BTreeMap<String, Vec<String>>,
}

/// What happens to pods of which nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They are injected.
    Enabled,
    /// They are not.
    Disabled,
    /// This is no policy; nobody is injected.
    Unknown(String),
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is no YAML, or has something of a wrong type.
    #[error("the injector's configuration cannot be read: {0}")]
    Config(String),
    /// A template cannot run.
    #[error("{0}")]
    Template(template::Error),
    /// The values cannot be read.
    #[error("the injector's values cannot be read: {0}")]
    Values(String),
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Raw {
    policy: String,
    default_templates: Option<Vec<String>>,
    templates: Option<BTreeMap<String, String>>,
    aliases: Option<BTreeMap<String, Vec<String>>>,
    never_inject_selector: Option<Vec<LabelSelector>>,
    always_inject_selector: Option<Vec<LabelSelector>>,
    injected_annotations: Option<BTreeMap<String, String>>,
}

impl Config {
    /// Reads the key `config`.
    ///
    /// # Errors
    /// When it cannot be read, or a template cannot run.
    pub fn parse(text: &str, library: &Library) -> Result<Config, Invalid> {
        let raw: Option<Raw> =
            serde_yaml::from_str(text).map_err(|error| Invalid::Config(error.to_string()))?;
        let raw = raw.unwrap_or_default();
        let mut templates = BTreeMap::new();
        let sources = raw.templates.unwrap_or_default();
        for (name, text) in &sources {
            let template = Template::parse(name, text, library).map_err(Invalid::Template)?;
            templates.insert(name.clone(), Arc::new(template));
        }
        let default_templates = raw.default_templates.unwrap_or_default();
        Ok(Config {
            policy: match raw.policy.as_str() {
                "enabled" => Policy::Enabled,
                "disabled" => Policy::Disabled,
                _ => Policy::Unknown(raw.policy),
            },
            never: raw.never_inject_selector.unwrap_or_default(),
            always: raw.always_inject_selector.unwrap_or_default(),
            injected_annotations: raw.injected_annotations.unwrap_or_default(),
            default_templates: match default_templates.is_empty() {
                true => vec![DEFAULT_TEMPLATE.to_owned()],
                false => default_templates,
            },
            templates,
            sources,
            aliases: raw.aliases.unwrap_or_default(),
        })
    }

    /// The names of the templates that a pod gets: its own choice, or what is usual. Aliases stand for several.
    pub fn selected(&self, pod: &Json) -> Vec<String> {
        let chosen: Vec<String> = match containers::annotation(pod, TEMPLATES) {
            Some(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
            None => self.default_templates.clone(),
        };
        let expanded = chosen.into_iter().flat_map(|name| match self.aliases.get(&name) {
            Some(names) => names.clone(),
            None => vec![name],
        });
        expanded.collect()
    }

    /// The templates as they were written, by name.
    pub fn sources(&self) -> &BTreeMap<String, String> {
        &self.sources
    }

    /// A template by its name.
    pub(super) fn template(&self, name: &str) -> Result<&Template, String> {
        self.templates.get(name).map(Arc::as_ref).ok_or_else(|| {
            let known: Vec<&str> = self.templates.keys().map(String::as_str).collect();
            format!("requested template {name:?} not found; have {}", known.join(", "))
        })
    }
}

/// The key `values`: what templates see as `.Values`.
#[derive(Debug)]
pub struct Values {
    json: Json,
    /// The same for templates.
    pub(super) value: Value,
}

impl Values {
    /// Reads the key `values`, JSON or YAML.
    ///
    /// # Errors
    /// When it is no object.
    pub fn parse(text: &str) -> Result<Values, Invalid> {
        let json: Json =
            serde_yaml::from_str(text).map_err(|error| Invalid::Values(error.to_string()))?;
        match json {
            Json::Object(_) => Ok(Values { value: Value::of_json(&json), json }),
            _ => Err(Invalid::Values("they are no object".into())),
        }
    }

    /// The value at a place.
    pub(super) fn at(&self, pointer: &str) -> Option<&Json> {
        self.json.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The text at a place; empty when there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.at(pointer).and_then(Json::as_str).unwrap_or_default()
    }

    /// Whether a place says true.
    pub(super) fn flag(&self, pointer: &str) -> bool {
        self.at(pointer).and_then(Json::as_bool).unwrap_or_default()
    }

    /// The cluster whose pods are injected: that of the path, else that of these values; empty for the own one.
    pub fn cluster(&self, path: &BTreeMap<String, String>) -> String {
        let given = path.get(CLUSTER_ID).filter(|text| !text.is_empty()).map(String::as_str);
        given.unwrap_or_else(|| self.text(CLUSTER_NAME)).to_owned()
    }

    /// What is set in the proxy: the path of the request over these values, and the pod's own network over both.
    pub(super) fn environment(
        &self,
        pod: &Json,
        path: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut environment = path.clone();
        let own = pod.pointer("/metadata/labels").and_then(|labels| labels.get(NETWORK));
        for (name, value, fixed) in [
            (CLUSTER_ID, self.text(CLUSTER_NAME), None),
            ("ISTIO_META_NETWORK", self.text("/global/network"), own.and_then(Json::as_str)),
        ] {
            let given = path.get(name).filter(|text| !text.is_empty()).map(String::as_str);
            let value = fixed.unwrap_or_else(|| given.unwrap_or(value));
            if !value.is_empty() {
                environment.insert(name.to_owned(), value.to_owned());
            }
        }
        environment
    }
}

#[cfg(test)]
mod tests;
