//! What a VirtualService must satisfy.

use super::VirtualService;
use crate::api::Meta;
use crate::api::issue::Issues;

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(_spec: &VirtualService, _meta: &Meta, _issues: &mut Issues) {}
