//! Policies that select workloads by labels, and find none: they have no effect, and seldom on purpose.
//!
//! Each remembers one workload that it selects. While that stays, looking again is a look-up; only a policy without one
//! looks through workloads, and through those of namespaces only that changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::clashes::Around;
use crate::api::config::Spec;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::meta::selects;
use crate::api::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use crate::api::target::WorkloadSelector;
use crate::api::{Diagnostic, Kind, Labels, ObjectKey, Str};
use crate::snapshot::{NamespaceState, Objects, SharedMap, WorkloadState, Workloads};

/// The kinds of policies that select workloads.
pub(super) const POLICIES: [Kind; 3] =
    [Kind::PeerAuthentication, Kind::RequestAuthentication, Kind::AuthorizationPolicy];

/// The workloads of the other clusters.
pub(super) type Remotes = Arc<BTreeMap<Str, Arc<Workloads>>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Selected {
    policies: BTreeMap<ObjectKey, OfPolicy>,
    /// What is to be said.
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Debug)]
struct OfPolicy {
    selector: Labels,
    /// The only namespace in which it selects; None for all.
    namespace: Option<Str>,
    found: Option<Found>,
    /// Where nobody was found.
    seen: BTreeMap<Str, Arc<NamespaceState>>,
    seen_remotes: Remotes,
}

/// A workload that is selected.
#[derive(Debug)]
struct Found {
    /// None for the own cluster.
    cluster: Option<Str>,
    namespace: Str,
    name: Str,
}

impl Selected {
    /// Looks at what changed. Whether there is something else to say now.
    pub(super) fn refresh(
        &mut self,
        kinds: &BTreeSet<Kind>,
        objects: &Objects,
        root: &str,
        around: Around<'_>,
    ) -> bool {
        if POLICIES.iter().any(|kind| kinds.contains(kind)) {
            self.list(objects, root);
        }
        for policy in self.policies.values_mut() {
            policy.look(around);
        }
        let without = self.policies.iter().filter(|(_, policy)| policy.found.is_none());
        let told: Vec<Diagnostic> = without.map(|(key, policy)| policy.told(key)).collect();
        let differs = told != self.diagnostics;
        self.diagnostics = told;
        differs
    }

    /// Lists the policies that select. What is known of one whose selector did not change stays.
    fn list(&mut self, objects: &Objects, root: &str) {
        let mut before = std::mem::take(&mut self.policies);
        let peers = selectors::<PeerAuthentication>(objects, |spec| spec.selector.as_ref());
        let tokens = selectors::<RequestAuthentication>(objects, |spec| spec.selector.as_ref());
        let rights = selectors::<AuthorizationPolicy>(objects, |spec| spec.selector.as_ref());
        for (key, selector) in peers.chain(tokens).chain(rights) {
            let namespace = (*key.namespace != *root).then(|| key.namespace.clone());
            let old = before.remove(&key);
            let old = old.filter(|old| old.selector == *selector && old.namespace == namespace);
            let new = || OfPolicy {
                selector: selector.clone(),
                namespace,
                found: None,
                seen: BTreeMap::new(),
                seen_remotes: Arc::default(),
            };
            self.policies.insert(key, old.unwrap_or_else(new));
        }
    }
}

/// The objects of a kind that select by some label.
fn selectors<S: Spec>(
    objects: &Objects,
    of: impl Fn(&S) -> Option<&WorkloadSelector>,
) -> impl Iterator<Item = (ObjectKey, &Labels)> {
    objects.configs::<S>().filter_map(move |config| {
        let selector = &of(&config.spec)?.match_labels;
        (!selector.is_empty()).then(|| (config.key(), selector))
    })
}

impl OfPolicy {
    /// Looks for a workload, unless the one that was found is still there.
    fn look(&mut self, around: Around<'_>) {
        let known = self.found.as_ref().and_then(|found| found.state(around));
        if known.is_some_and(|state| selects(&self.selector, &state.workload.labels)) {
            return;
        }
        self.found = self.find_here(around).or_else(|| self.find_elsewhere(around.remotes));
        if self.found.is_some() {
            self.seen.clear();
            self.seen_remotes = Arc::default();
        }
    }

    fn find_here(&mut self, around: Around<'_>) -> Option<Found> {
        let namespaces: Vec<(&Str, &Arc<NamespaceState>)> = match &self.namespace {
            Some(own) => around.namespaces.get_key_value(own).into_iter().collect(),
            None => around.namespaces.iter().collect(),
        };
        self.seen.retain(|name, _| around.namespaces.contains_key(name));
        for (namespace, state) in namespaces {
            if self.seen.get(namespace).is_some_and(|seen| Arc::ptr_eq(seen, state)) {
                continue;
            }
            if let Some(name) = self.first(&state.workloads) {
                let (namespace, name) = (namespace.clone(), name.clone());
                return Some(Found { cluster: None, namespace, name });
            }
            self.seen.insert(namespace.clone(), state.clone());
        }
        None
    }

    fn find_elsewhere(&mut self, remotes: &Remotes) -> Option<Found> {
        if Arc::ptr_eq(&self.seen_remotes, remotes) {
            return None;
        }
        for (cluster, namespaces) in remotes.iter() {
            let own = |name: &Str| self.namespace.as_ref().is_none_or(|own| own == name);
            for (namespace, workloads) in namespaces.iter().filter(|(name, _)| own(name)) {
                if let Some(name) = self.first(workloads) {
                    let cluster = Some(cluster.clone());
                    let (namespace, name) = (namespace.clone(), name.clone());
                    return Some(Found { cluster, namespace, name });
                }
            }
        }
        self.seen_remotes = remotes.clone();
        None
    }

    fn first<'a>(&self, workloads: &'a SharedMap<Str, WorkloadState>) -> Option<&'a Str> {
        let mut all = workloads.iter();
        let found = all.find(|(_, state)| selects(&self.selector, &state.workload.labels));
        found.map(|(name, _)| name)
    }

    fn told(&self, key: &ObjectKey) -> Diagnostic {
        let labels: Vec<String> = self.selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let labels = labels.join(", ");
        let place = match &self.namespace {
            Some(namespace) => format!("in the namespace {namespace}"),
            None => "in any namespace".to_owned(),
        };
        let message = format!(
            "has no effect: no workload {place} has the labels {labels}; correct the selector, unless \
             such workloads are to come"
        );
        Issue::warning(FieldPath::of("spec").key("selector").key("matchLabels"), message).of(key)
    }
}

impl Found {
    fn state<'a>(&self, around: Around<'a>) -> Option<&'a WorkloadState> {
        let workloads = match &self.cluster {
            None => &around.namespaces.get(&self.namespace)?.workloads,
            Some(cluster) => around.remotes.get(cluster)?.get(&self.namespace)?,
        };
        workloads.get(&self.name)
    }
}

#[cfg(test)]
mod tests;
