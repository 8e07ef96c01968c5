//! The way to a field inside a document, for messages and for finding its line.

mod place;

use std::fmt;

pub use self::place::Place;

/// A path such as `spec.ports[0].port`. Keys that are no plain words are quoted:
/// `metadata.labels["app.kubernetes.io/name"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an object, by the name of a field.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

impl FieldPath {
    /// The document itself.
    pub fn root() -> FieldPath {
        FieldPath::default()
    }

    /// The path that begins with `key`.
    pub fn of(key: &str) -> FieldPath {
        FieldPath::root().key(key)
    }

    /// The field `key` of the object at this path.
    #[must_use]
    pub fn key(mut self, key: &str) -> FieldPath {
        self.0.push(Step::Key(key.to_owned()));
        self
    }

    /// The element `index`, counted from 0, of the list at this path.
    #[must_use]
    pub fn index(mut self, index: usize) -> FieldPath {
        self.0.push(Step::Index(index));
        self
    }

    /// This path, seen from the place that `base` names.
    #[must_use]
    pub fn below(&self, base: &FieldPath) -> FieldPath {
        FieldPath(base.0.iter().chain(&self.0).cloned().collect())
    }

    /// The path that a text shows; None where it is none.
    pub fn parse(text: &str) -> Option<FieldPath> {
        let mut path = FieldPath::root();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix('[').filter(|rest| rest.starts_with('"')) {
                let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
                let key = values.next()?.ok()?;
                rest = quoted.get(values.byte_offset()..)?.strip_prefix(']')?;
                path = path.key(&key);
            } else if let Some(index) = rest.strip_prefix('[') {
                let (index, after) = index.split_once(']')?;
                path = path.index(index.parse().ok()?);
                rest = after;
            } else {
                let key = rest.strip_prefix('.').unwrap_or(rest);
                let end = key.find(['.', '[']).unwrap_or(key.len());
                let (key, after) = key.split_at(end);
                path = path.key(Some(key).filter(|key| !key.is_empty())?);
                rest = after;
            }
        }
        Some(path)
    }

    /// Its steps, outermost first; none for the document itself.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path at which `serde_path_to_error` saw an error.
    pub fn of_error(path: &serde_path_to_error::Path) -> FieldPath {
        use serde_path_to_error::Segment;
        FieldPath(
            path.iter()
                .filter_map(|segment| match segment {
                    Segment::Seq { index } => Some(Step::Index(*index)),
                    Segment::Map { key } => Some(Step::Key(key.clone())),
                    Segment::Enum { .. } | Segment::Unknown => None,
                })
                .collect(),
        )
    }

    /// The path at which `serde_ignored` saw an unknown field.
    pub fn of_ignored(path: &serde_ignored::Path<'_>) -> FieldPath {
        use serde_ignored::Path;
        let mut steps = Vec::new();
        let mut at = path;
        loop {
            at = match at {
                Path::Root => break,
                Path::Seq { parent, index } => {
                    steps.push(Step::Index(*index));
                    parent
                }
                Path::Map { parent, key } => {
                    steps.push(Step::Key(key.clone()));
                    parent
                }
                Path::Some { parent }
                | Path::NewtypeStruct { parent }
                | Path::NewtypeVariant { parent } => parent,
            };
        }
        steps.reverse();
        FieldPath(steps)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if !is_word(key) => write!(f, "[{key:?}]")?,
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

/// Whether a key can stand in a path without quotes.
fn is_word(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests;
