//! What the streams of a scope have in common: lists of names, differences between sets, and the resources
//! of a set that a list selects.
//!
//! Every value is found by the identity of what it was made from and lives no longer than that: entries hold
//! their inputs weakly, which also keeps an address from being taken by another. Locks are held for look-ups
//! only; what is expensive is computed outside them, once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;

use super::diff::{Diff, Entries, encode_set};
use super::envelope::Protocol;
use crate::api::Str;
use crate::translate::{Resource, ResourceSet, View};

/// Names of resources, sorted, without duplicates. Equal lists of different streams are one.
pub type Names = Arc<[Str]>;

/// The state that streams share.
#[derive(Debug, Default)]
pub struct Cache {
    diffs: Mutex<Table<(usize, usize), DiffEntry>>,
    selections: Mutex<Table<(usize, usize), SelectionEntry>>,
    names: Mutex<Table<u64, Vec<Weak<[Str]>>>>,
}

type Table<K, V> = HashMap<K, V, rapidhash::fast::RandomState>;

#[derive(Debug)]
struct DiffEntry {
    old: Weak<ResourceSet>,
    new: Weak<ResourceSet>,
    diff: Arc<OnceLock<Arc<Diff>>>,
}

#[derive(Debug)]
struct SelectionEntry {
    set: Weak<ResourceSet>,
    names: Weak<[Str]>,
    selection: Arc<OnceLock<Arc<Selection>>>,
}

/// The resources of a set that a list of names selects.
#[derive(Debug)]
pub struct Selection {
    /// Those that exist, sorted by name.
    pub found: Vec<Arc<Resource>>,
    /// The names that the set lacks, sorted.
    pub missing: Vec<Str>,
    set: Weak<ResourceSet>,
    entries: Entries,
}

impl Selection {
    fn of(set: &Arc<ResourceSet>, names: &[Str]) -> Selection {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut items = set.items().iter().peekable();
        for name in names {
            while items.next_if(|r| r.name < *name).is_some() {}
            match items.next_if(|r| r.name == *name) {
                Some(resource) => found.push(resource.clone()),
                None => missing.push(name.clone()),
            }
        }
        Selection { found, missing, set: Arc::downgrade(set), entries: Entries::default() }
    }

    /// Those that exist, as the entries of a response. The encoding is that of the set where it is all of it.
    pub fn entries(&self, protocol: Protocol) -> Bytes {
        match self.set.upgrade() {
            Some(set) if set.items().len() == self.found.len() => encode_set(&set, protocol),
            Some(set) => self.entries.get(set.kind(), protocol, &self.found),
            None => Bytes::new(),
        }
    }
}

impl Cache {
    /// What differs between two sets of one type.
    pub fn diff(&self, old: &Arc<ResourceSet>, new: &Arc<ResourceSet>) -> Arc<Diff> {
        let entry = lock(&self.diffs)
            .entry((address(old), address(new)))
            .or_insert_with(|| DiffEntry {
                old: Arc::downgrade(old),
                new: Arc::downgrade(new),
                diff: Arc::default(),
            })
            .diff
            .clone();
        entry.get_or_init(|| Arc::new(Diff::between(old, new))).clone()
    }

    /// The resources of a set that have these names.
    pub fn select(&self, set: &Arc<ResourceSet>, names: &Names) -> Arc<Selection> {
        let entry = lock(&self.selections)
            .entry((address(set), address(names)))
            .or_insert_with(|| SelectionEntry {
                set: Arc::downgrade(set),
                names: Arc::downgrade(names),
                selection: Arc::default(),
            })
            .selection
            .clone();
        entry.get_or_init(|| Arc::new(Selection::of(set, names))).clone()
    }

    /// The one list of these names. A name that `known` finds is shared with the resource of that name.
    pub fn names<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        known: impl Fn(&str) -> Option<Str>,
    ) -> Names {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        let hash = names.iter().fold(0, |hash: u64, name| {
            hash.rotate_left(5) ^ rapidhash::v3::rapidhash_v3(name.as_bytes())
        });
        let mut table = lock(&self.names);
        let lists = table.entry(hash).or_default();
        let same = lists.iter().filter_map(Weak::upgrade).find(|list| {
            list.len() == names.len() && list.iter().zip(&names).all(|(a, b)| **a == **b)
        });
        if let Some(same) = same {
            return same;
        }
        let list: Names =
            names.into_iter().map(|name| known(name).unwrap_or_else(|| name.into())).collect();
        lists.retain(|list| list.strong_count() > 0);
        lists.push(Arc::downgrade(&list));
        list
    }

    /// Forgets what belongs to sets and lists that nobody holds any more.
    pub fn sweep(&self) {
        lock(&self.diffs).retain(|_, e| e.old.strong_count() > 0 && e.new.strong_count() > 0);
        lock(&self.selections)
            .retain(|_, e| e.set.strong_count() > 0 && e.names.strong_count() > 0);
        lock(&self.names).retain(|_, lists| {
            lists.retain(|list| list.strong_count() > 0);
            !lists.is_empty()
        });
    }
}

/// The name as the resource of a view holds it.
pub fn known(view: &View, kind: crate::translate::ResourceType, name: &str) -> Option<Str> {
    view.get(kind, name).map(|resource| resource.name.clone())
}

fn address<T: ?Sized>(value: &Arc<T>) -> usize {
    Arc::as_ptr(value).cast::<()>() as usize
}

/// A panic while a table was locked leaves it usable: each change of it is a single insertion.
fn lock<K: Eq + Hash, V>(table: &Mutex<Table<K, V>>) -> MutexGuard<'_, Table<K, V>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
