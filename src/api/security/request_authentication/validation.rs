//! What a RequestAuthentication must satisfy.

use super::RequestAuthentication;
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::targets::{Targets, targets};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &RequestAuthentication, _meta: &Meta, issues: &mut Issues) {
    let at = Place::of("spec");
    let RequestAuthentication { selector, target_ref, target_refs, .. } = spec;
    targets(Targets { selector, target_ref, target_refs }, &at, issues);
}
