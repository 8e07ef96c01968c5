//! To which workloads a policy is attached: by their labels, or because it names the Gateway that they are.
//!
//! <https://istio.io/latest/docs/reference/config/type/workload-selector/#PolicyTargetReference>

pub mod meant;

use crate::api::Features;
use crate::api::meta::selects;
use crate::api::target::{TargetReference, WorkloadSelector};
use crate::api::{Labels, Meta};
use crate::model::{Proxy, ProxyKind};

/// The label by which the pods of a gateway of the Gateway API name it.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// What of a policy tells to whom it is attached.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    /// Its metadata.
    pub meta: &'a Meta,
    /// Its `selector`.
    pub selector: Option<&'a WorkloadSelector>,
    /// Its `targetRefs`, or the one of its `targetRef`.
    pub references: &'a [TargetReference],
    /// They are that of its `targetRef`.
    old_form: bool,
}

impl<'a> Attachment<'a> {
    /// Of these fields. `targetRef` counts only without `targetRefs`.
    pub fn new(
        meta: &'a Meta,
        selector: &'a Option<WorkloadSelector>,
        reference: &'a Option<TargetReference>,
        references: &'a [TargetReference],
    ) -> Attachment<'a> {
        let (references, old_form) = match (references, reference) {
            ([], Some(reference)) => (std::slice::from_ref(reference), true),
            _ => (references, false),
        };
        Attachment { meta, selector: selector.as_ref(), references, old_form }
    }

    /// Whether it is attached to a workload in whose namespace it counts.
    pub fn is_to(&self, workload: &Workload<'_>) -> bool {
        let selected = || {
            self.selector.is_none_or(|selector| selects(&selector.match_labels, workload.labels))
        };
        match (workload.labels.get(GATEWAY_NAME), self.references) {
            (None, references) => references.is_empty() && selected(),
            (Some(_), []) => workload.selects_gateways && selected(),
            (Some(gateway), references) => {
                *self.meta.namespace == *workload.namespace
                    && references.iter().any(|reference| names(reference, gateway, workload))
            }
        }
    }
}

fn names(reference: &TargetReference, gateway: &str, workload: &Workload<'_>) -> bool {
    let TargetReference { group, kind, name, namespace } = reference;
    &**group == "gateway.networking.k8s.io"
        && &**kind == "Gateway"
        && **name == *gateway
        && (namespace.is_empty() || **namespace == *workload.namespace)
}

/// A workload as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// Gateways of the Gateway API are selected by labels too.
    pub selects_gateways: bool,
}

impl<'a> Workload<'a> {
    /// That of a proxy. Waypoints are named, never selected.
    pub fn of(proxy: &'a Proxy, features: &Features) -> Workload<'a> {
        Workload {
            namespace: &proxy.namespace,
            labels: &proxy.labels,
            selects_gateways: features.select_gateways && proxy.kind != ProxyKind::Waypoint,
        }
    }
}

#[cfg(test)]
mod tests;
