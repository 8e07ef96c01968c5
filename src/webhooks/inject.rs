//! Injection: what becomes of a pod when it is created.
//!
//! Owns the way of a pod: [`decision`] (whether), [`annotations`] (whether what it asks for can be), [`data`] and the
//! templates of [`config`] (what is added), [`overrides`] (what the user said of the same containers), and [`finish`]
//! (what no template can do). The same pod and configuration give the same patch.

pub mod annotations;
pub mod config;
mod containers;
mod data;
pub mod decision;
mod finish;
mod functions;
mod image;
pub mod mesh;
pub mod offline;
pub mod openshift;
mod overrides;
pub mod path;
mod probes;
mod prometheus;
mod telemetry;
pub mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::merge;
use super::patch;
use super::schema::Type;
use super::schema::canonical::canonical;
use super::template::Library;

pub use config::{Config, Values};
pub use decision::Decision;
pub use mesh::{Mesh, ProxyConfigs};
pub use workload::Workload;

/// What pods are.
pub(crate) const POD: Type = Type::Struct("Pod");

/// The container of the proxy.
pub(crate) const PROXY: &str = "istio-proxy";

/// Everything that injection depends on besides the pod.
#[derive(Debug)]
pub struct Injector {
    /// Who is injected, with which templates.
    pub config: Arc<Config>,
    /// What the templates are given as `.Values`.
    pub values: Arc<Values>,
    /// The mesh configuration.
    pub mesh: Arc<Mesh>,
    /// The functions of templates.
    pub library: Arc<Library>,
    /// The revision of this control plane; empty for the default.
    pub revision: String,
    /// Whether sidecars are init containers that keep running.
    pub native_sidecars: bool,
    /// What TLS is restricted to, if it is.
    pub compliance_policy: String,
}

/// What is asked for one pod.
#[derive(Debug)]
pub struct Request {
    /// The pod as it is sent.
    pub pod: Json,
    /// Its namespace, when it does not say it.
    pub namespace: String,
    /// What the path of the request sets in the proxy.
    pub environment: BTreeMap<String, String>,
    /// The annotations of its namespace, where these give users to its pods (OpenShift).
    pub namespace_annotations: Option<BTreeMap<String, String>>,
    /// What made it, where that is known better than its owners tell.
    pub workload: Option<Workload>,
    /// The ProxyConfigs that mean it.
    pub proxy_configs: ProxyConfigs,
}

/// What becomes of a pod.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it was to be injected, and why.
    pub decision: Decision,
    /// The operations that inject it; None when it is left as it is.
    ///
    /// # Errors
    /// Why it could not be injected, for its user.
    pub patch: Result<Option<Vec<Json>>, String>,
}

/// The functions of injection templates: Go's, Sprig's and Istio's.
pub fn library(environment: BTreeMap<String, String>) -> Library {
    Library::with(functions::FUNCTIONS, environment)
}

impl Injector {
    /// Decides about a pod, and makes the patch that injects it.
    pub fn inject(&self, request: Request) -> Outcome {
        let mut pod = match received(request.pod.clone(), &request.namespace) {
            Ok(pod) => pod,
            Err(message) => {
                let decision = Decision::unreadable();
                return Outcome {
                    decision,
                    patch: Err(format!("the pod cannot be read: {message}")),
                };
            }
        };
        let decision = decision::decide(&self.config, &pod);
        if !decision.injects {
            return Outcome { decision, patch: Ok(None) };
        }
        if request.namespace_annotations.is_some() {
            openshift::release_proxy(&mut pod);
        }
        let patch = self.patch(&request, pod).map(Some);
        Outcome { decision, patch }
    }

    fn patch(&self, request: &Request, pod: Json) -> Result<Vec<Json>, String> {
        let mut made = self
            .render(request, &pod)
            .map_err(|message| format!("failed to run injection template: {message}"))?;
        made.merged = overrides::reapply(&made, &pod)
            .map_err(|message| format!("failed to re apply container: {message}"))?;
        finish::finish(self, &mut made)
            .map_err(|message| format!("failed to process pod: {message}"))?;
        // What the templates added is held to the types of pods like the pod itself.
        let merged = canonical(made.merged, &POD)
            .map_err(|wrong| format!("the injected pod is not valid: {wrong}"))?;
        let merged = containers::with_resources(merged, &pod);
        Ok(patch::diff(&pod, &merged))
    }

    /// The pod with all templates laid over it.
    fn render(&self, request: &Request, pod: &Json) -> Result<Made, String> {
        annotations::validate(&containers::texts(pod, "/metadata/annotations"))?;
        let proxy_config = self.mesh.proxy_config(pod, &request.proxy_configs)?;
        let environment = self.values.environment(pod, &request.environment);
        let stripped = overrides::stripped(pod, self.mesh.status_port())?;
        let data = data::data(self, request, &stripped, &proxy_config);
        let mut made = Made { merged: pod.clone(), template: json!({}), environment, proxy_config };
        let native = containers::is_native(pod, self.native_sidecars);
        for name in self.config.selected(pod) {
            let template = self.config.template(&name)?;
            let text = template.render(&data, &self.library).map_err(|error| error.to_string())?;
            let overlay = overlay(&text)
                .map_err(|message| format!("template {name:?} did not make a pod: {message}"))?;
            let failed = |message| format!("template {name:?} cannot be merged: {message}");
            made.template = merge::merge(made.template, overlay.clone(), &POD).map_err(failed)?;
            if native {
                containers::follow_template(&mut made.merged, &made.template);
            }
            made.merged = merge::merge(made.merged, overlay, &POD).map_err(failed)?;
        }
        made.template = canonical(made.template, &POD).map_err(|wrong| wrong.to_string())?;
        made.merged = canonical(made.merged, &POD).map_err(|wrong| wrong.to_string())?;
        Ok(made)
    }
}

/// A pod on its way.
struct Made {
    /// The pod with everything that was added so far.
    merged: Json,
    /// What the templates alone make.
    template: Json,
    /// What the request and the values set in the proxy.
    environment: BTreeMap<String, String>,
    /// The ProxyConfig of this pod.
    proxy_config: Json,
}

/// A pod as it is sent, as Go has it, with its namespace.
fn received(mut pod: Json, namespace: &str) -> Result<Json, String> {
    // Long, and nobody's concern here.
    if let Some(metadata) = pod.pointer_mut("/metadata").and_then(Json::as_object_mut) {
        metadata.remove("managedFields");
    }
    let mut pod = canonical(pod, &POD).map_err(|wrong| wrong.to_string())?;
    let Some(entries) = pod.as_object_mut() else { return Err("it is no object".into()) };
    let metadata = entries.entry("metadata").or_insert_with(|| json!({}));
    if metadata.get("namespace").is_none()
        && !namespace.is_empty()
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.insert("namespace".into(), namespace.into());
    }
    entries.entry("spec").or_insert_with(|| json!({}));
    Ok(pod)
}

/// What a template wrote, as an object.
fn overlay(text: &str) -> Result<Json, String> {
    let json: Json = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    match json {
        Json::Null => Ok(json!({})),
        Json::Object(_) => Ok(json),
        _ => Err("it is no object".into()),
    }
}

#[cfg(test)]
mod tests;
