//! Matchers of strings: whether they hold, and how to say what they want.

use crate::api::re2;
use crate::proto::envoy::envoy::config::core::v3::RuntimeFractionalPercent;
use crate::proto::envoy::envoy::r#type::matcher::v3::StringMatcher;
use crate::proto::envoy::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use crate::proto::envoy::envoy::r#type::v3::FractionalPercent;
use crate::proto::envoy::envoy::r#type::v3::fractional_percent::DenominatorType;

/// Whether the text matches. Errors say why nobody can tell.
pub(super) fn holds(matcher: &StringMatcher, text: &str) -> Result<bool, String> {
    let fold = |text: &str| match matcher.ignore_case {
        true => text.to_ascii_lowercase(),
        false => text.to_owned(),
    };
    Ok(match &matcher.match_pattern {
        Some(MatchPattern::Exact(want)) => fold(text) == fold(want),
        Some(MatchPattern::Prefix(want)) => fold(text).starts_with(&fold(want)),
        Some(MatchPattern::Suffix(want)) => fold(text).ends_with(&fold(want)),
        Some(MatchPattern::Contains(want)) => fold(text).contains(&fold(want)),
        Some(MatchPattern::SafeRegex(regex)) => full_match(&regex.regex, text)?,
        Some(MatchPattern::Custom(custom)) => {
            return Err(format!("the matcher {} is not simulated", custom.name));
        }
        None => false,
    })
}

/// What a matcher wants.
pub(super) fn wants(matcher: &StringMatcher) -> String {
    let case = if matcher.ignore_case { " in any case" } else { "" };
    match &matcher.match_pattern {
        Some(MatchPattern::Exact(want)) => format!("{want:?}{case}"),
        Some(MatchPattern::Prefix(want)) => format!("the prefix {want:?}{case}"),
        Some(MatchPattern::Suffix(want)) => format!("the suffix {want:?}{case}"),
        Some(MatchPattern::Contains(want)) => format!("{want:?} within{case}"),
        Some(MatchPattern::SafeRegex(regex)) => format!("the regex {:?}", regex.regex),
        Some(MatchPattern::Custom(custom)) => format!("the matcher {}", custom.name),
        None => "nothing".to_owned(),
    }
}

/// Whether a regex matches all of a text.
pub(super) fn full_match(pattern: &str, text: &str) -> Result<bool, String> {
    let regex = re2::compile(pattern).map_err(|error| format!("the regex {pattern:?}: {error}"))?;
    Ok(regex.is_match(text))
}

/// Of what is decided by chance, how much is meant, in percent.
pub(super) fn percent(fraction: Option<&FractionalPercent>) -> f64 {
    let Some(fraction) = fraction else { return 0.0 };
    let denominator = match fraction.denominator() {
        DenominatorType::Hundred => 100.0,
        DenominatorType::TenThousand => 10_000.0,
        DenominatorType::Million => 1_000_000.0,
    };
    (f64::from(fraction.numerator) * 100.0 / denominator).min(100.0)
}

/// The same where the runtime may override it; all where nothing is said.
pub(super) fn runtime_percent(fraction: Option<&RuntimeFractionalPercent>) -> f64 {
    fraction.map_or(100.0, |fraction| percent(fraction.default_value.as_ref()))
}

#[cfg(test)]
mod tests;
