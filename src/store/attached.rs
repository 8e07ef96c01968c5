//! Policies that name a Gateway of which there is no proxy.
//!
//! For each name one of the proxies is remembered. Only when it goes, all are looked through for another one; where there
//! is none, only workloads that are new or changed are. Where a namespace has no workload at all nothing is told: its
//! proxies are known by what they tell, or not there yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::clashes::Around;
use crate::api::security::{AuthorizationPolicy, RequestAuthentication};
use crate::api::{Diagnostic, Kind, ObjectKey, Str};
use crate::model::policy::attach::Attachment;
use crate::model::policy::attach::meant::Named;
use crate::snapshot::{NamespaceState, Objects, SharedMap, WorkloadState};

/// The workloads of each namespace.
type Workloads = BTreeMap<Str, SharedMap<Str, WorkloadState>>;

/// A workload by its namespace and name.
type Name = (Str, Str);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Attached {
    places: BTreeMap<(ObjectKey, usize), Place>,
    seen: Workloads,
    /// What can be said of the objects alone.
    of_objects: Vec<Diagnostic>,
    /// What is to be said.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A place of a policy that names a Gateway.
#[derive(Debug)]
struct Place {
    named: Named,
    /// Where its proxies can be.
    namespace: Str,
    /// One of them.
    found: Option<Name>,
    /// It was looked for among all.
    looked: bool,
}

impl Attached {
    /// Looks at what changed. Whether there is something else to say now.
    pub(super) fn refresh(
        &mut self,
        kinds: &BTreeSet<Kind>,
        objects: &Objects,
        around: Around<'_>,
    ) -> bool {
        let ours = [Kind::AuthorizationPolicy, Kind::RequestAuthentication];
        if kinds.iter().any(|kind| ours.contains(kind)) {
            self.find_places(objects);
        }
        if self.places.is_empty() {
            self.seen.clear();
        }
        let changed = if self.places.is_empty() { BTreeSet::new() } else { self.changes(around) };
        for place in self.places.values_mut() {
            place.look(&self.seen, &changed);
        }
        let missing = self.places.iter().filter(|(_, place)| place.found.is_none());
        let missing = missing.filter_map(|((policy, _), place)| {
            let inhabited = self.seen.get(&place.namespace).is_some_and(|list| !list.is_empty());
            inhabited.then(|| place.named.missing(policy))
        });
        let told: Vec<Diagnostic> = missing.chain(self.of_objects.iter().cloned()).collect();
        let differs = told != self.diagnostics;
        self.diagnostics = told;
        differs
    }

    fn find_places(&mut self, objects: &Objects) {
        let mut before = std::mem::take(&mut self.places);
        self.of_objects.clear();
        let mut add = |policy: ObjectKey, attachment: Attachment<'_>| {
            self.of_objects.extend(attachment.of_waypoints(&policy));
            for (index, named) in attachment.gateways().into_iter().enumerate() {
                let namespace = policy.namespace.clone();
                let key = (policy.clone(), index);
                let old = before.remove(&key).filter(|old| old.named == named);
                let new = || Place { named, namespace, found: None, looked: false };
                self.places.insert(key, old.unwrap_or_else(new));
            }
        };
        for config in objects.configs::<AuthorizationPolicy>() {
            let AuthorizationPolicy { selector, target_ref, target_refs, .. } = &config.spec;
            let attachment = Attachment::new(&config.meta, selector, target_ref, target_refs);
            add(config.key(), attachment);
        }
        for config in objects.configs::<RequestAuthentication>() {
            let RequestAuthentication { selector, target_ref, target_refs, .. } = &config.spec;
            let attachment = Attachment::new(&config.meta, selector, target_ref, target_refs);
            add(config.key(), attachment);
        }
    }

    /// The workloads that are other than they were seen, or gone.
    fn changes(&mut self, around: Around<'_>) -> BTreeSet<Name> {
        let none = SharedMap::default();
        let mut changed = BTreeSet::new();
        let gone: Vec<Str> = self
            .seen
            .keys()
            .filter(|name| !around.namespaces.contains_key(*name))
            .cloned()
            .collect();
        for namespace in gone {
            let old = self.seen.remove(&namespace).unwrap_or_default();
            changed.extend(old.keys().map(|name| (namespace.clone(), name.clone())));
        }
        for (namespace, state) in around.namespaces {
            let NamespaceState { workloads, .. } = &**state;
            let old = self.seen.get(namespace).unwrap_or(&none);
            if workloads.is(old) {
                continue;
            }
            let same = |a: &WorkloadState, b: &WorkloadState| Arc::ptr_eq(&a.workload, &b.workload);
            let names = workloads.differences(old, same);
            changed.extend(names.into_iter().map(|name| (namespace.clone(), name.clone())));
            self.seen.insert(namespace.clone(), workloads.clone());
        }
        changed
    }
}

impl Place {
    fn look(&mut self, workloads: &Workloads, changed: &BTreeSet<Name>) {
        if self.found.as_ref().is_some_and(|found| changed.contains(found)) {
            self.found = self.found.take().filter(|found| self.means(workloads, found));
            self.looked = self.found.is_some();
        }
        if self.found.is_some() {
            return;
        }
        self.found = match std::mem::replace(&mut self.looked, true) {
            true => changed.iter().find(|name| self.means(workloads, name)).cloned(),
            false => workloads.get(&self.namespace).and_then(|list| {
                let mut all = list.iter();
                let found = all.find(|(_, state)| self.named.is(&state.workload.labels));
                found.map(|(name, _)| (self.namespace.clone(), name.clone()))
            }),
        };
    }

    fn means(&self, workloads: &Workloads, (namespace, name): &Name) -> bool {
        let state = workloads.get(namespace).and_then(|list| list.get(name));
        self.namespace == *namespace
            && state.is_some_and(|state| self.named.is(&state.workload.labels))
    }
}

#[cfg(test)]
mod tests;
