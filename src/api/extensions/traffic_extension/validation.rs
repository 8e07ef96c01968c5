//! What a TrafficExtension must satisfy.

use super::TrafficExtension;
use crate::api::extensions::common;
use crate::api::extensions::wasm::{self, Module};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::targets::{Targets, targets};

/// The longest script, in bytes.
const MAX_SCRIPT: usize = 64 * 1024;

/// Says what in it cannot be used, or not as it was meant.
pub(super) fn validate(spec: &TrafficExtension, issues: &mut Issues) {
    let at = Place::of("spec");
    let TrafficExtension { selector, target_refs, wasm: module, lua, .. } = spec;
    if module.is_some() == lua.is_some() {
        issues.error(
            at,
            "exactly one of wasm and lua must be set: say what is run, and nothing else",
        );
    }
    targets(Targets { selector, target_ref: &None, target_refs }, &at, issues);
    if let Some(lua) = lua {
        let at = at.key("lua");
        if lua.inline_code.is_empty() {
            issues.error(at.key("inlineCode"), "lua.inlineCode cannot be empty: give a script");
        } else if lua.inline_code.len() > MAX_SCRIPT {
            let message = format!(
                "lua.inlineCode exceeds the maximum of 64KB ({MAX_SCRIPT} bytes): it has {}",
                lua.inline_code.len()
            );
            issues.error(at.key("inlineCode"), message);
        }
    }
    if let Some(module) = module {
        let module = Module {
            url: &module.url,
            sha256: &module.sha256,
            image_pull_secret: &module.image_pull_secret,
            plugin_name: &module.plugin_name,
            vm_config: module.vm_config.as_ref(),
        };
        wasm::validate(module, &at.key("wasm"), issues);
    }
    common::validate(&spec.matches, &at.key("match"), issues);
}

#[cfg(test)]
mod tests;
