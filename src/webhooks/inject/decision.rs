//! Whether a pod is injected, and what decided it.

use serde_json::Value as Json;

use super::config::{Config, Policy};
use super::containers;
use crate::api::{LabelSelector, Labels, Str};

/// The label and the annotation by which a pod says whether it wants a proxy.
const INJECT: &str = "sidecar.istio.io/inject";

/// Namespaces in which nothing is ever injected.
const SYSTEM: &[&str] = &["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// Whether a pod is injected, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is injected.
    pub injects: bool,
    /// What decided it, in words.
    pub because: String,
    /// The object that said it.
    pub by: By,
    /// What is wrong with what was asked for, for the user.
    pub warning: Option<String>,
}

/// The object that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The pod itself.
    Pod,
    /// Its namespace.
    Namespace,
    /// The injector's configuration.
    Configuration,
}

impl Decision {
    /// For what is no pod.
    pub(super) fn unreadable() -> Decision {
        decided(false, By::Pod, "it cannot be read")
    }
}

fn decided(injects: bool, by: By, because: impl Into<String>) -> Decision {
    Decision { injects, because: because.into(), by, warning: None }
}

/// Decides by the first that says something: the pod's network, its namespace, its own wish, the selectors, the policy.
pub fn decide(config: &Config, pod: &Json) -> Decision {
    if pod.pointer("/spec/hostNetwork") == Some(&Json::Bool(true)) {
        return decided(false, By::Pod, "hostNetwork: its traffic is that of the node");
    }
    let namespace = pod.pointer("/metadata/namespace").and_then(Json::as_str).unwrap_or_default();
    if SYSTEM.contains(&namespace) {
        return decided(false, By::Namespace, format!("namespace {namespace} is the system's"));
    }
    // A policy that there is not turns injection off, whatever the pod wants.
    if let Policy::Unknown(policy) = &config.policy {
        let because = format!("policy {policy:?} is none; use enabled or disabled");
        return decided(false, By::Configuration, because);
    }
    let label = pod.pointer("/metadata/labels").and_then(|labels| labels.get(INJECT));
    let (wish, what) = match label.and_then(Json::as_str) {
        Some(wish) => (Some(wish), "label"),
        None => (containers::annotation(pod, INJECT), "annotation"),
    };
    match wish {
        Some("true") => return decided(true, By::Pod, format!("{what} {INJECT}=true")),
        Some("false") => return decided(false, By::Pod, format!("{what} {INJECT}=false")),
        _ => {}
    }
    let mut decision = by_configuration(config, pod);
    decision.warning = wish.filter(|wish| !wish.is_empty()).map(|wish| {
        format!("{what} {INJECT}={wish:?} is neither true nor false, and was not regarded")
    });
    decision
}

fn by_configuration(config: &Config, pod: &Json) -> Decision {
    let labels: Labels = containers::texts(pod, "/metadata/labels")
        .into_iter()
        .map(|(key, value)| (Str::from(key.as_str()), Str::from(value.as_str())))
        .collect();
    for (selectors, injects, name) in [
        (&config.never, false, "neverInjectSelector"),
        (&config.always, true, "alwaysInjectSelector"),
    ] {
        if let Some(at) = selectors.iter().position(|selector| selects(selector, &labels)) {
            return decided(injects, By::Configuration, format!("{name}[{at}] selects it"));
        }
    }
    let enabled = config.policy == Policy::Enabled;
    let because = if enabled { "policy enabled" } else { "policy disabled" };
    decided(enabled, By::Configuration, because)
}

/// An empty selector selects nothing here.
fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let empty = selector.match_labels.is_empty() && selector.match_expressions.is_empty();
    !empty && selector.matches(labels)
}

#[cfg(test)]
mod tests;
