//! Injection into what makes pods: the template of a Deployment and the like, as if its pods were created now.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Decision, Injector, ProxyConfigs, Request, Workload, workload};
use crate::webhooks::patch;

/// The kinds that have a template of pods, and where.
const KINDS: &[(&str, &str)] = &[
    ("Pod", ""),
    ("CronJob", "/spec/jobTemplate/spec/template"),
    ("DaemonSet", "/spec/template"),
    ("Deployment", "/spec/template"),
    ("DeploymentConfig", "/spec/template"),
    ("Job", "/spec/template"),
    ("ReplicaSet", "/spec/template"),
    ("ReplicationController", "/spec/template"),
    ("StatefulSet", "/spec/template"),
];

/// What became of one object.
#[derive(Debug)]
pub struct Injected {
    /// The object, as `deployments/NAME` would name it: its kind and name.
    pub name: String,
    /// Whether its pods are injected, and why.
    pub decision: Decision,
}

/// Injects an object; what makes no pods is left as it is. Says what became of those that do.
///
/// # Errors
/// Why an object could not be injected.
pub fn inject(
    injector: &Injector,
    object: &mut Json,
    namespace: &str,
) -> Result<Vec<Injected>, String> {
    let kind = object.get("kind").and_then(Json::as_str).unwrap_or_default().to_owned();
    if kind == "List" {
        let mut all = Vec::new();
        for item in object.get_mut("items").and_then(Json::as_array_mut).into_iter().flatten() {
            all.extend(inject(injector, item, namespace)?);
        }
        return Ok(all);
    }
    let Some((_, place)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        return Ok(Vec::new());
    };
    let text = |key: &str| {
        let metadata = object.get("metadata").and_then(|metadata| metadata.get(key));
        metadata.and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    let (own_name, own_namespace) = (text("name"), text("namespace"));
    let own_namespace = if own_namespace.is_empty() { namespace.to_owned() } else { own_namespace };
    let api_version =
        object.get("apiVersion").and_then(Json::as_str).unwrap_or_default().to_owned();
    let name = format!("{kind} {own_namespace}/{own_name}");
    let failed = |message: String| format!("{name}: {message}");
    let Some(pod) = object.pointer_mut(place).filter(|pod| pod.is_object()) else {
        return Err(failed(format!("{} is missing", place.trim_start_matches('/'))));
    };
    for part in ["metadata", "spec"] {
        if let Some(entries) = pod.as_object_mut() {
            let part = entries.entry(part).or_insert(Json::Null);
            if part.is_null() {
                *part = json!({});
            }
        }
    }
    let made_by = match kind.as_str() {
        "Pod" => workload::of(pod),
        _ => Workload { name: own_name, namespace: own_namespace.clone(), kind, api_version },
    };
    let outcome = injector.inject(Request {
        pod: pod.clone(),
        namespace: own_namespace,
        environment: BTreeMap::new(),
        namespace_annotations: None,
        workload: Some(made_by),
        proxy_configs: ProxyConfigs::default(),
    });
    if let Some(operations) = outcome.patch.map_err(failed)? {
        *pod = patch::apply(std::mem::take(pod), &operations).map_err(failed)?;
    }
    Ok(vec![Injected { name, decision: outcome.decision }])
}

#[cfg(test)]
mod tests;
