//! To whom a policy applies.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::target::{TargetReference, WorkloadSelector};

use super::labels;

/// The kinds that a policy can name, with their groups.
const KINDS: [(&str, &str); 4] = [
    ("Service", ""),
    ("ServiceEntry", "networking.istio.io"),
    ("Gateway", "gateway.networking.k8s.io"),
    ("GatewayClass", "gateway.networking.k8s.io"),
];

/// The workloads that a policy selects.
pub(in crate::api) fn selector(
    selector: &Option<WorkloadSelector>,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let Some(WorkloadSelector { match_labels }) = selector else { return };
    let at = at.key("selector");
    let what = "it is for all workloads of the namespace, as if there were no selector";
    match match_labels.is_empty() {
        true => labels::selector(match_labels, what, &at, issues),
        false => labels::selector(match_labels, what, &at.key("matchLabels"), issues),
    }
}

/// The workloads or the objects that a policy is for.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Targets<'a> {
    /// Its `selector`.
    pub selector: &'a Option<WorkloadSelector>,
    /// Its `targetRef`.
    pub target_ref: &'a Option<TargetReference>,
    /// Its `targetRefs`.
    pub target_refs: &'a [TargetReference],
}

/// The targets of a policy: named in one way, and such as can be named.
pub(in crate::api) fn targets(targets: Targets<'_>, at: &Place<'_>, issues: &mut Issues) {
    let ways = [
        ("selector", targets.selector.is_some()),
        ("targetRef", targets.target_ref.is_some()),
        ("targetRefs", !targets.target_refs.is_empty()),
    ];
    let mut set = ways.iter().filter(|(_, set)| *set).map(|(name, _)| name);
    if let (Some(first), Some(second)) = (set.next(), set.next()) {
        let message = format!(
            "only one of targetRefs, targetRef and selector can be set, and {first} is set too: remove one"
        );
        issues.error(at.key(second), message);
    }
    selector(targets.selector, at, issues);
    if let Some(target) = targets.target_ref {
        reference(target, &at.key("targetRef"), issues);
    }
    let list = at.key("targetRefs");
    for (index, target) in targets.target_refs.iter().enumerate() {
        reference(target, &list.index(index), issues);
    }
}

fn reference(target: &TargetReference, at: &Place<'_>, issues: &mut Issues) {
    let TargetReference { group, kind, name, namespace } = target;
    if name.is_empty() {
        issues.error(at.key("name"), "targetRef name must be set: name the object");
    }
    if !namespace.is_empty() {
        let message = "targetRef namespace must not be set: only objects of the policy's own namespace can be meant";
        issues.error(at.key("namespace"), message);
    }
    let group = if &**group == "core" { "" } else { group };
    if !KINDS.contains(&(&**kind, group)) {
        let message = format!(
            "{group}/{kind} cannot be a target: use /Service, networking.istio.io/ServiceEntry, \
             gateway.networking.k8s.io/Gateway or gateway.networking.k8s.io/GatewayClass"
        );
        issues.error(at.key("kind"), message);
    }
}
