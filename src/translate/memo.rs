//! Memoised builders: what was built from the same inputs is the same `Arc`.
//!
//! A key holds what its value was built from: `Arc`s compared by pointer ([`Same`]) and plain traits. The key
//! keeps its inputs alive, so that no other input can take their address; the value is held weakly, so that
//! an entry is worth something only while some scope serves its result. [`Memo::sweep`] drops the others.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use super::resource::{Resource, ResourceSet, ResourceType};
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
        self.get_shared(key, |key| Arc::new(build(key)))
    }

    /// As [`Memo::get`], for results that may be there already under another key.
    fn get_shared(&mut self, key: K, build: impl FnOnce(&K) -> Arc<V>) -> Arc<V> {
        if let Some(found) = self.entries.get(&key).and_then(Weak::upgrade) {
            self.counts.reused += 1;
            return found;
        }
        self.counts.built += 1;
        let built = build(&key);
        self.entries.insert(key, Arc::downgrade(&built));
        built
    }

    /// Forgets results that nobody holds.
    pub fn sweep(&mut self) {
        self.entries.retain(|_, value| value.strong_count() > 0);
        if self.entries.capacity() > 4 * self.entries.len().max(64) {
            self.entries.shrink_to_fit();
        }
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
    memo: Memo<K, Resource>,
    served: HashMap<(Str, u64), Weak<Resource>, rapidhash::fast::RandomState>,
}

impl<K> Default for ResourceMemo<K> {
    fn default() -> Self {
        ResourceMemo { memo: Memo::default(), served: HashMap::default() }
    }
}

impl<K: Eq + Hash> ResourceMemo<K> {
    /// The resource for `key`, built if nobody holds one.
    pub fn get(&mut self, key: K, build: impl FnOnce(&K) -> Resource) -> Arc<Resource> {
        let served = &mut self.served;
        self.memo.get_shared(key, |key| {
            let built = build(key);
            let slot = served.entry((built.name.clone(), built.hash)).or_default();
            match slot.upgrade() {
                Some(same) if *same == built => same,
                _ => {
                    let built = Arc::new(built);
                    *slot = Arc::downgrade(&built);
                    built
                }
            }
        })
    }

    /// How many resources were built, and how many were found, since the start.
    pub fn counts(&self) -> Counts {
        self.memo.counts
    }

    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.memo.sweep();
        self.served.retain(|_, resource| resource.strong_count() > 0);
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.memo.len()
    }

    /// Nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.memo.is_empty()
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
        if self.entries.capacity() > 4 * self.entries.len().max(64) {
            self.entries.shrink_to_fit();
        }
    }
}

/// The memo of sets: equal lists of resources are one set, whichever scopes hold them.
#[derive(Debug, Default)]
pub struct Sets(Memo<(ResourceType, Vec<Same<Resource>>), ResourceSet>);

impl Sets {
    /// The set of these resources, which may come in any order but for the rule of [`ResourceSet::new`].
    pub fn get(&mut self, kind: ResourceType, mut items: Vec<Arc<Resource>>) -> Arc<ResourceSet> {
        items.sort_by(|a, b| a.name.cmp(&b.name));
        let key = (kind, items.into_iter().map(Same).collect());
        self.0.get(key, |(kind, items)| {
            ResourceSet::new(*kind, items.iter().map(|Same(r)| r.clone()).collect())
        })
    }

    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.0.sweep();
    }
}
