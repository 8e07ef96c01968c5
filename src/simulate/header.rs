//! Matchers of headers and of query parameters. Errors say what does not match.

use super::matchers::{full_match, holds, wants};
use super::request::Http;
use crate::proto::envoy::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier as Spec;
use crate::proto::envoy::envoy::config::route::v3::query_parameter_matcher::QueryParameterMatchSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{HeaderMatcher, QueryParameterMatcher};

/// Checks a header.
#[allow(deprecated, reason = "EnvoyFilters may still write the old forms")]
pub(super) fn check(matcher: &HeaderMatcher, http: &Http) -> Result<(), String> {
    let HeaderMatcher { name, invert_match, .. } = matcher;
    let value = http.get(name);
    let spec = matcher.header_match_specifier.as_ref();
    if let Some(Spec::PresentMatch(_)) | None = spec {
        return presence(
            matcher,
            value.as_deref(),
            !matches!(spec, Some(Spec::PresentMatch(false))),
        );
    }
    let text = match &value {
        Some(text) => text.as_str(),
        None if matcher.treat_missing_header_as_empty => "",
        // An inverted match wants the header too, with another value.
        None => return Err(format!("header {name} is absent")),
    };
    let (held, want) = match spec {
        Some(Spec::StringMatch(matcher)) => (holds(matcher, text)?, wants(matcher)),
        Some(Spec::ExactMatch(want)) => (text == want, format!("{want:?}")),
        Some(Spec::PrefixMatch(want)) => (text.starts_with(want), format!("the prefix {want:?}")),
        Some(Spec::SuffixMatch(want)) => (text.ends_with(want), format!("the suffix {want:?}")),
        Some(Spec::ContainsMatch(want)) => (text.contains(want), format!("{want:?} within")),
        Some(Spec::SafeRegexMatch(want)) => {
            (full_match(&want.regex, text)?, format!("the regex {:?}", want.regex))
        }
        Some(Spec::RangeMatch(range)) => {
            let number: Option<i64> = text.parse().ok();
            let held = number.is_some_and(|n| (range.start..range.end).contains(&n));
            (held, format!("a number from {} to below {}", range.start, range.end))
        }
        Some(Spec::PresentMatch(_)) | None => return Ok(()),
    };
    match (held, invert_match) {
        (true, false) | (false, true) => Ok(()),
        (false, false) => Err(format!("header {name} is {text:?}; wanted is {want}")),
        (true, true) => Err(format!("header {name} is {text:?}; wanted is anything but {want}")),
    }
}

fn presence(matcher: &HeaderMatcher, value: Option<&str>, present: bool) -> Result<(), String> {
    let name = &matcher.name;
    let is_there = value.is_some() || matcher.treat_missing_header_as_empty;
    let wanted = present != matcher.invert_match;
    match is_there == wanted {
        true => Ok(()),
        false if wanted => Err(format!("header {name} is absent")),
        false => Err(format!("header {name} is present, and must not be")),
    }
}

/// Checks a parameter of the query; the first of a name counts, as it is written.
pub(super) fn check_query(matcher: &QueryParameterMatcher, path: &str) -> Result<(), String> {
    let name = &matcher.name;
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let value = pairs.find(|(known, _)| known == name).map(|(_, value)| value);
    let spec = matcher.query_parameter_match_specifier.as_ref();
    match (spec, value) {
        (Some(QueryParameterMatchSpecifier::PresentMatch(false)), None) => Ok(()),
        (Some(QueryParameterMatchSpecifier::PresentMatch(false)), Some(_)) => {
            Err(format!("query parameter {name} is present, and must not be"))
        }
        (_, None) => Err(format!("query parameter {name} is absent")),
        (Some(QueryParameterMatchSpecifier::StringMatch(matcher)), Some(value)) => {
            match holds(matcher, value)? {
                true => Ok(()),
                false => {
                    let want = wants(matcher);
                    Err(format!("query parameter {name} is {value:?}; wanted is {want}"))
                }
            }
        }
        (_, Some(_)) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
