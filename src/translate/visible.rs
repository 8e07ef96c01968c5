//! What a client sees of the mesh, and which of its traits that makes matter.
//!
//! Computed once for a [`Viewpoint`] and a snapshot: the scope of a connection is found again with every snapshot,
//! and must not look at every service each time. A Sidecar that names namespaces costs what is in these. Lists that
//! are as they were keep their `Arc`, as builders look their results up by it, and equal lists are one.
//!
//! Of several services with one host name a client sees one: clusters and routes are named by host.

pub mod imports;
pub mod parts;
#[cfg(test)]
mod tests;
pub mod union;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::imports::{Anywhere, Imports, destinations};
use self::parts::Parts;
use self::union::Union;
use super::endpoint::balancing::Asked;
use super::hosts::Hosts;
use super::memo::{Recent, Same};
use crate::api::config::Config;
use crate::api::networking::Sidecar;
use crate::api::networking::sidecar::EgressListener;
use crate::api::{Diagnostic, Str};
use crate::model::rivals;
use crate::model::service::by_age;
use crate::model::{Registry, Routing, Rules, Service, VirtualServices};
use crate::snapshot::Snapshot;

/// From where the mesh is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Viewpoint {
    /// The namespace of the client's configuration.
    pub namespace: Str,
    /// The Sidecar that applies to the client.
    pub sidecar: Option<Same<Config<Sidecar>>>,
    /// The client is a gateway, which prefers no namespace.
    pub gateway: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Visible {
    inputs: Inputs,
    /// All services that it imports: each host name once.
    pub services: Arc<[Arc<Service>]>,
    /// How it reaches them: the egress listeners of its Sidecar, or one for everything.
    pub egress: Arc<[Egress]>,
    /// The labels of a client by which something that it sees may tell it from others.
    pub label_keys: Arc<BTreeSet<Str>>,
    /// What of a client's place decides about the endpoints of the services.
    pub asked: Arc<Asked>,
    /// One of the services is served on the client's own node only.
    pub node_local: bool,
    /// What is to be said of services that have a host name in common.
    pub diagnostics: Arc<[Diagnostic]>,
}

/// What is reached through one egress listener of a Sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Egress {
    /// Its place in the Sidecar; None for everything that no Sidecar narrows.
    pub listener: Option<usize>,
    /// The services: those that few namespaces see before others, the oldest first. Those of a listener with a
    /// port have this port only.
    pub services: Same<[Arc<Service>]>,
    /// The VirtualServices that sidecars follow, in the order in which they count.
    pub routing: Same<[Arc<Routing>]>,
}

/// All that a `Visible` was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inputs {
    viewpoint: Viewpoint,
    services: Same<[Arc<Service>]>,
    virtual_services: Same<VirtualServices>,
    rules: Same<Rules>,
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Memos {
    hosts: Recent<Same<[Arc<Service>]>, Hosts>,
    parts: Parts,
    services: Recent<Vec<Same<Service>>, Arc<[Arc<Service>]>>,
    routing: Recent<Vec<Same<Routing>>, Arc<[Arc<Routing>]>>,
    egress: Recent<Vec<Egress>, Arc<[Egress]>>,
}

impl Memos {
    /// The services of a list by host name.
    pub fn hosts(&mut self, services: &Arc<[Arc<Service>]>) -> Arc<Hosts> {
        self.hosts.get(Same(services.clone()), |Same(services)| Hosts::new(services))
    }

    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        self.egress.sweep();
        self.routing.sweep();
        self.services.sweep();
        self.parts.sweep();
        self.hosts.sweep();
    }
}

impl Egress {
    /// The listener in the Sidecar; None for one that a Sidecar does not describe.
    pub fn of<'a>(&self, sidecar: Option<&'a Same<Config<Sidecar>>>) -> Option<&'a EgressListener> {
        sidecar?.0.spec.egress.get(self.listener?)
    }
}

impl Visible {
    /// The Sidecar that applies.
    pub fn sidecar(&self) -> Option<&Same<Config<Sidecar>>> {
        self.inputs.viewpoint.sidecar.as_ref()
    }

    /// From a viewpoint. `before` is what was seen from there last.
    pub fn of(
        snapshot: &Snapshot,
        viewpoint: &Viewpoint,
        before: Option<&Visible>,
        memos: &mut Memos,
    ) -> Visible {
        let inputs = Inputs {
            viewpoint: viewpoint.clone(),
            services: Same(snapshot.services.clone()),
            virtual_services: Same(snapshot.virtual_services.clone()),
            rules: Same(snapshot.destination_rules.clone()),
        };
        if let Some(same) = before.filter(|before| before.inputs == inputs) {
            return same.clone();
        }
        let Seen { services, egress, diagnostics } =
            View::new(snapshot, viewpoint, before, memos).build();
        let mut asked = Asked::default();
        let rules = &snapshot.destination_rules;
        let no_rules = rules.is_empty();
        for service in services.iter() {
            let of_service = match no_rules {
                true => Vec::new(),
                false => rules.candidates(&viewpoint.namespace, &service.key),
            };
            asked.add(service, of_service.into_iter().map(|rule| &**rule), &snapshot.mesh);
        }
        let keys =
            [snapshot.virtual_services.label_keys(), snapshot.destination_rules.label_keys()];
        Visible {
            inputs,
            asked: kept(before.map(|before| &before.asked), asked),
            node_local: services.iter().any(|s| s.node_local),
            label_keys: kept(
                before.map(|before| &before.label_keys),
                keys.into_iter().flatten().cloned().collect(),
            ),
            egress,
            services,
            diagnostics,
        }
    }
}

/// What was found. The fields are those of a `Visible`.
struct Seen {
    services: Arc<[Arc<Service>]>,
    egress: Arc<[Egress]>,
    diagnostics: Arc<[Diagnostic]>,
}

/// The making of a `Visible`.
struct View<'a> {
    snapshot: &'a Snapshot,
    viewpoint: &'a Viewpoint,
    before: Option<&'a Visible>,
    hosts: Arc<Hosts>,
    memos: &'a mut Memos,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> View<'a> {
    fn new(
        snapshot: &'a Snapshot,
        viewpoint: &'a Viewpoint,
        before: Option<&'a Visible>,
        memos: &'a mut Memos,
    ) -> View<'a> {
        let hosts = memos.hosts(&snapshot.services);
        View { snapshot, viewpoint, before, hosts, memos, diagnostics: Vec::new() }
    }

    fn build(mut self) -> Seen {
        let namespace = &self.viewpoint.namespace;
        let described = self.viewpoint.sidecar.as_ref().map(|Same(s)| s.spec.egress.as_slice());
        let described = described.unwrap_or_default();
        let routing = self.snapshot.virtual_services.visible(namespace);
        if described.is_empty() && self.hosts.plain {
            let services = self.snapshot.services.clone();
            let egress = vec![self.listener(None, Same(services.clone()), routing)];
            let egress = self.listeners(egress);
            return Seen { services, egress, diagnostics: Arc::from([]) };
        }
        let mut union = Union::default();
        let mut egress = Vec::new();
        let all: Vec<(Option<usize>, Imports<'_>)> = match described {
            [] => vec![(None, Imports::everything())],
            some => {
                let some = some.iter().enumerate();
                some.map(|(i, listener)| (Some(i), Imports::of(listener, namespace))).collect()
            }
        };
        for (listener, imports) in &all {
            let services = self.imported(imports);
            services.iter().for_each(|service| union.add(service, &mut self.memos.parts));
            let routing = match listener {
                Some(_) => routing.iter().filter(|r| imports.routing(r)).cloned().collect(),
                None => routing.clone(),
            };
            if !self.viewpoint.gateway {
                self.add_destinations(imports, &routing, &mut union);
            }
            let services = self.services(services, listener.unwrap_or_default());
            egress.push(self.listener(*listener, Same(services), routing));
        }
        let Union { services, diagnostics, .. } = union;
        self.diagnostics.extend(diagnostics);
        let services = match (egress.as_mut_slice(), self.viewpoint.gateway) {
            ([only], true) => {
                // Gateways have no listeners of their own kind for services: one list does.
                let services = self.services(services, 0);
                only.services = Same(services.clone());
                services
            }
            ([only], false) if is_list_of(&only.services.0, &services) => only.services.0.clone(),
            _ => self.union(services),
        };
        self.diagnostics.sort();
        self.diagnostics.dedup();
        let diagnostics = std::mem::take(&mut self.diagnostics).into();
        Seen { services, egress: self.listeners(egress), diagnostics }
    }

    /// The services that a listener imports, in order, each as far as it does.
    fn imported(&mut self, imports: &Imports<'_>) -> Vec<Arc<Service>> {
        let namespace = &*self.viewpoint.namespace;
        let snapshot = self.snapshot;
        let named = imports.namespaces().filter_map(|name| snapshot.namespaces.get(name));
        let named = named.flat_map(|state| state.services.iter());
        let found: Vec<&Arc<Service>> = match imports.anywhere() {
            Anywhere::Nothing => named.collect(),
            Anywhere::Hosts(hosts) => {
                named.chain(hosts.iter().flat_map(|host| self.hosts.of_host(host))).collect()
            }
            Anywhere::Anything => snapshot.services.iter().collect(),
        };
        let found = found.into_iter().filter(|s| s.visibility.includes(namespace));
        let mut found: Vec<_> = found.filter_map(|s| Some((s, imports.service(s)?))).collect();
        found.sort_by(|(a, _), (b, _)| {
            let public = |s: &Service| s.visibility.is_public();
            public(a).cmp(&public(b)).then_with(|| by_age(a, b))
        });
        found.dedup_by(|(a, _), (b, _)| Arc::ptr_eq(a, b));
        if !self.viewpoint.gateway {
            let winners = winners(found.iter().map(|(service, _)| *service), namespace);
            found.retain(|(service, _)| match winners.get(&service.key.hostname) {
                Some(winner) if winner.key.namespace != service.key.namespace => {
                    self.diagnostics.extend(rivals::between(winner, service));
                    false
                }
                _ => true,
            });
        }
        let parts = &mut self.memos.parts;
        found.into_iter().map(|(service, selection)| parts.of(service, selection)).collect()
    }

    /// Adds the services that VirtualServices lead to, which nobody has to import.
    fn add_destinations(
        &mut self,
        imports: &Imports<'_>,
        routing: &[Arc<Routing>],
        union: &mut Union,
    ) {
        let namespace = &*self.viewpoint.namespace;
        let best = self.snapshot.features.best_service_namespace;
        for routing in routing {
            for (host, ports) in destinations(routing, Some(namespace)) {
                let meant = self.hosts.meant(host, namespace, best);
                if let Some(service) = meant
                    && let Some(selection) = imports.destination(service, ports.as_ref())
                {
                    let part = self.memos.parts.of(service, selection);
                    union.add(&part, &mut self.memos.parts);
                }
            }
        }
    }

    fn services(&mut self, new: Vec<Arc<Service>>, listener: usize) -> Arc<[Arc<Service>]> {
        let before = self.before.and_then(|b| b.egress.get(listener));
        let before = before.map(|egress| &egress.services.0);
        self.list(new, before)
    }

    fn union(&mut self, new: Vec<Arc<Service>>) -> Arc<[Arc<Service>]> {
        let before = self.before.map(|b| &b.services);
        self.list(new, before)
    }

    fn list(
        &mut self,
        new: Vec<Arc<Service>>,
        before: Option<&Arc<[Arc<Service>]>>,
    ) -> Arc<[Arc<Service>]> {
        if is_list_of(&self.snapshot.services, &new) {
            return self.snapshot.services.clone();
        }
        let key = new.iter().cloned().map(Same).collect();
        let kept = before.filter(|before| is_list_of(before, &new)).cloned();
        let list = self.memos.services.get(key, |_| kept.unwrap_or_else(|| new.into()));
        Arc::clone(&list)
    }

    fn listener(
        &mut self,
        listener: Option<usize>,
        services: Same<[Arc<Service>]>,
        routing: Arc<[Arc<Routing>]>,
    ) -> Egress {
        let before = self.before.and_then(|b| b.egress.get(listener.unwrap_or_default()));
        let kept = before.map(|b| b.routing.0.clone()).filter(|old| is_list_of(old, &routing));
        let key = routing.iter().cloned().map(Same).collect();
        let routing = self.memos.routing.get(key, |_| kept.unwrap_or(routing));
        Egress { listener, services, routing: Same(Arc::clone(&routing)) }
    }

    fn listeners(&mut self, new: Vec<Egress>) -> Arc<[Egress]> {
        let kept = self.before.map(|b| b.egress.clone()).filter(|old| **old == *new);
        let list = self.memos.egress.get(new, |new| kept.unwrap_or_else(|| new.as_slice().into()));
        Arc::clone(&list)
    }
}

/// Which service clients in `namespace` take for each host name: that of their own namespace, else one of
/// Kubernetes, else the first.
fn winners<'a>(
    services: impl Iterator<Item = &'a Arc<Service>>,
    namespace: &str,
) -> BTreeMap<&'a Str, &'a Arc<Service>> {
    let rank = |s: &Service| (*s.key.namespace == *namespace, s.registry == Registry::Kubernetes);
    let mut winners: BTreeMap<&Str, &Arc<Service>> = BTreeMap::new();
    for service in services {
        let winner = winners.entry(&service.key.hostname).or_insert(service);
        if rank(service) > rank(winner) {
            *winner = service;
        }
    }
    winners
}

/// The value before, if it is the same.
fn kept<T: PartialEq>(before: Option<&Arc<T>>, new: T) -> Arc<T> {
    before.filter(|before| ***before == new).cloned().unwrap_or_else(|| Arc::new(new))
}

/// Whether a list has exactly these elements.
fn is_list_of<T>(list: &[Arc<T>], elements: &[Arc<T>]) -> bool {
    list.len() == elements.len() && list.iter().zip(elements).all(|(a, b)| Arc::ptr_eq(a, b))
}
