//! Scalars as messages: durations, wrapped numbers, string matchers.

use crate::proto::envoy::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher};
use crate::proto::envoy::google::protobuf::{BoolValue, Duration, UInt32Value};

/// A duration. One beyond protobuf's range becomes its longest.
pub fn duration(value: std::time::Duration) -> Duration {
    /// The longest duration that protobuf allows, in seconds: 10,000 years.
    const LONGEST: i64 = 315_576_000_000;
    match i64::try_from(value.as_secs()) {
        Ok(seconds) if seconds < LONGEST => {
            Duration { seconds, nanos: value.subsec_nanos().cast_signed() }
        }
        _ => Duration { seconds: LONGEST, nanos: 0 },
    }
}

/// A duration of whole seconds.
pub const fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

/// A number where the message tells unset from zero.
pub const fn uint32(value: u32) -> UInt32Value {
    UInt32Value { value }
}

/// A flag where the message tells unset from false.
pub const fn boolean(value: bool) -> BoolValue {
    BoolValue { value }
}

/// Matches this string only.
pub fn exact(value: impl Into<String>) -> StringMatcher {
    matcher(MatchPattern::Exact(value.into()))
}

/// Matches strings that begin so.
pub fn prefix(value: impl Into<String>) -> StringMatcher {
    matcher(MatchPattern::Prefix(value.into()))
}

/// Matches strings that this regular expression (RE2) describes as a whole.
pub fn regex(value: impl Into<String>) -> StringMatcher {
    matcher(MatchPattern::SafeRegex(RegexMatcher {
        regex: value.into(),
        ..RegexMatcher::default()
    }))
}

fn matcher(pattern: MatchPattern) -> StringMatcher {
    StringMatcher { ignore_case: false, match_pattern: Some(pattern) }
}
