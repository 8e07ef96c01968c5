//! What an AuthorizationPolicy must satisfy.

mod conditions;
mod custom;
mod rule;
#[cfg(test)]
mod tests;
mod values;

use super::{Action, AuthorizationPolicy, DRY_RUN};
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::targets::{Targets, targets};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &AuthorizationPolicy, meta: &Meta, issues: &mut Issues) {
    observed(spec, meta, issues);
    let at = &Place::of("spec");
    let AuthorizationPolicy { selector, target_ref, target_refs, rules, action, provider } = spec;
    targets(Targets { selector, target_ref, target_refs }, at, issues);
    let useless = |action: &str| {
        format!(
            "{action} without rules is about no request: give an empty rule, {{}}, if every request is meant"
        )
    };
    match action {
        Action::Custom if rules.is_empty() => issues.error(at.key("rules"), useless("CUSTOM")),
        Action::Deny if rules.is_empty() => issues.error(at.key("rules"), useless("DENY")),
        Action::Custom => {
            custom::validate(rules, &at.key("rules"), issues);
            if provider.as_ref().is_none_or(|provider| provider.name.is_empty()) {
                let why = "CUSTOM needs the name of an extension provider of the mesh; the requests are refused";
                issues.error(at.key("provider").key("name"), why);
            }
        }
        _ => {}
    }
    if provider.is_some() && *action != Action::Custom {
        let why = format!("no provider is asked for {}: remove it, or use CUSTOM", action.name());
        issues.error(at.key("provider"), why);
    }
    for (index, rule) in rules.iter().enumerate() {
        rule::validate(rule, *action, &at.key("rules").index(index), issues);
    }
}

fn observed(spec: &AuthorizationPolicy, meta: &Meta, issues: &mut Issues) {
    let Some(value) = meta.annotation(DRY_RUN) else { return };
    let metadata = Place::of("metadata");
    let annotations = metadata.key("annotations");
    let at = annotations.key(DRY_RUN);
    if !matches!(spec.action, Action::Allow | Action::Deny) {
        let message = format!("only ALLOW and DENY can be observed, not {}", spec.action.name());
        issues.error(at, message);
    } else if super::dry_run(meta).is_none() {
        issues.error(at, format!("{value:?} is neither true nor false: the policy is enforced"));
    }
}
