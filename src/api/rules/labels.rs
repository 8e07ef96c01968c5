//! Labels, and selectors by labels.

use crate::api::Labels;
use crate::api::field_path::Place;
use crate::api::issue::Issues;

use super::hosts::is_label;

/// The longest name of a label, in bytes.
const MAX_NAME: usize = 63;
/// The longest prefix of a label's key, in bytes.
const MAX_PREFIX: usize = 253;

/// Labels as Kubernetes takes them.
pub(in crate::api) fn labels(labels: &Labels, at: &Place<'_>, issues: &mut Issues) {
    for (key, value) in labels {
        if !is_key(key) {
            issues.error(at.key(key), format!("invalid label key {key:?}: write [DOMAIN/]NAME"));
        } else if !value.is_empty() && !is_word(value) {
            let message = format!(
                "invalid label value {value:?}: use letters, digits, -, _ and ., with a letter or digit at both ends"
            );
            issues.error(at.key(key), message);
        }
    }
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let sound = |prefix: &str| prefix.len() <= MAX_PREFIX && prefix.split('.').all(is_label);
    prefix.is_none_or(sound) && name.len() <= MAX_NAME && is_word(name)
}

/// A selector of workloads: what it selects by is compared as it is, and it should select by something. `what` is said
/// of one that has no labels.
pub(in crate::api) fn selector(labels: &Labels, what: &str, at: &Place<'_>, issues: &mut Issues) {
    if labels.is_empty() {
        issues.warn(*at, format!("the workload selector is without labels: {what}"));
    }
    for (key, value) in labels {
        if key.is_empty() {
            issues.error(at.key(key), "an empty key is not supported in a selector: name a label");
        } else if key.contains('*') || value.contains('*') {
            let message = format!(
                "a wildcard is not supported in a selector: {key}={value} is compared as it is"
            );
            issues.error(at.key(key), message);
        }
    }
}
