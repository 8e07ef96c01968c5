//! A relation that is read from both sides.

use std::collections::HashMap;
use std::hash::Hash;

/// Which rights belong to which left, and which lefts to which right. Both sides are sorted lists: most have
/// one entry, and long ones are filled in order.
#[derive(Debug)]
pub(super) struct Relation<L, R> {
    rights: HashMap<L, Vec<R>>,
    lefts: HashMap<R, Vec<L>>,
}

impl<L, R> Default for Relation<L, R> {
    fn default() -> Self {
        Relation { rights: HashMap::new(), lefts: HashMap::new() }
    }
}

impl<L: Clone + Eq + Hash + Ord, R: Clone + Eq + Hash + Ord> Relation<L, R> {
    /// What belongs to `left`, sorted.
    pub(super) fn rights(&self, left: &L) -> &[R] {
        self.rights.get(left).map_or(&[], Vec::as_slice)
    }

    /// What `right` belongs to, sorted.
    pub(super) fn lefts(&self, right: &R) -> &[L] {
        self.lefts.get(right).map_or(&[], Vec::as_slice)
    }

    /// Nothing belongs to anything.
    pub(super) fn is_empty(&self) -> bool {
        self.rights.is_empty() && self.lefts.is_empty()
    }

    /// Makes `rights` all that belongs to `left`; returns whether that is a change.
    pub(super) fn set(&mut self, left: &L, mut rights: Vec<R>) -> bool {
        rights.sort();
        rights.dedup();
        let old = if rights.is_empty() {
            self.rights.remove(left).unwrap_or_default()
        } else {
            rights.shrink_to_fit();
            self.rights.insert(left.clone(), rights).unwrap_or_default()
        };
        let new = self.rights.get(left).map_or(&[][..], Vec::as_slice);
        let changed = old != new;
        if changed {
            for right in old.iter().filter(|r| new.binary_search(r).is_err()) {
                Self::unlink(&mut self.lefts, right, left);
            }
            for right in new.iter().filter(|r| old.binary_search(r).is_err()) {
                Self::link(&mut self.lefts, right, left);
            }
        }
        changed
    }

    fn link(lefts: &mut HashMap<R, Vec<L>>, right: &R, left: &L) {
        let lefts = lefts.entry(right.clone()).or_default();
        if let Err(at) = lefts.binary_search(left) {
            lefts.insert(at, left.clone());
        }
    }

    fn unlink(lefts: &mut HashMap<R, Vec<L>>, right: &R, left: &L) {
        let Some(list) = lefts.get_mut(right) else { return };
        if let Ok(at) = list.binary_search(left) {
            list.remove(at);
        }
        if list.is_empty() {
            lefts.remove(right);
        }
    }
}

#[cfg(test)]
mod tests;
