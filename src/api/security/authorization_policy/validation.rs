//! What an AuthorizationPolicy must satisfy.

use super::AuthorizationPolicy;
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::targets::{Targets, targets};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &AuthorizationPolicy, _meta: &Meta, issues: &mut Issues) {
    let at = Place::of("spec");
    let AuthorizationPolicy { selector, target_ref, target_refs, .. } = spec;
    targets(Targets { selector, target_ref, target_refs }, &at, issues);
}
