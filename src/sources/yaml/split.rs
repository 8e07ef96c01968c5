//! Splitting a text into its YAML documents.
//!
//! serde_yaml's own iterator over documents never ends after a syntax error and loses what follows. Markers
//! of documents stand at the beginning of a line whatever surrounds them (YAML 1.2, 9.1.2), so splitting needs
//! no parser.

/// One document of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document<'a> {
    /// Its text, without the markers.
    pub text: &'a str,
    /// The line of the file on which `text` begins, counted from 1.
    pub first_line: usize,
    /// The line of its first content, counted from 1.
    pub line: usize,
}

/// The documents that have content, in order.
pub(super) fn split(text: &str) -> impl Iterator<Item = Document<'_>> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut next_line = 1;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let first_line = next_line;
            let (piece, after) = cut(rest);
            next_line += piece.bytes().filter(|b| *b == b'\n').count();
            rest = after;
            let body = strip_marker(piece);
            if let Some(content) = body.lines().position(has_content) {
                return Some(Document { text: body, first_line, line: first_line + content });
            }
        }
        None
    })
}

/// Cuts before the first marker that does not begin the text.
fn cut(text: &str) -> (&str, &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && is_marker(line) {
            return text.split_at(at);
        }
        at += line.len();
    }
    (text, "")
}

fn is_marker(line: &str) -> bool {
    let after = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
    after.is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace))
}

fn strip_marker(piece: &str) -> &str {
    match piece.lines().next().is_some_and(is_marker) {
        true => piece.get(3..).unwrap_or_default(),
        false => piece,
    }
}

/// Whether a line is more than blanks, a comment or a directive.
fn has_content(line: &str) -> bool {
    !line.starts_with('%') && !matches!(line.trim_start().chars().next(), None | Some('#'))
}

#[cfg(test)]
mod tests;
