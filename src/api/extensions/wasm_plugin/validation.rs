//! What a WasmPlugin must satisfy.

use super::WasmPlugin;
use crate::api::extensions::common;
use crate::api::extensions::wasm::{self, Module};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::targets::{Targets, targets};

/// Says what in it cannot be used, or not as it was meant.
pub(super) fn validate(spec: &WasmPlugin, issues: &mut Issues) {
    let at = Place::of("spec");
    let WasmPlugin { selector, target_ref, target_refs, .. } = spec;
    targets(Targets { selector, target_ref, target_refs }, &at, issues);
    let module = Module {
        url: &spec.url,
        sha256: &spec.sha256,
        image_pull_secret: &spec.image_pull_secret,
        plugin_name: &spec.plugin_name,
        vm_config: spec.vm_config.as_ref(),
    };
    wasm::validate(module, &at, issues);
    common::validate(&spec.matches, &at.key("match"), issues);
}

#[cfg(test)]
mod tests;
