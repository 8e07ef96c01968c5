//! Memoised builders: what was built from the same inputs is the same `Arc`.
//!
//! A key holds what its value was built from: `Arc`s compared by pointer ([`Same`]) and plain traits. The key
//! keeps its inputs alive, so that no other input can take their address; the value is held weakly, so that
//! an entry is worth something only while some scope serves its result. [`Memo::sweep`] drops the others.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use super::resource::{Resource, ResourceSet, ResourceType, Resources, sorted};
use super::translator::Built;
use crate::api::Str;

/// An `Arc` that is equal to itself only.
#[derive(Debug)]
pub struct Same<T: ?Sized>(pub Arc<T>);

impl<T: ?Sized> Clone for Same<T> {
    fn clone(&self) -> Self {
        Same(self.0.clone())
    }
}

impl<T: ?Sized> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: ?Sized> Eq for Same<T> {}

impl<T: ?Sized> Hash for Same<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

/// Results by inputs.
#[derive(Debug)]
pub struct Memo<K, V> {
    entries: HashMap<K, Weak<V>, rapidhash::fast::RandomState>,
    pace: Pace,
    /// How many results were built, and how many were found, since the start.
    pub counts: Counts,
}

impl std::ops::Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts { built: self.built + other.built, reused: self.reused + other.reused }
    }
}

/// How often a memo had to build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Results that were built.
    pub built: u64,
    /// Results that were there.
    pub reused: u64,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Memo { entries: HashMap::default(), pace: Pace::default(), counts: Counts::default() }
    }
}

impl<K: Eq + Hash, V> Memo<K, V> {
    /// The result for `key`, built if nobody holds one.
    pub fn get(&mut self, key: K, build: impl FnOnce(&K) -> V) -> Arc<V> {
        if let Some(found) = self.entries.get(&key).and_then(Weak::upgrade) {
            self.counts.reused += 1;
            return found;
        }
        self.counts.built += 1;
        self.pace.built += 1;
        let built = Arc::new(build(&key));
        self.entries.insert(key, Arc::downgrade(&built));
        built
    }

    /// Forgets results that nobody holds, at once or soon.
    pub fn sweep(&mut self) {
        if !self.pace.is_due(self.entries.len()) {
            return;
        }
        self.entries.retain(|_, value| value.strong_count() > 0);
        shrink(&mut self.entries);
    }

    /// How many results are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A memo of resources. A result that equals one that is served is that one: where an input changes and the
/// output does not, nothing changed for the proxies.
#[derive(Debug)]
pub struct ResourceMemo<K> {
    entries: HashMap<K, Entry, rapidhash::fast::RandomState>,
    served: HashMap<(Str, u64), Served, rapidhash::fast::RandomState>,
    pace: Pace,
    counts: Counts,
}

#[derive(Debug)]
struct Entry {
    resource: Weak<Resource>,
    /// It was asked for since the last sweep.
    used: bool,
}

#[derive(Debug, Default)]
struct Served {
    resource: Weak<Resource>,
    /// Several keys led to it. Some of them may be of inputs that are no more, although their result is
    /// still served.
    shared: bool,
}

impl<K> Default for ResourceMemo<K> {
    fn default() -> Self {
        ResourceMemo {
            entries: HashMap::default(),
            served: HashMap::default(),
            pace: Pace::default(),
            counts: Counts::default(),
        }
    }
}

impl<K: Eq + Hash> ResourceMemo<K> {
    /// The resource for `key`, built if nobody holds one.
    pub fn get(&mut self, key: K, build: impl FnOnce(&K) -> Resource) -> Arc<Resource> {
        if let Some(entry) = self.entries.get_mut(&key)
            && let Some(found) = entry.resource.upgrade()
        {
            entry.used = true;
            self.counts.reused += 1;
            return found;
        }
        self.counts.built += 1;
        self.pace.built += 1;
        let built = build(&key);
        let slot = self.served.entry((built.name.clone(), built.hash)).or_default();
        let resource = match slot.resource.upgrade() {
            Some(same) if *same == built => {
                slot.shared = true;
                same
            }
            _ => {
                let built = Arc::new(built);
                *slot = Served { resource: Arc::downgrade(&built), shared: false };
                built
            }
        };
        self.entries.insert(key, Entry { resource: Arc::downgrade(&resource), used: true });
        resource
    }

    /// How many resources were built, and how many were found, since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets resources that nobody holds, and keys that were not asked for since the last sweep while
    /// another one led to their resource. At once or soon.
    pub fn sweep(&mut self) {
        if !self.pace.is_due(self.entries.len()) {
            return;
        }
        let served = &self.served;
        let is_shared = |resource: &Arc<Resource>| {
            served.get(&(resource.name.clone(), resource.hash)).is_some_and(|s| s.shared)
        };
        self.entries.retain(|_, entry| {
            let used = std::mem::take(&mut entry.used);
            entry.resource.upgrade().is_some_and(|resource| used || !is_shared(&resource))
        });
        self.served.retain(|_, served| served.resource.strong_count() > 0);
        shrink(&mut self.entries);
        shrink(&mut self.served);
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// When a memo is looked through. Looking through a large one after each small change would cost more than the
/// change: then it waits until enough was built, or a few sweeps went by.
#[derive(Debug, Default)]
struct Pace {
    /// Results that were built since it was looked through.
    built: usize,
    /// Sweeps that did not look.
    skipped: u32,
}

impl Pace {
    /// Up to so many entries are looked through with each sweep.
    const SMALL: usize = 512;

    /// Sweeps of which one looks, whatever was built.
    const SWEEPS: u32 = 8;

    /// Whether the sweep that comes now looks through so many entries.
    fn is_due(&mut self, entries: usize) -> bool {
        self.skipped += 1;
        let due = entries <= Self::SMALL
            || self.built >= entries / Self::SWEEPS as usize
            || self.skipped == Self::SWEEPS;
        if due {
            *self = Pace::default();
        }
        due
    }
}

/// Gives memory back after a mesh became much smaller.
fn shrink<K: Eq + Hash, V>(entries: &mut HashMap<K, V, rapidhash::fast::RandomState>) {
    if entries.capacity() > 4 * entries.len().max(64) {
        entries.shrink_to_fit();
    }
}

/// Results that nobody but the builder holds, by inputs: what is made on the way to resources. An entry that
/// was not asked for between two sweeps is forgotten.
#[derive(Debug)]
pub struct Recent<K, V> {
    /// The result, and whether it was asked for since the last sweep.
    entries: HashMap<K, (Arc<V>, bool), rapidhash::fast::RandomState>,
    /// See [`Memo::counts`].
    pub counts: Counts,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Recent { entries: HashMap::default(), counts: Counts::default() }
    }
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// The result for `key`, built if there is none.
    pub fn get(&mut self, key: K, build: impl FnOnce(&K) -> V) -> Arc<V> {
        if let Some((found, used)) = self.entries.get_mut(&key) {
            *used = true;
            self.counts.reused += 1;
            return found.clone();
        }
        self.counts.built += 1;
        let built = Arc::new(build(&key));
        self.entries.insert(key, (built.clone(), true));
        built
    }

    /// Forgets what was not asked for since the last sweep.
    pub fn sweep(&mut self) {
        self.entries.retain(|_, (_, used)| std::mem::take(used));
        shrink(&mut self.entries);
    }
}

/// The memo of sets: equal lists of resources are one set, and equal layers of sets are one layer, whichever
/// scopes hold them.
#[derive(Debug, Default)]
pub struct Sets {
    /// Sets by the lists that they were asked for with, so that these need not be looked through again.
    by_list: Recent<(ResourceType, Same<Built>), Arc<ResourceSet>>,
    sets: Memo<(ResourceType, Items), ResourceSet>,
    layers: Memo<[Same<ResourceSet>; ResourceType::ALL.len()], Resources>,
    /// Stands for types of which there is nothing.
    nothing: Arc<Built>,
}

/// Resources, compared by pointer.
#[derive(Debug)]
struct Items(Arc<[Arc<Resource>]>);

impl PartialEq for Items {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&*other.0).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

impl Eq for Items {}

impl Hash for Items {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|resource| Arc::as_ptr(resource).hash(state));
    }
}

impl Sets {
    /// The set of these resources, which may come in any order but for the rule of [`ResourceSet::new`].
    pub fn get(&mut self, kind: ResourceType, list: &Arc<Built>) -> Arc<ResourceSet> {
        let sets = &mut self.sets;
        let found = self.by_list.get((kind, Same(list.clone())), |_| {
            let items = sorted(list.resources.clone());
            sets.get((kind, Items(items)), |(kind, Items(items))| {
                ResourceSet::of_sorted(*kind, items.clone())
            })
        });
        Arc::clone(&found)
    }

    /// The layer of these lists, no two of which are of one type. Types that are not named are empty.
    pub fn layer<'a>(
        &mut self,
        lists: impl Iterator<Item = (ResourceType, &'a Arc<Built>)> + Clone,
    ) -> Arc<Resources> {
        let nothing = self.nothing.clone();
        let sets = ResourceType::ALL.map(|kind| {
            let list = lists.clone().find(|(of, _)| *of == kind).map_or(&nothing, |(_, list)| list);
            Same(self.get(kind, list))
        });
        self.layers.get(sets, |sets| Resources::new(sets.iter().map(|Same(set)| set.clone())))
    }

    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.layers.sweep();
        self.by_list.sweep();
        self.sets.sweep();
    }
}

#[cfg(test)]
mod tests;
