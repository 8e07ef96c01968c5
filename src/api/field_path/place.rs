//! A path that costs nothing until it is needed: for validation, which looks at many fields and finds fault with few.

use super::FieldPath;

/// The way to a field, as a chain of steps on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The field `key` of the document.
    pub const fn of(key: &'a str) -> Place<'a> {
        Place { parent: None, step: Step::Key(key) }
    }

    /// The field `key` of the object here.
    pub const fn key(&'a self, key: &'a str) -> Place<'a> {
        Place { parent: Some(self), step: Step::Key(key) }
    }

    /// The element `index`, counted from 0, of the list here.
    pub const fn index(&'a self, index: usize) -> Place<'a> {
        Place { parent: Some(self), step: Step::Index(index) }
    }
}

impl From<Place<'_>> for FieldPath {
    fn from(place: Place<'_>) -> FieldPath {
        let before = place.parent.map_or_else(FieldPath::root, |parent| FieldPath::from(*parent));
        match place.step {
            Step::Key(key) => before.key(key),
            Step::Index(index) => before.index(index),
        }
    }
}
