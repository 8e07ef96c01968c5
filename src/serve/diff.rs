//! What differs between two sets of resources.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::envelope::Protocol;
use crate::translate::resource::{delta_entries, sotw_entries};
use crate::translate::{Resource, ResourceSet, ResourceType};

/// The way from one set to another of the same type. Encoded once, for all streams that go it.
#[derive(Debug)]
pub struct Diff {
    /// New resources and those with another content, sorted by name.
    pub changed: Vec<Arc<Resource>>,
    /// Those of the old set whose name the new set lacks, sorted by name.
    pub removed: Vec<Arc<Resource>>,
    entries: Entries,
}

impl Diff {
    /// Walks both sets. Costs nothing when they are one set, and a comparison of hashes for each resource
    /// otherwise.
    pub fn between(old: &Arc<ResourceSet>, new: &Arc<ResourceSet>) -> Diff {
        let mut diff = Diff { changed: vec![], removed: vec![], entries: Entries::default() };
        if Arc::ptr_eq(old, new) {
            return diff;
        }
        let mut before = old.items().iter().peekable();
        for resource in new.items() {
            while let Some(gone) = before.next_if(|b| b.name < resource.name) {
                diff.removed.push(gone.clone());
            }
            match before.next_if(|b| b.name == resource.name) {
                Some(same) if Arc::ptr_eq(same, resource) || same.hash == resource.hash => {}
                _ => diff.changed.push(resource.clone()),
            }
        }
        diff.removed.extend(before.cloned());
        diff
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }

    /// All that changed, as the entries of a response.
    pub fn entries(&self, kind: ResourceType, protocol: Protocol) -> Bytes {
        self.entries.get(kind, protocol, &self.changed)
    }
}

/// Resources as the entries of a response, encoded when first asked for. They are not shown by debug output.
#[derive(Default)]
pub struct Entries {
    sotw: OnceLock<Bytes>,
    delta: OnceLock<Bytes>,
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").finish_non_exhaustive()
    }
}

impl Entries {
    /// The entries. The items must be the same in every call.
    pub fn get(&self, kind: ResourceType, protocol: Protocol, items: &[Arc<Resource>]) -> Bytes {
        let cell = match protocol {
            Protocol::Sotw => &self.sotw,
            Protocol::Delta => &self.delta,
        };
        cell.get_or_init(|| encode(kind, protocol, items)).clone()
    }
}

/// Resources as the entries of a response.
pub fn encode(kind: ResourceType, protocol: Protocol, items: &[Arc<Resource>]) -> Bytes {
    match protocol {
        Protocol::Sotw => sotw_entries(kind, items.iter()),
        Protocol::Delta => delta_entries(kind, items.iter()),
    }
}

/// A whole set as the entries of a response, encoded once for all streams.
pub fn encode_set(set: &ResourceSet, protocol: Protocol) -> Bytes {
    match protocol {
        Protocol::Sotw => set.sotw_entries().clone(),
        Protocol::Delta => set.delta_entries().clone(),
    }
}
