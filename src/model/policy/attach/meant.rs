//! What policies name: the proxies of a Gateway, for those who tell its owner that there are none, and what only waypoints
//! would follow.

use super::{Attachment, GATEWAY_NAME};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::target::TargetReference;
use crate::api::{Diagnostic, Labels, ObjectKey, Str};

/// The proxies of a Gateway that a policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it names it.
    path: FieldPath,
    /// The Gateway.
    gateway: Str,
}

impl Named {
    /// Whether a workload with these labels is one of them.
    pub fn is(&self, labels: &Labels) -> bool {
        labels.get(GATEWAY_NAME) == Some(&self.gateway)
    }

    /// That there is none.
    pub fn missing(&self, policy: &ObjectKey) -> Diagnostic {
        let message = format!(
            "has no effect: no workload of the namespace {} is a proxy of the Gateway {} (label {GATEWAY_NAME})",
            policy.namespace, self.gateway
        );
        Issue::warning(self.path.clone(), message).of(policy)
    }
}

impl Attachment<'_> {
    /// The Gateways that it names.
    pub fn gateways(&self) -> Vec<Named> {
        let gateways = self.paths().filter(|(_, reference)| *reference.kind == *"Gateway");
        let named =
            gateways.map(|(path, reference)| Named { path, gateway: reference.name.clone() });
        named.collect()
    }

    /// What of it only waypoints would follow, which are not served.
    pub fn of_waypoints(&self, policy: &ObjectKey) -> Vec<Diagnostic> {
        let others = self.paths().filter(|(_, reference)| *reference.kind != *"Gateway");
        let told = others.map(|(path, TargetReference { kind, name, .. })| {
            let message = format!(
                "has no effect on sidecars and gateways: policies for the {kind} {name} are for waypoints, which are \
                 not served"
            );
            Issue::warning(path, message).of(policy)
        });
        told.collect()
    }

    fn paths(&self) -> impl Iterator<Item = (FieldPath, &TargetReference)> {
        let spec = || FieldPath::of("spec");
        self.references.iter().enumerate().map(move |(index, reference)| {
            let path = match self.old_form {
                true => spec().key("targetRef"),
                false => spec().key("targetRefs").index(index),
            };
            (path, reference)
        })
    }
}
