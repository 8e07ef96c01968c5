//! What a source says: objects came, changed or went.

use super::{Object, ObjectKey};

/// One change. A source emits it only if the projected object differs from what it emitted before.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The object is now this.
    Apply(Object),
    /// The object is gone.
    Remove(ObjectKey),
}

impl Change {
    /// The object that it is about.
    pub fn key(&self) -> ObjectKey {
        match self {
            Change::Apply(object) => object.key(),
            Change::Remove(key) => key.clone(),
        }
    }
}

/// Changes that belong together: a source's first complete reading, or what one event brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// In the order in which they happened.
    pub changes: Vec<Change>,
    /// The source has now told everything that existed when it started.
    pub synced: bool,
}
