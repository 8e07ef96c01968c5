//! What the streams of a scope have in common: lists of names, differences between sets, and the resources
//! of a set that a list selects.
//!
//! Every value is found by the identity of what it was made from and lives no longer than that: entries hold
//! their inputs weakly, which also keeps an address from being taken by another. What is dead goes when a table
//! outgrows its room, and with [`Cache::sweep`]. Locks are held for look-ups only; what is expensive is
//! computed outside them, once.

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

/// How many differences or selections there may be before the dead ones are looked for.
const MIN_ROOM: usize = 64;

/// How many names there may be, in all lists together, before the dead lists are looked for: 16 MB.
const MIN_ROOM_OF_NAMES: usize = 1_000_000;

/// The state that streams share.
#[derive(Debug, Default)]
pub struct Cache {
    diffs: Mutex<Table<(usize, usize), DiffEntry>>,
    selections: Mutex<Table<(usize, usize), SelectionEntry>>,
    names: Mutex<Lists>,
}

/// Entries, and how many there may be.
#[derive(Debug)]
struct Table<K, V> {
    entries: HashMap<K, V, rapidhash::fast::RandomState>,
    room: usize,
}

/// Something that is worth nothing once its inputs are gone.
trait Entry {
    fn is_alive(&self) -> bool;
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { entries: HashMap::default(), room: MIN_ROOM }
    }
}

impl<K: Eq + Hash, V: Entry> Table<K, V> {
    fn get(&mut self, key: K, make: impl FnOnce() -> V) -> &V {
        if self.entries.len() >= self.room {
            self.sweep();
            self.room = (2 * self.entries.len()).max(MIN_ROOM);
        }
        self.entries.entry(key).or_insert_with(make)
    }

    fn sweep(&mut self) {
        self.entries.retain(|_, entry| entry.is_alive());
    }
}

/// Lists of names, by hash.
#[derive(Debug, Default)]
struct Lists {
    by_hash: HashMap<u64, Vec<Weak<[Str]>>, rapidhash::fast::RandomState>,
    /// The names of all lists that were added since the last sweep.
    added: usize,
    /// Those of the lists that were alive then.
    kept: usize,
}

impl Lists {
    fn find(&self, hash: u64, names: &[&str]) -> Option<Names> {
        let lists = self.by_hash.get(&hash)?.iter().filter_map(Weak::upgrade);
        let equal = |list: &Names| {
            list.len() == names.len() && list.iter().zip(names).all(|(a, b)| **a == **b)
        };
        lists.into_iter().find(equal)
    }

    fn add(&mut self, hash: u64, list: &Names) {
        if self.added > self.kept.max(MIN_ROOM_OF_NAMES) {
            self.sweep();
        }
        self.added += list.len();
        self.by_hash.entry(hash).or_default().push(Arc::downgrade(list));
    }

    fn sweep(&mut self) {
        (self.added, self.kept) = (0, 0);
        let kept = &mut self.kept;
        self.by_hash.retain(|_, lists| {
            lists.retain(|list| list.strong_count() > 0);
            *kept += lists.iter().filter_map(Weak::upgrade).map(|list| list.len()).sum::<usize>();
            !lists.is_empty()
        });
    }
}

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

impl Entry for DiffEntry {
    fn is_alive(&self) -> bool {
        self.old.strong_count() > 0 && self.new.strong_count() > 0
    }
}

impl Entry for SelectionEntry {
    fn is_alive(&self) -> bool {
        self.set.strong_count() > 0 && self.names.strong_count() > 0
    }
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
            .get((address(old), address(new)), || DiffEntry {
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
            .get((address(set), address(names)), || SelectionEntry {
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
        if let Some(same) = lock(&self.names).find(hash, &names) {
            return same;
        }
        let list: Names =
            names.iter().map(|name| known(name).unwrap_or_else(|| (*name).into())).collect();
        let mut lists = lock(&self.names);
        // Another stream may have been faster.
        lists.find(hash, &names).unwrap_or_else(|| {
            lists.add(hash, &list);
            list
        })
    }

    /// Forgets what belongs to sets and lists that nobody holds any more.
    pub fn sweep(&self) {
        lock(&self.diffs).sweep();
        lock(&self.selections).sweep();
        lock(&self.names).sweep();
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
fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
