//! What an API server told, what of it concerns the mesh, and what changed. Without IO.
//!
//! Invariants: what is shown is a function of the objects, the selectors and the revision, whatever the order in
//! which they came; a change is emitted only where that differs from before. An object that worked stays, when its
//! next version does not, until it does again or is gone. A list replaces what was known of its collection when it
//! is complete, never before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::filter::Filter;
use super::follow::Event;
use super::received::Received;
use super::watched::Watched;
use crate::api::{Change, Diagnostic, Kind, LabelSelector, Labels, Object, ObjectKey, Str};
use crate::sources::intern::Interner;
use crate::sources::project::{Projected, Rejection, project};

/// How many diagnostics one object gets.
const MAX_DIAGNOSTICS: usize = 20;

/// How far a collection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was not read completely yet.
    Syncing,
    /// It is complete and followed.
    Following,
    /// It was complete; the server cannot be asked, and why.
    Stale(String),
    /// The server does not have such a resource.
    Absent,
}

/// The state of what is followed.
pub(super) struct State {
    watches: Vec<Collection>,
    known: BTreeMap<ObjectKey, Known>,
    filter: Filter,
    strings: Interner,
    /// Diagnostics may have changed since they were last asked for.
    retold: bool,
    changes: Vec<Change>,
}

/// One collection.
struct Collection {
    watched: Watched,
    phase: Phase,
    /// While a list is read: the objects that it named.
    listed: Option<BTreeSet<ObjectKey>>,
    /// Why it is not complete, where something failed.
    failure: Option<String>,
}

/// An object of the server.
struct Known {
    /// The collection that it was told in.
    at: usize,
    version: Box<str>,
    /// The last version of it that could be used.
    object: Option<Object>,
    /// Whether that was emitted.
    shown: bool,
    diagnostics: Vec<Diagnostic>,
}

impl State {
    pub fn new(watches: Vec<Watched>, filter: Filter) -> State {
        let watches = watches.into_iter().map(|watched| Collection {
            watched,
            phase: Phase::Syncing,
            listed: None,
            failure: None,
        });
        State {
            watches: watches.collect(),
            known: BTreeMap::new(),
            filter,
            strings: Interner::default(),
            retold: false,
            changes: Vec::new(),
        }
    }

    /// Takes what was told of the collection `at`.
    pub fn take(&mut self, at: usize, event: Event) {
        let Some(collection) = self.watches.get_mut(at) else { return };
        match event {
            Event::Listing => collection.listed = Some(BTreeSet::new()),
            Event::Is(received) => self.put(at, received),
            Event::Gone(received) => {
                let key =
                    ObjectKey::new(collection.watched.kind, received.namespace(), received.name());
                self.forget(&key);
            }
            Event::Listed => {
                collection.failure = None;
                collection.phase = Phase::Following;
                let listed = collection.listed.take().unwrap_or_default();
                self.keep(at, &listed);
            }
            Event::Followed => {
                collection.failure = None;
                collection.phase = Phase::Following;
            }
            Event::Lost(why) => {
                collection.listed = None;
                match collection.phase {
                    Phase::Syncing | Phase::Absent => collection.failure = Some(why),
                    Phase::Following | Phase::Stale(_) => collection.phase = Phase::Stale(why),
                }
            }
            Event::Absent => {
                collection.listed = None;
                collection.phase = Phase::Absent;
            }
        }
    }

    /// What belongs to the mesh is decided by these selectors now.
    pub fn select(&mut self, selectors: &[LabelSelector]) {
        if self.filter.set_selectors(selectors) {
            let keys: Vec<ObjectKey> = self.known.keys().cloned().collect();
            keys.iter().for_each(|key| self.settle(key, false));
        }
    }

    /// Forgets the objects of a collection that the server does not have, if it has no such resource at all:
    /// `is_undefined` tells.
    pub fn clear_undefined(&mut self, at: usize, is_undefined: impl FnOnce(&Watched) -> bool) {
        let collection = self.watches.get(at).filter(|c| c.phase == Phase::Absent);
        // A list that is read decides itself what is there.
        if collection.is_some_and(|c| c.listed.is_none() && is_undefined(&c.watched)) {
            self.keep(at, &BTreeSet::new());
        }
    }

    /// What changed since the last call, in the order in which it did.
    pub fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// What is to be said of the objects, if that may have changed since the last call.
    pub fn diagnostics(&mut self) -> Option<Vec<Diagnostic>> {
        let retold = std::mem::take(&mut self.retold);
        let all = || self.known.values().flat_map(|known| &known.diagnostics).cloned().collect();
        retold.then(all)
    }

    /// Each collection, how far it is, and what went wrong before it was complete.
    pub fn phases(&self) -> impl Iterator<Item = (&Watched, &Phase, Option<&str>)> {
        self.watches.iter().map(|c| (&c.watched, &c.phase, c.failure.as_deref()))
    }

    /// The objects of a collection that a list, which gives the version of each, knows otherwise.
    pub fn differing(&self, at: usize, list: &BTreeMap<ObjectKey, String>) -> BTreeSet<ObjectKey> {
        let known = self.told_in(at);
        let unknown =
            known.filter(|(key, known)| list.get(key).is_none_or(|v| **v != *known.version));
        let missing = list.keys().filter(|key| !self.known.contains_key(key));
        unknown.map(|(key, _)| key).chain(missing).cloned().collect()
    }

    /// An object is this.
    fn put(&mut self, at: usize, received: Received) {
        let Some(kind) = self.watches.get(at).map(|collection| collection.watched.kind) else {
            return;
        };
        let key = self.key(kind, &received);
        if let Some(listed) = self.watches.get_mut(at).and_then(|c| c.listed.as_mut()) {
            listed.insert(key.clone());
        }
        let version: Box<str> = received.version().into();
        if self.known.get(&key).is_some_and(|known| known.version == version) {
            return;
        }
        let (object, diagnostics) = self.projected(&key, received);
        let known = self.known.entry(key.clone()).or_insert_with(|| Known {
            at,
            version: Box::default(),
            object: None,
            shown: false,
            diagnostics: Vec::new(),
        });
        known.version = version;
        if known.diagnostics != diagnostics {
            known.diagnostics = diagnostics;
            self.retold = true;
        }
        let Some(object) = object else { return };
        if known.object.as_ref() == Some(&object) {
            return;
        }
        let labels = match &object {
            Object::Namespace(namespace) => Some(namespace.meta.labels.clone()),
            _ => None,
        };
        known.object = Some(object);
        self.settle(&key, true);
        if labels.is_some() {
            self.relabel(&key.name, labels.as_ref());
        }
    }

    /// Reads an object. What is wrong with it is said with the remark that its last good version stays.
    fn projected(
        &mut self,
        key: &ObjectKey,
        received: Received,
    ) -> (Option<Object>, Vec<Diagnostic>) {
        let Received(mut value) = received;
        if let Value::Object(fields) = &mut value {
            // Lists leave them out.
            fields.insert("apiVersion".to_owned(), key.kind.api_version().into());
            fields.insert("kind".to_owned(), key.kind.name().into());
        }
        let had = self.known.get(key).is_some_and(|known| known.object.is_some());
        match project(value, &mut self.strings) {
            Ok(Projected { object, issues }) => {
                // Of Kubernetes' own kinds the server knows more fields than this build: nobody can mend that.
                let issues = issues.into_iter().filter(|_| key.kind.is_istio());
                let told = issues.take(MAX_DIAGNOSTICS).map(|issue| issue.of(key));
                (Some(object), told.collect())
            }
            Err(Rejection::Invalid { mut issue, .. }) => {
                if had {
                    issue.message.push_str("; what it said before stays in use");
                }
                (None, vec![issue.of(key)])
            }
            // The kind is one that is read: it was given above.
            Err(Rejection::Unread { .. }) => (None, Vec::new()),
        }
    }

    /// Objects of a collection that are not among these are gone.
    fn keep(&mut self, at: usize, keys: &BTreeSet<ObjectKey>) {
        let gone = self.told_in(at).map(|(key, _)| key).filter(|key| !keys.contains(key));
        let gone: Vec<ObjectKey> = gone.cloned().collect();
        gone.iter().for_each(|key| self.forget(key));
    }

    /// The objects that a collection has.
    fn told_in(&self, at: usize) -> impl Iterator<Item = (&ObjectKey, &Known)> {
        let kind = self.watches.get(at).map(|collection| collection.watched.kind);
        let of_kind = kind.into_iter().flat_map(move |kind| {
            let from = self.known.range(ObjectKey::new(kind, "", "")..);
            from.take_while(move |(key, _)| key.kind == kind)
        });
        of_kind.filter(move |(_, known)| known.at == at)
    }

    fn forget(&mut self, key: &ObjectKey) {
        let Some(known) = self.known.remove(key) else { return };
        self.retold |= !known.diagnostics.is_empty();
        if known.shown {
            self.changes.push(Change::Remove(key.clone()));
        }
        if key.kind == Kind::Namespace {
            self.relabel(&key.name, None);
        }
    }

    /// A namespace has these labels now, or is gone: what is in it may belong to the mesh, or not any more.
    fn relabel(&mut self, name: &Str, labels: Option<&Labels>) {
        if !self.filter.set_namespace(name, labels) {
            return;
        }
        let inside = self.known.keys().filter(|key| key.namespace == *name);
        let inside: Vec<ObjectKey> = inside.cloned().collect();
        inside.iter().for_each(|key| self.settle(key, false));
    }

    /// Emits what differs between what an object is to the mesh and what was emitted of it; `changed` if the
    /// object itself differs.
    fn settle(&mut self, key: &ObjectKey, changed: bool) {
        let Some(known) = self.known.get_mut(key) else { return };
        let Some(object) = &known.object else { return };
        let filtered = self.watches.get(known.at).is_some_and(|c| c.watched.filtered);
        let shows =
            self.filter.is_ours(object) && (!filtered || self.filter.includes(&key.namespace));
        if shows && (changed || !known.shown) {
            self.changes.push(Change::Apply(object.clone()));
        } else if known.shown && !shows {
            self.changes.push(Change::Remove(key.clone()));
        }
        known.shown = shows;
    }

    fn key(&mut self, kind: Kind, received: &Received) -> ObjectKey {
        let namespace = self.strings.intern(received.namespace());
        ObjectKey { kind, namespace, name: self.strings.intern(received.name()) }
    }
}

#[cfg(test)]
mod tests;
