//! Finding the line of a field.
//!
//! The parser gives values without positions. Indentation tells enough for what people and tools write: block
//! style, and JSON with a line for each field. Anything else (flow style, aliases, merged keys) is said to be
//! on the line of the innermost field around it that can be found, which in flow style is mostly the line itself.

use crate::api::field_path::{FieldPath, Step};

/// Where a value begins.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Index of the line.
    line: usize,
    /// Byte in the line.
    column: usize,
}

/// The lines of one document.
pub(super) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    /// Of the text of a document.
    pub fn new(text: &'a str) -> Lines<'a> {
        Lines(text.lines().collect())
    }

    /// The line, counted from 0, of the field at `path`, or of the innermost field around it that is found.
    pub fn find(&self, path: &FieldPath) -> usize {
        let Some(start) = self.content_from(0) else { return 0 };
        let mut line = start.line;
        let mut at = self.open(start);
        for step in path.steps() {
            let found = at.and_then(|place| match step {
                Step::Key(key) => self.key(place, key),
                Step::Index(index) => self.items(place).nth(*index),
            });
            let Some(found) = found else { return line };
            line = found.line;
            at = self.value(found, step);
        }
        line
    }

    /// The lines, counted from 0, of the elements of the list at `path`; empty when it is not found.
    pub fn elements(&self, path: &FieldPath) -> Vec<usize> {
        let mut at = self.content_from(0).and_then(|start| self.open(start));
        for step in path.steps() {
            at = at
                .and_then(|place| match step {
                    Step::Key(key) => self.key(place, key),
                    Step::Index(index) => self.items(place).nth(*index),
                })
                .and_then(|found| self.value(found, step));
        }
        let items = at.map(|place| self.items(place).map(|item| item.line).collect());
        items.unwrap_or_default()
    }

    fn text(&self, place: Place) -> &'a str {
        self.0.get(place.line).and_then(|line| line.get(place.column..)).unwrap_or_default()
    }

    /// The first content on or after a line.
    fn content_from(&self, line: usize) -> Option<Place> {
        (line..self.0.len()).find_map(|line| {
            let text = self.0.get(line)?;
            let content = text.trim_start();
            let blank = content.is_empty() || content.starts_with('#');
            (!blank).then(|| Place { line, column: text.len() - content.len() })
        })
    }

    /// Steps over a `{` or `[` that ends its line: what it holds begins on the next.
    fn open(&self, place: Place) -> Option<Place> {
        match self.text(place).trim_end() {
            "{" | "[" => self.content_from(place.line + 1),
            _ => Some(place),
        }
    }

    /// The contents that begin in the column of `place`, from there on to the end of the block.
    fn siblings(&self, place: Place) -> impl Iterator<Item = Place> + '_ {
        let mut next = Some(place);
        std::iter::from_fn(move || {
            loop {
                let at = next?;
                next = self.content_from(at.line + 1);
                if at.line == place.line || at.column == place.column {
                    return Some(at);
                }
                if at.column < place.column {
                    return None;
                }
            }
        })
    }

    fn key(&self, place: Place, key: &str) -> Option<Place> {
        self.siblings(place).find(|at| after_key(self.text(*at), key).is_some())
    }

    fn items(&self, place: Place) -> impl Iterator<Item = Place> + '_ {
        let dashes = is_item(self.text(place));
        self.siblings(place).filter(move |at| match dashes {
            true => is_item(self.text(*at)),
            false => !self.text(*at).starts_with(['}', ']']),
        })
    }

    /// Where the value begins that a key or a dash introduces; None when it is on the line of its key.
    fn value(&self, place: Place, step: &Step) -> Option<Place> {
        let text = self.text(place);
        let rest = match step {
            Step::Key(key) => after_key(text, key)?,
            Step::Index(_) if is_item(text) => text.get(1..)?,
            Step::Index(_) => return self.open(place),
        };
        let content = rest.trim_start();
        let column = place.column + text.len() - content.len();
        match (content.trim_end(), step) {
            ("", _) | ("{" | "[", _) => self.content_from(place.line + 1).filter(|next| {
                // A list may stand in the column of its key.
                next.column > place.column
                    || next.column == place.column && is_item(self.text(*next))
            }),
            (comment, _) if comment.starts_with('#') => self.content_from(place.line + 1),
            (_, Step::Index(_)) => Some(Place { line: place.line, column }),
            _ => None,
        }
    }
}

fn is_item(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// What follows `key:` at the beginning of a text, if it begins so.
fn after_key<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let rest = match quote {
        Some(quote) => text.get(1..)?.strip_prefix(key)?.strip_prefix(quote)?,
        None => text.strip_prefix(key)?,
    };
    let rest = rest.trim_start().strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

#[cfg(test)]
mod tests;
