//! What a source says: objects came, changed or went.

use super::{Kind, Object, ObjectKey, Str};

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

    /// The kind of the object that it is about.
    pub fn kind(&self) -> Kind {
        match self {
            Change::Apply(object) => object.kind(),
            Change::Remove(key) => key.kind,
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
    /// The other cluster that the objects are of; None for the own one, from which configuration comes.
    pub remote: Option<Remote>,
}

/// A cluster whose workloads are part of the mesh, beside the own one. Its objects may have the names of other
/// clusters' objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its id, which is not that of the own cluster.
    pub cluster: Str,
    /// The changes tell all that there is: what was told of the cluster before and is not among them is gone. So a
    /// client that takes over from another one tells its first reading, and without changes the cluster goes.
    pub whole: bool,
    /// The trust domain of its identities, as its own mesh configuration names it; None for that of the mesh.
    pub trust_domain: Option<Str>,
}
