//! What values of a policy say of a text: all of it, how it begins, how it ends, or that there is one.

use super::pattern::{Pattern, Piece};
use crate::proto::envoy::envoy::config::route::v3::HeaderMatcher;
use crate::proto::envoy::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use crate::proto::envoy::envoy::r#type::matcher::v3::StringMatcher;
use crate::proto::envoy::envoy::r#type::matcher::v3::string_matcher::MatchPattern;

/// Before identities, which policies write without it.
pub const SPIFFE: &str = "spiffe://";

/// A value. An asterisk counts at one end only; at both, the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// `*`: any text that is not empty.
    Present,
    /// `*…`.
    Suffix(&'a str),
    /// `…*`.
    Prefix(&'a str),
    /// The text itself.
    Exact(&'a str),
}

impl<'a> Text<'a> {
    /// As users write it.
    pub fn of(value: &'a str) -> Text<'a> {
        match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
            ("*", ..) => Text::Present,
            (_, Some(suffix), _) => Text::Suffix(suffix),
            (_, _, Some(prefix)) => Text::Prefix(prefix),
            _ => Text::Exact(value),
        }
    }

    /// The same where only an asterisk at the end counts.
    pub fn beginning(value: &'a str) -> Text<'a> {
        match value.strip_suffix('*') {
            Some("") => Text::Present,
            Some(prefix) => Text::Prefix(prefix),
            None => Text::Exact(value),
        }
    }

    /// Of any text.
    pub fn matcher(self) -> StringMatcher {
        match self {
            Text::Present => Pattern::new([Piece::Some]).matcher(),
            Text::Suffix(text) => matcher(MatchPattern::Suffix(text.into())),
            Text::Prefix(text) => matcher(MatchPattern::Prefix(text.into())),
            Text::Exact(text) => matcher(MatchPattern::Exact(text.into())),
        }
    }

    /// Of an identity. One that is known by its end may begin with any trust domain.
    pub fn identity(self) -> StringMatcher {
        match self {
            Text::Present => Text::Present.matcher(),
            Text::Suffix(text) => {
                Pattern::new([Piece::Text(SPIFFE), Piece::Any, Piece::Text(text)]).matcher()
            }
            Text::Prefix(text) => matcher(MatchPattern::Prefix(format!("{SPIFFE}{text}"))),
            Text::Exact(text) => matcher(MatchPattern::Exact(format!("{SPIFFE}{text}"))),
        }
    }

    /// Of a header. Names of hosts mean the same in any case; all else does not.
    pub fn header(self, name: &str, ignore_case: bool) -> HeaderMatcher {
        let specifier = match self {
            Text::Present => HeaderMatchSpecifier::PresentMatch(true),
            _ => HeaderMatchSpecifier::StringMatch(StringMatcher { ignore_case, ..self.matcher() }),
        };
        HeaderMatcher {
            name: name.into(),
            header_match_specifier: Some(specifier),
            ..HeaderMatcher::default()
        }
    }
}

fn matcher(pattern: MatchPattern) -> StringMatcher {
    StringMatcher { ignore_case: false, match_pattern: Some(pattern) }
}
