//! EnvoyFilters: whether what they patch with is what Envoy takes.
//!
//! Of values of other types, and of types that nobody knows, no proxy could make anything: these are errors. A field that
//! this program does not know may be one of another version of Envoy: it is a warning, and so is an extension that is
//! only named. Looks at an object by itself.

mod contrib;

use serde_json::Value;

use crate::api::field_path::{FieldPath, Step};
use crate::api::issue::{Issue, Issues};
use crate::api::networking::EnvoyFilter;
use crate::api::networking::envoy_filter::validation::is_judged;
use crate::api::networking::envoy_filter::{ConfigPatch, Patch};
use crate::api::spelling;
use crate::proto::json::{self, Findings};

/// How many unknown fields of one patch are told.
const MAX_UNKNOWN_FIELDS: usize = 20;

/// Says what of the values is not what Envoy takes.
pub fn check(spec: &EnvoyFilter) -> Issues {
    let mut issues = Issues::default();
    for (index, patch) in spec.config_patches.iter().enumerate() {
        let at = FieldPath::of("spec").key("configPatches").index(index);
        check_patch(patch, &at.key("patch").key("value"), &mut issues);
    }
    issues
}

fn check_patch(one: &ConfigPatch, at: &FieldPath, issues: &mut Issues) {
    let Some(Patch { value: Some(value), .. }) = one.patch.as_ref().filter(|_| is_judged(one))
    else {
        return;
    };
    let Some(message) = one.apply_to.message() else { return };
    let mut value = Value::Object(value.clone());
    let Findings { fields, types, untyped } = json::lint(message, &mut value);
    let below = |path: &str| match FieldPath::parse(path) {
        Some(path) => path.below(at),
        None => at.clone(),
    };
    let mut wrong = false;
    for (path, url) in types {
        if !contrib::is_known(&url) {
            issues.error(below(&path), unknown_type(&url));
            wrong = true;
        }
    }
    if let Err(error) = json::from_json(message, &value) {
        issues.0.push(Issue::error(below(&error.path), format!("no {message}: {}", error.message)));
        wrong = true;
    }
    if wrong {
        return;
    }
    if !fields.is_empty() {
        let (path, message) = unknown(&fields);
        issues.warn(below(&path), message);
        return;
    }
    if !untyped.is_empty() {
        let names: Vec<&str> = untyped.iter().map(|(_, name)| name.as_str()).collect();
        let message = format!(
            "uses {} by name without typed_config, which is deprecated: add a typed_config",
            names.join(", ")
        );
        issues.warn(at.clone(), message);
    }
}

/// What to say of the unknown fields of one value, and where.
fn unknown(fields: &[(String, Vec<String>)]) -> (String, String) {
    let remedy = |path: &str, known: &[String]| {
        let path = FieldPath::parse(path).unwrap_or_default();
        let known = known.iter().map(String::as_str);
        let meant = match path.steps().last() {
            Some(Step::Key(name)) => spelling::nearest(name, known),
            _ => None,
        };
        meant.map(|meant| format!("{meant} may be meant"))
    };
    if let [(path, known)] = fields {
        let remedy = remedy(path, known)
            .unwrap_or_else(|| "check its spelling and the version of Envoy".to_owned());
        return (path.clone(), format!("unknown field: {remedy}"));
    }
    let mut list: Vec<String> = Vec::new();
    for (path, known) in fields.iter().take(MAX_UNKNOWN_FIELDS) {
        list.push(match remedy(path, known) {
            Some(remedy) => format!("{path} ({remedy})"),
            None => path.clone(),
        });
    }
    if let Some(more) = fields.len().checked_sub(MAX_UNKNOWN_FIELDS).filter(|more| *more > 0) {
        list.push(format!("{more} more"));
    }
    (String::new(), format!("unknown fields: {}", list.join(", ")))
}

fn unknown_type(url: &str) -> String {
    let hint = match url.contains(".v2.") {
        true => " (types of the v2 API are gone: use those of v3)",
        false => ", check its spelling",
    };
    format!("the referenced type {url} is unknown{hint}")
}

#[cfg(test)]
mod tests;
