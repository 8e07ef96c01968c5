//! Which texts Envoy takes, and how it matches them.

use std::collections::BTreeMap;

use crate::api::Str;
use crate::api::networking::virtual_service::StringMatch;
use crate::proto::envoy::envoy::r#type::matcher::v3::StringMatcher;
use crate::translate::common::value;

/// The regular expressions of a VirtualService that RE2 does not take, and why.
pub(super) type Refused = BTreeMap<Str, String>;

/// Whether Envoy takes the name of a header.
pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty() && is_header_value(name)
}

/// Whether Envoy takes the value of a header.
pub(super) fn is_header_value(value: &str) -> bool {
    !value.contains(['\0', '\r', '\n'])
}

/// A match of a text.
pub(super) enum Wanted {
    /// Whatever it is.
    Present,
    /// This.
    Like(StringMatcher),
}

/// What a match asks for, or why Envoy would not take it. `*` was never a regular expression: it stands for all.
pub(super) fn wanted(one: &StringMatch, refused: &Refused) -> Result<Wanted, String> {
    match one.regex.as_deref() {
        Some("*") => Ok(Wanted::Present),
        _ if *one == StringMatch::default() => Ok(Wanted::Present),
        _ => matcher(one, refused).map(Wanted::Like),
    }
}

/// The matcher of a text, or why Envoy would not take it.
pub(super) fn matcher(one: &StringMatch, refused: &Refused) -> Result<StringMatcher, String> {
    match (&one.exact, &one.prefix, &one.regex) {
        (Some(exact), ..) => Ok(value::exact(&**exact)),
        (None, Some(prefix), _) if prefix.is_empty() => Err("a prefix cannot be empty".to_owned()),
        (None, Some(prefix), _) => Ok(value::prefix(&**prefix)),
        (None, None, Some(pattern)) => regex(pattern, refused).map(value::regex),
        (None, None, None) => Err("one of exact, prefix and regex is needed".to_owned()),
    }
}

/// A regular expression that RE2 takes.
pub(super) fn regex<'a>(pattern: &'a str, refused: &Refused) -> Result<&'a str, String> {
    match refused.get(pattern) {
        Some(why) => Err(why.clone()),
        None if pattern.is_empty() => Err("a regular expression cannot be empty".to_owned()),
        None => Ok(pattern),
    }
}
