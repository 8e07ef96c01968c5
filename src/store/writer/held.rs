//! Policies that wait for keys: one that names an issuer who was never asked would refuse every token until the issuer
//! answered, although it came with requests under way, or the process has only just started.
//!
//! So a RequestAuthentication is taken in when each source of its keys was asked once, however that ended, or after a
//! while. Until then what it replaces holds, and nothing else waits.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::jwks::{KeySets, Wanted};
use crate::api::{Change, ObjectKey};

/// The longest wait: what a change may take to reach proxies when an issuer does not answer, which is what istiod's
/// pushes wait by default.
const LONGEST: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: BTreeMap<ObjectKey, Waiting>,
    /// What was wanted for those that were let go since the store told what it wants.
    leaving: Wanted,
}

#[derive(Debug)]
struct Waiting {
    change: Change,
    wanted: Wanted,
    until: Instant,
}

impl Held {
    /// Keeps a change until what it wants is known. It replaces an older one of the same object, whose time counts.
    pub(super) fn keep(&mut self, change: Change, wanted: Wanted, now: Instant) {
        let key = change.key();
        let until = self.waiting.get(&key).map_or(now + LONGEST, |older| older.until);
        self.waiting.insert(key, Waiting { change, wanted, until });
    }

    /// Forgets the change of an object that a newer one makes void.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        self.waiting.remove(key);
    }

    /// Lets those go whose keys are known by now, or that waited long enough.
    pub(super) fn let_go(&mut self, keys: &KeySets, now: Instant) -> Vec<Change> {
        let ready = |one: &Waiting| one.until <= now || keys.know(one.wanted.keys());
        let all = std::mem::take(&mut self.waiting);
        let (gone, waiting): (BTreeMap<_, _>, _) = all.into_iter().partition(|(_, one)| ready(one));
        self.waiting = waiting;
        let mut changes = Vec::with_capacity(gone.len());
        for Waiting { change, wanted, .. } in gone.into_values() {
            add(&mut self.leaving, &wanted);
            changes.push(change);
        }
        changes
    }

    /// The store knows all that was let go.
    pub(super) fn settled(&mut self) {
        self.leaving.clear();
    }

    /// When the first has waited long enough.
    pub(super) fn until(&self) -> Option<Instant> {
        self.waiting.values().map(|one| one.until).min()
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is wanted by the store, and by what it does not know yet.
    pub(super) fn wanted(&self, by_store: &Wanted) -> Wanted {
        let mut all = by_store.clone();
        add(&mut all, &self.leaving);
        self.waiting.values().for_each(|one| add(&mut all, &one.wanted));
        all
    }
}

/// Who gives a source most time decides.
fn add(all: &mut Wanted, more: &Wanted) {
    for (source, limit) in more {
        let longest = all.entry(source.clone()).or_default();
        *longest = (*longest).max(*limit);
    }
}

#[cfg(test)]
mod tests;
