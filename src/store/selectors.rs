//! Which services select a pod.
//!
//! Every selector is filed under one of its labels, so that a pod is compared with the few services that
//! are filed under labels that it has, not with all of its namespace.

use std::collections::{BTreeSet, HashMap};

use super::Id;
use crate::api::{Labels, Str, meta};

/// The selectors of services. Empty ones select nothing and are not filed.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    /// By namespace, and the label under which the selector is filed.
    filed: HashMap<(Str, Str, Str), BTreeSet<Str>>,
}

impl Selectors {
    /// Files the selector of a service.
    pub(super) fn insert(&mut self, service: &Id, selector: &Labels) {
        if let Some(label) = label(service, selector) {
            self.filed.entry(label).or_default().insert(service.name.clone());
        }
    }

    /// Takes out what `insert` filed.
    pub(super) fn remove(&mut self, service: &Id, selector: &Labels) {
        if let Some(label) = label(service, selector) {
            self.take(service, label);
        }
    }

    /// The names of services in the namespace that may select a pod with these labels: a superset, without
    /// duplicates, of those that do.
    pub(super) fn candidates<'a>(
        &'a self,
        namespace: &'a Str,
        labels: &'a Labels,
    ) -> impl Iterator<Item = &'a Str> {
        labels
            .iter()
            .filter_map(|(key, value)| {
                self.filed.get(&(namespace.clone(), key.clone(), value.clone()))
            })
            .flatten()
    }
}

/// Selectors of which an empty one selects everything: those of ServiceEntries.
impl Selectors {
    /// Files a selector.
    pub(super) fn insert_any(&mut self, id: &Id, selector: &Labels) {
        match selector.is_empty() {
            true => {
                self.filed.entry(anything(&id.namespace)).or_default().insert(id.name.clone());
            }
            false => self.insert(id, selector),
        }
    }

    /// Takes out what `insert_any` filed.
    pub(super) fn remove_any(&mut self, id: &Id, selector: &Labels) {
        match selector.is_empty() {
            true => self.take(id, anything(&id.namespace)),
            false => self.remove(id, selector),
        }
    }

    /// As `candidates`, with those of empty selectors.
    pub(super) fn candidates_any<'a>(
        &'a self,
        namespace: &'a Str,
        labels: &'a Labels,
    ) -> impl Iterator<Item = &'a Str> {
        let all = self.filed.get(&anything(namespace));
        self.candidates(namespace, labels).chain(all.into_iter().flatten())
    }

    /// Nothing is filed.
    pub(super) fn is_empty(&self) -> bool {
        self.filed.is_empty()
    }

    fn take(&mut self, id: &Id, label: (Str, Str, Str)) {
        if let Some(names) = self.filed.get_mut(&label) {
            names.remove(&id.name);
            if names.is_empty() {
                self.filed.remove(&label);
            }
        }
    }
}

/// Stands for the label of what has none.
fn anything(namespace: &Str) -> (Str, Str, Str) {
    (namespace.clone(), Str::default(), Str::default())
}

/// The label that stands for a selector. Any would do; the longest value tells most.
fn label(service: &Id, selector: &Labels) -> Option<(Str, Str, Str)> {
    let (key, value) = selector.iter().max_by_key(|(_, value)| value.len())?;
    Some((service.namespace.clone(), key.clone(), value.clone()))
}

/// Whether a selector selects these labels.
pub(super) fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && meta::selects(selector, labels)
}

#[cfg(test)]
mod tests;
