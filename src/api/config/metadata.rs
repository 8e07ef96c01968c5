//! What the metadata of every object of Istio's kinds must satisfy.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::{Kind, Meta};

/// A policy with it is only observed, not enforced.
const DRY_RUN: &str = "istio.io/dry-run";

/// The only kind whose objects may be observed.
const DRY_RUN_KIND: Kind = Kind::AuthorizationPolicy;

/// What checks of the webhook put into objects that must be refused.
const ALWAYS_REJECT: &str = "internal.istio.io/webhook-always-reject";

/// What istiod itself writes into objects that it derives from others, which gives them rights of other namespaces.
const INTERNAL: [&str; 2] = ["internal.istio.io/parents", "internal.istio.io/parent-namespace"];

/// Says which annotations an object of `kind` may not have.
pub(super) fn validate(kind: Kind, meta: &Meta, issues: &mut Issues) {
    let metadata = Place::of("metadata");
    let annotations = metadata.key("annotations");
    let mut refuse = |key: &str, why: &str| {
        if meta.annotation(key).is_some() {
            issues.error(annotations.key(key), why);
        }
    };
    if kind != DRY_RUN_KIND {
        refuse(
            DRY_RUN,
            "unsupported annotation: only an AuthorizationPolicy can be observed, remove it",
        );
    }
    refuse(ALWAYS_REJECT, "an object with this annotation is always refused: remove it");
    for key in INTERNAL {
        refuse(key, "this annotation may not be set by users: remove it");
    }
}
