//! Regular expressions that are made of pieces, never of text: what a user wrote can only describe itself.
//!
//! The dialect is RE2's, and Envoy matches a text as a whole.

use crate::proto::envoy::envoy::r#type::matcher::v3::StringMatcher;
use crate::translate::common::value::regex;

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// This text, whatever characters it has.
    Text(&'a str),
    /// Any text, be it empty.
    Any,
    /// Any text that is not empty.
    Some,
    /// Any text without a slash, be it empty.
    Segment,
    /// Nothing, or segments that end with a slash.
    Between,
    /// Nothing, or a slash and whatever follows it.
    Below,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// One piece behind the other.
    pub fn new<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> Pattern {
        let mut written = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => escape(text, &mut written),
                Piece::Any => written.push_str(".*"),
                Piece::Some => written.push_str(".+"),
                Piece::Segment => written.push_str("[^/]*"),
                Piece::Between => written.push_str("(.+/|)"),
                Piece::Below => written.push_str("(/.+)?"),
            }
        }
        Pattern(written)
    }

    /// As Envoy takes it.
    pub fn matcher(&self) -> StringMatcher {
        regex(self.0.as_str())
    }
}

/// Writes a text so that it describes itself.
fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            into.push('\\');
        }
        into.push(character);
    }
}
