//! Matchers of headers and of query parameters. Errors say what does not match.

use super::matchers::{full_match, holds, wants};
use super::request::Http;
use crate::proto::envoy::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier as Spec;
use crate::proto::envoy::envoy::config::route::v3::query_parameter_matcher::QueryParameterMatchSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{HeaderMatcher, QueryParameterMatcher};

/// Checks a header. Of several values one has to match.
pub(super) fn check(matcher: &HeaderMatcher, http: &Http) -> Result<(), String> {
    let HeaderMatcher { name, invert_match, .. } = matcher;
    let mut values = http.values(name);
    let spec = match &matcher.header_match_specifier {
        Some(Spec::PresentMatch(present)) => return presence(matcher, &values, *present),
        None => return presence(matcher, &values, true),
        Some(spec) => spec,
    };
    if values.is_empty() {
        // An inverted match wants the header too, with another value.
        if !matcher.treat_missing_header_as_empty {
            return Err(format!("header {name} is absent"));
        }
        values.push("");
    }
    let mut held = false;
    for value in &values {
        held |= compare(spec, value)?;
    }
    if held != *invert_match {
        return Ok(());
    }
    let but = if *invert_match { "anything but " } else { "" };
    let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    Err(format!("header {name} is {}; wanted is {but}{}", values.join(" and "), wanted(spec)))
}

#[allow(deprecated, reason = "EnvoyFilters may still write the old forms")]
fn compare(spec: &Spec, value: &str) -> Result<bool, String> {
    Ok(match spec {
        Spec::StringMatch(matcher) => holds(matcher, value)?,
        Spec::ExactMatch(want) => value == want,
        Spec::PrefixMatch(want) => value.starts_with(want),
        Spec::SuffixMatch(want) => value.ends_with(want),
        Spec::ContainsMatch(want) => value.contains(want),
        Spec::SafeRegexMatch(want) => full_match(&want.regex, value)?,
        Spec::RangeMatch(range) => {
            value.parse::<i64>().is_ok_and(|number| (range.start..range.end).contains(&number))
        }
        Spec::PresentMatch(present) => *present,
    })
}

#[allow(deprecated, reason = "EnvoyFilters may still write the old forms")]
fn wanted(spec: &Spec) -> String {
    match spec {
        Spec::StringMatch(matcher) => wants(matcher),
        Spec::ExactMatch(want) => format!("{want:?}"),
        Spec::PrefixMatch(want) => format!("the prefix {want:?}"),
        Spec::SuffixMatch(want) => format!("the suffix {want:?}"),
        Spec::ContainsMatch(want) => format!("{want:?} within"),
        Spec::SafeRegexMatch(want) => format!("the regex {:?}", want.regex),
        Spec::RangeMatch(range) => format!("a number from {} to below {}", range.start, range.end),
        Spec::PresentMatch(_) => "its presence".to_owned(),
    }
}

fn presence(matcher: &HeaderMatcher, values: &[&str], present: bool) -> Result<(), String> {
    let name = &matcher.name;
    let is_there = !values.is_empty() || matcher.treat_missing_header_as_empty;
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
