//! What a pod belongs to, told from its owner's name and its labels.

use serde_json::Value as Json;

/// What made a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// The version of its kind.
    pub api_version: String,
}

/// The digits that a CronJob appends to the names of its Jobs.
const CRON_DIGITS: std::ops::RangeInclusive<usize> = 8..=10;

/// What made this pod: the controller that owns it, or who owns that as far as names tell; else the pod itself.
pub fn of(pod: &Json) -> Workload {
    let text =
        |pointer: &str| pod.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let mut workload = Workload {
        name: text("/metadata/name"),
        namespace: text("/metadata/namespace"),
        kind: "Pod".to_owned(),
        api_version: "v1".to_owned(),
    };
    // A pod that somebody named was made by nobody else.
    if text("/metadata/generateName").is_empty() {
        return workload;
    }
    let owners = pod.pointer("/metadata/ownerReferences").and_then(Json::as_array);
    let controller = owners
        .into_iter()
        .flatten()
        .find(|owner| owner.get("controller") == Some(&Json::Bool(true)));
    let Some(controller) = controller else { return workload };
    let said =
        |key: &str| controller.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    (workload.name, workload.kind, workload.api_version) =
        (said("name"), said("kind"), said("apiVersion"));
    let label = |key: &str| {
        let labels = pod.pointer("/metadata/labels").and_then(|labels| labels.get(key));
        labels.and_then(Json::as_str).filter(|value| !value.is_empty())
    };
    let owner = workload.name.clone();
    let without = |hash: Option<&str>| {
        let hash = hash.filter(|hash| owner.ends_with(hash))?;
        Some(owner.strip_suffix(&format!("-{hash}")).unwrap_or(&owner).to_owned())
    };
    match workload.kind.as_str() {
        "ReplicaSet" => {
            if let Some(name) = without(label("pod-template-hash")) {
                (workload.name, workload.kind) = (name, "Deployment".into());
            } else if let Some(name) = without(label("rollouts-pod-template-hash")) {
                // Argo's.
                (workload.name, workload.kind) = (name, "Rollout".into());
                workload.api_version = "v1alpha1".into();
            }
        }
        "ReplicationController" => {
            // OpenShift's.
            if let Some(name) = label("deploymentconfig") {
                (workload.name, workload.kind) = (name.to_owned(), "DeploymentConfig".into());
            }
        }
        "Job" => {
            let cron = workload.name.rsplit_once('-').filter(|(name, digits)| {
                let numeric = digits.bytes().all(|byte| byte.is_ascii_digit());
                !name.is_empty() && numeric && CRON_DIGITS.contains(&digits.len())
            });
            if let Some((name, _)) = cron {
                (workload.name, workload.kind) = (name.to_owned(), "CronJob".into());
                workload.api_version = "batch/v1".into();
            }
        }
        _ => {}
    }
    if workload.name.is_empty() {
        workload.name = text("/metadata/name");
    }
    workload
}

#[cfg(test)]
mod tests;
