//! Lists of what is built service by service, for all services that a client sees: clusters and assignments.
//!
//! A list is remembered with the part that each service has in it. After a change only those services are looked at
//! that it touches: those whose endpoints are others, and those that came or changed. The rest is taken over, so that
//! a list that comes out as it was is the same `Arc`.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::hosts::Hosts;
use super::memo::Same;
use super::resource::Resource;
use super::rules::ServiceRules;
use super::translator::{Built, Context};
use crate::api::Diagnostic;
use crate::model::Service;
use crate::snapshot::{Namespaces, Snapshot, shared_ends};

#[cfg(test)]
mod tests;

/// What lists are made from, beside what concerns all services alike.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Holds the endpoints.
    pub snapshot: &'a Snapshot,
    /// The services, oldest first.
    pub services: &'a Arc<[Arc<Service>]>,
    /// The same services by host name.
    pub hosts: &'a Hosts,
    /// The rules that are followed for them.
    pub rules: &'a Arc<ServiceRules>,
    /// A list of services that this one may have come from.
    pub before: Option<&'a Arc<[Arc<Service>]>>,
}

impl<'a> Inputs<'a> {
    /// Those of a scope.
    pub fn of(context: &Context<'a>) -> Inputs<'a> {
        let Context { snapshot, services, hosts, rules, before, .. } = *context;
        Inputs { snapshot, services, hosts, rules, before }
    }
}

/// The lists that are remembered, by what concerns all services alike.
#[derive(Debug)]
pub struct Lists<S> {
    lists: HashMap<Key<S>, List, rapidhash::fast::RandomState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key<S> {
    services: Same<[Arc<Service>]>,
    rules: Same<ServiceRules>,
    settings: S,
}

/// A list.
#[derive(Clone, Debug)]
struct List {
    /// With the endpoints that it was made from.
    namespaces: Same<Namespaces>,
    /// What each service has in it.
    parts: Vec<Arc<Built>>,
    /// All parts together, sorted by name.
    built: Arc<Built>,
    /// Two resources have one name: which comes first depends on their services.
    ambiguous: bool,
    /// It was asked for since the last sweep.
    used: bool,
}

impl<S> Default for Lists<S> {
    fn default() -> Self {
        Lists { lists: HashMap::default() }
    }
}

impl<S: Clone + Eq + Hash> Lists<S> {
    /// The list of all services. `part` makes what a service has in it.
    pub fn get(
        &mut self,
        inputs: Inputs<'_>,
        settings: S,
        mut part: impl FnMut(&Arc<Service>) -> Built,
    ) -> Arc<Built> {
        let Inputs { snapshot, services, rules, .. } = inputs;
        let key = Key { services: Same(services.clone()), rules: Same(rules.clone()), settings };
        let namespaces = Same(snapshot.namespaces.clone());
        if !self.lists.contains_key(&key) {
            let before = inputs.before.and_then(|before| {
                self.lists.get(&Key { services: Same(before.clone()), ..key.clone() })
            });
            let list = match before {
                Some(list) => list.with_services(before_of(inputs), services, &mut part),
                None => List::new(namespaces.clone(), services, &mut part),
            };
            self.lists.insert(key.clone(), list);
        }
        let Some(list) = self.lists.get_mut(&key) else { return Arc::default() };
        list.used = true;
        if list.namespaces != namespaces {
            list.refresh(inputs, part);
            list.namespaces = namespaces;
        }
        list.built.clone()
    }

    /// Forgets lists that were not asked for since the last sweep.
    pub fn sweep(&mut self) {
        self.lists.retain(|_, list| std::mem::take(&mut list.used));
    }
}

fn before_of<'a>(inputs: Inputs<'a>) -> &'a [Arc<Service>] {
    inputs.before.map_or(&[], |before| before)
}

impl List {
    fn new(
        namespaces: Same<Namespaces>,
        services: &[Arc<Service>],
        mut part: impl FnMut(&Arc<Service>) -> Built,
    ) -> List {
        let parts: Vec<_> = services.iter().map(|service| Arc::new(part(service))).collect();
        let mut list =
            List { namespaces, parts, built: Arc::default(), ambiguous: false, used: true };
        list.assemble();
        list
    }

    /// The list of other services: what stands at the beginning or end of both is the same.
    fn with_services(
        &self,
        before: &[Arc<Service>],
        services: &[Arc<Service>],
        part: impl FnMut(&Arc<Service>) -> Built,
    ) -> List {
        let (head, tail) = shared_ends(before, services);
        let (gone, new) = (before.len() - head - tail, services.len() - head - tail);
        let made = services.iter().skip(head).take(new).map(part).map(Arc::new);
        let mut list = self.clone();
        let made: Vec<Arc<Built>> = made.collect();
        let old: Vec<Arc<Built>> =
            list.parts.splice(head..head + gone, made.iter().cloned()).collect();
        list.replace(&old, &made);
        list
    }

    /// Looks at the services again whose endpoints are others now.
    fn refresh(&mut self, inputs: Inputs<'_>, mut part: impl FnMut(&Arc<Service>) -> Built) {
        let changes = inputs.snapshot.endpoint_changes(&self.namespaces.0);
        let mut changed: HashSet<*const Service> = HashSet::new();
        for key in &changes {
            let of_host = inputs.hosts.of_host(&key.hostname).iter();
            changed.extend(of_host.filter(|service| service.key == *key).map(Arc::as_ptr));
        }
        if changed.is_empty() {
            return;
        }
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (service, place) in inputs.services.iter().zip(&mut self.parts) {
            if changed.contains(&Arc::as_ptr(service)) {
                let made = Arc::new(part(service));
                old.push(std::mem::replace(place, made.clone()));
                new.push(made);
            }
        }
        self.replace(&old, &new);
    }

    /// Takes what is in other parts now out of the whole, and puts it in.
    fn replace(&mut self, old: &[Arc<Built>], new: &[Arc<Built>]) {
        let is_same = old.len() == new.len() && old.iter().zip(new).all(|(a, b)| a.is(b));
        if is_same {
            return;
        }
        if self.ambiguous || old.len() + new.len() > self.parts.len() / 4 {
            return self.assemble();
        }
        let mut resources = self.built.resources.clone();
        let place = |all: &[Arc<Resource>], one: &Resource| {
            all.binary_search_by(|other| other.name.cmp(&one.name))
        };
        let of = |parts: &[Arc<Built>]| -> Vec<Arc<Resource>> {
            parts.iter().flat_map(|part| part.resources.iter().cloned()).collect()
        };
        let new = of(new);
        let kept: HashSet<&str> = new.iter().map(|resource| &*resource.name).collect();
        let mut replaced = HashSet::new();
        for gone in of(old) {
            if kept.contains(&*gone.name) {
                replaced.insert(gone.name.clone());
            } else if let Ok(at) = place(&resources, &gone) {
                resources.remove(at);
            }
        }
        for resource in &new {
            match place(&resources, resource) {
                Ok(at) if replaced.remove(&resource.name) => {
                    if let Some(old) = resources.get_mut(at) {
                        *old = resource.clone();
                    }
                }
                Ok(_) => return self.assemble(),
                Err(at) => resources.insert(at, resource.clone()),
            }
        }
        self.built = Arc::new(Built { resources, diagnostics: self.diagnostics() });
    }

    /// Puts all parts together.
    fn assemble(&mut self) {
        let resources = self.parts.iter().flat_map(|part| &part.resources);
        let mut resources: Vec<_> = resources.cloned().collect();
        resources.sort_by(|a, b| a.name.cmp(&b.name));
        self.ambiguous = !resources.is_sorted_by(|a, b| a.name < b.name);
        self.built = Arc::new(Built { resources, diagnostics: self.diagnostics() });
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        self.parts.iter().flat_map(|part| part.diagnostics.iter().cloned()).collect()
    }
}
