//! Memoised builders: what was built from the same inputs is the same `Arc`.
//!
//! A key holds what its value was built from: `Arc`s compared by pointer ([`Same`]) and plain traits. The key
//! keeps its inputs alive, so that no other input can take their address; the value is held weakly, so that
//! an entry is worth something only while some scope serves its result. [`Memo::sweep`] drops the others.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use super::resource::{Resource, ResourceSet, ResourceType, Resources};
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
    /// How many results were built, and how many were found, since the start.
    pub counts: Counts,
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
        Memo { entries: HashMap::default(), counts: Counts::default() }
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
        let built = Arc::new(build(&key));
        self.entries.insert(key, Arc::downgrade(&built));
        built
    }

    /// Forgets results that nobody holds.
    pub fn sweep(&mut self) {
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
    /// another one led to their resource.
    pub fn sweep(&mut self) {
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
    sets: Memo<(ResourceType, Vec<Same<Resource>>), ResourceSet>,
    layers: Memo<[Same<ResourceSet>; ResourceType::ALL.len()], Resources>,
}

impl Sets {
    /// The set of these resources, which may come in any order but for the rule of [`ResourceSet::new`].
    pub fn get(&mut self, kind: ResourceType, mut items: Vec<Arc<Resource>>) -> Arc<ResourceSet> {
        items.sort_by(|a, b| a.name.cmp(&b.name));
        let key = (kind, items.into_iter().map(Same).collect());
        self.sets.get(key, |(kind, items)| {
            ResourceSet::new(*kind, items.iter().map(|Same(r)| r.clone()).collect())
        })
    }

    /// The layer of these resources by type. Types that are not named are empty.
    pub fn layer<const N: usize>(
        &mut self,
        mut items: [(ResourceType, Vec<Arc<Resource>>); N],
    ) -> Arc<Resources> {
        let sets = ResourceType::ALL.map(|kind| {
            let of_kind = items.iter_mut().filter(|(k, _)| *k == kind);
            let found = of_kind.flat_map(|(_, list)| std::mem::take(list)).collect();
            Same(self.get(kind, found))
        });
        self.layers.get(sets, |sets| Resources::new(sets.iter().map(|Same(set)| set.clone())))
    }

    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.layers.sweep();
        self.sets.sweep();
    }
}

#[cfg(test)]
mod tests;
