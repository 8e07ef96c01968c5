//! Matches of texts, and the regular expressions in them.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::StringMatch;
use crate::api::re2;

use super::at_most_one;

/// How a text must look. Envoy takes no empty prefix here.
pub(in crate::api) fn text(text: &StringMatch, at: &Place<'_>, issues: &mut Issues) {
    if text.prefix.as_deref() == Some("") {
        issues.error(
            at.key("prefix"),
            "an empty prefix is not allowed: remove the match, or say what it begins with",
        );
    }
    path(text, at, issues);
}

/// How a path must look. An empty prefix takes every one.
pub(in crate::api) fn path(text: &StringMatch, at: &Place<'_>, issues: &mut Issues) {
    let StringMatch { exact, prefix, regex: pattern } = text;
    let set =
        [("exact", exact.is_some()), ("prefix", prefix.is_some()), ("regex", pattern.is_some())];
    at_most_one(&set, at, issues);
    if let Some(pattern) = pattern {
        regex(pattern, &at.key("regex"), issues);
    }
}

/// A regular expression that is not empty.
pub(in crate::api) fn regex(pattern: &str, at: &Place<'_>, issues: &mut Issues) {
    if pattern.is_empty() {
        issues.error(
            *at,
            "an empty regular expression is not allowed: remove the match, or write .*",
        );
    } else if let Err(error) = re2::compile(pattern) {
        issues.error(*at, error.to_string());
    }
}
