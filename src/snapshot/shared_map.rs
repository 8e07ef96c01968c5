//! A sorted map of many entries, whose copies share what they have in common.
//!
//! A snapshot keeps what the store goes on changing. Entries stand in chunks, each behind an `Arc`: a change of a copy
//! costs one chunk and the list of chunks, not all entries, and what differs between two copies is found by comparing
//! pointers.

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::sync::Arc;

use super::shared_ends;

/// How many entries a chunk has at most.
const CHUNK: usize = 64;

/// See the module.
#[derive(Clone, Debug)]
pub struct SharedMap<K, V> {
    /// In order; none is empty.
    chunks: Arc<Vec<Arc<Chunk<K, V>>>>,
}

/// Sorted by key.
type Chunk<K, V> = Vec<(K, V)>;

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        SharedMap { chunks: Arc::default() }
    }
}

impl<K, V> SharedMap<K, V> {
    /// All entries, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values, sorted by key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Whether nothing was changed since one was copied from the other.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.place(key))?;
        let at = chunk.binary_search_by(|(other, _)| other.borrow().cmp(key)).ok()?;
        chunk.get(at).map(|(_, value)| value)
    }

    /// The index of the chunk in which a key stands, or would.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let not_behind = |chunk: &Arc<Chunk<K, V>>| {
            chunk.first().is_some_and(|(first, _)| first.borrow() <= key)
        };
        self.chunks.partition_point(not_behind).saturating_sub(1)
    }

    /// The keys whose entries another copy lacks, or has with a value that is not `same`, in either direction. Sorted.
    /// What both share is not looked at.
    pub fn differences<'a>(
        &'a self,
        other: &'a SharedMap<K, V>,
        same: impl Fn(&V, &V) -> bool,
    ) -> Vec<&'a K> {
        let (own, others) = (&*self.chunks, &*other.chunks);
        let (head, tail) = shared_ends(own, others);
        let middle = |chunks: &'a [Arc<Chunk<K, V>>]| {
            let chunks = chunks.iter().take(chunks.len() - tail).skip(head);
            chunks.flat_map(|chunk| chunk.iter())
        };
        let (own, mut others) = (middle(own), middle(others).peekable());
        let mut differences = Vec::new();
        for (key, value) in own {
            while let Some((gone, _)) = others.next_if(|(other, _)| other < key) {
                differences.push(gone);
            }
            match others.next_if(|(other, _)| other == key) {
                Some((_, before)) if same(value, before) => {}
                _ => differences.push(key),
            }
        }
        differences.extend(others.map(|(key, _)| key));
        differences
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Adds an entry; returns the value that it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(place) else {
            chunks.push(Arc::new(vec![(key, value)]));
            return None;
        };
        let chunk = Arc::make_mut(chunk);
        match chunk.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(at) => {
                return chunk.get_mut(at).map(|(_, old)| std::mem::replace(old, value));
            }
            Err(at) => chunk.insert(at, (key, value)),
        }
        if chunk.len() > CHUNK {
            let second = chunk.split_off(CHUNK / 2);
            chunks.insert(place + 1, Arc::new(second));
        }
        None
    }

    /// Takes an entry out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        // Looked for first, as a change copies what is shared.
        self.get(key)?;
        let place = self.place(key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let chunk = Arc::make_mut(chunks.get_mut(place)?);
        let at = chunk.binary_search_by(|(other, _)| other.borrow().cmp(key)).ok()?;
        let (_, removed) = chunk.remove(at);
        if chunk.is_empty() {
            chunks.remove(place);
        } else {
            join(chunks, place);
            join(chunks, place.saturating_sub(1));
        }
        Some(removed)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        let place = self.place(key);
        let chunk = Arc::make_mut(Arc::make_mut(&mut self.chunks).get_mut(place)?);
        let at = chunk.binary_search_by(|(other, _)| other.borrow().cmp(key)).ok()?;
        chunk.get_mut(at).map(|(_, value)| value)
    }
}

/// Makes one chunk of two that follow each other and are small.
fn join<K: Clone, V: Clone>(chunks: &mut Vec<Arc<Chunk<K, V>>>, at: usize) {
    let len = |at: usize| chunks.get(at).map_or(CHUNK, |chunk| chunk.len());
    if len(at) + len(at + 1) > CHUNK / 2 {
        return;
    }
    let second = chunks.remove(at + 1);
    if let Some(first) = chunks.get_mut(at) {
        Arc::make_mut(first).extend(second.iter().cloned());
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    /// Equal entries; in which chunks they stand does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut map = SharedMap::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}
