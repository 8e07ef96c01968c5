//! What would be said if an object were written now: for webhooks, beside the writer and without it.
//!
//! A trial makes the index of the object's kind from a snapshot with the object in it, and asks of that what the writer
//! would ask. What is said of the object counts always, what is said of others only if it is not said already. Endpoints
//! are not derived: what depends on them alone comes out when the object is there.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::attached::Attached;
use super::clashes::{Around, Clashes};
use super::configs::oldest_first;
use super::selected::Selected;
use super::service_entry::{self, Surroundings};
use crate::api::config::{Config, Spec};
use crate::api::networking::{DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService};
use crate::api::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use crate::api::{Diagnostic, Object};
use crate::model::policy::authorization::providers;
use crate::model::policy::identity;
use crate::model::policy::request::RequestPolicies;
use crate::model::references::{self, HostIndex, World};
use crate::model::{Gateways, Peers, Rules, Service, Sidecars, VirtualServices, rivals};
use crate::snapshot::{Objects, Snapshot};

/// Beyond so many objects of Istio's kinds, or services, a trial would take longer than somebody waits.
const MAX_OBJECTS: usize = 20_000;

/// Trials of objects. What the last one had to find out of services serves the next.
#[derive(Debug, Default)]
pub struct Trials {
    hosts: Mutex<Option<Hosts>>,
}

/// The services of a snapshot by their hosts.
#[derive(Clone, Debug)]
struct Hosts {
    services: Arc<[Arc<Service>]>,
    index: Arc<HostIndex>,
}

impl Trials {
    /// What users should know if this object were written now.
    pub fn consider(&self, snapshot: &Snapshot, object: &Object) -> Vec<Diagnostic> {
        let count = snapshot.objects.count(object.kind());
        if snapshot.generation == 0 || count.max(snapshot.services.len()) > MAX_OBJECTS {
            return Vec::new();
        }
        let mut objects = snapshot.objects.clone();
        objects.insert(object.clone());
        let hosts = self.hosts(&snapshot.services);
        let trial = Trial { snapshot, objects, hosts: &hosts };
        let mut told = trial.told_of(object);
        let key = object.key();
        told.retain(|diagnostic| {
            diagnostic.object.as_ref() == Some(&key)
                || snapshot.diagnostics.binary_search(diagnostic).is_err()
        });
        told.sort();
        told.dedup();
        told
    }

    fn hosts(&self, services: &Arc<[Arc<Service>]>) -> Arc<HostIndex> {
        let mut known = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| Arc::ptr_eq(&known.services, services)) {
            return known.index.clone();
        }
        let mut index = HostIndex::default();
        for service in services.iter() {
            index.replace(None, Some(service));
        }
        let index = Arc::new(index);
        *known = Some(Hosts { services: services.clone(), index: index.clone() });
        index
    }
}

/// One object in the mesh.
struct Trial<'a> {
    snapshot: &'a Snapshot,
    /// All objects, with this one.
    objects: Objects,
    hosts: &'a HostIndex,
}

impl Trial<'_> {
    fn told_of(&self, object: &Object) -> Vec<Diagnostic> {
        match object {
            Object::VirtualService(_) => self.virtual_service(),
            Object::DestinationRule(rule) => self.destination_rule(rule),
            Object::Gateway(_) => self.gateway(),
            Object::Sidecar(sidecar) => self.sidecar(sidecar),
            Object::ServiceEntry(entry) => self.service_entry(entry),
            Object::PeerAuthentication(policy) => self.peer_authentication(policy),
            Object::RequestAuthentication(policy) => self.request_authentication(policy),
            Object::AuthorizationPolicy(policy) => self.authorization_policy(policy),
            _ => Vec::new(),
        }
    }

    fn world(&self) -> World<'_> {
        World {
            hosts: self.hosts,
            virtual_services: &self.snapshot.virtual_services,
            rules: &self.snapshot.destination_rules,
            root_namespace: &self.snapshot.mesh.root_namespace,
            domain: &self.snapshot.domain,
        }
    }

    fn around(&self) -> Around<'_> {
        Around {
            namespaces: &self.snapshot.namespaces,
            services: &self.snapshot.services,
            domain: &self.snapshot.domain,
            remotes: &self.snapshot.remotes,
        }
    }

    fn virtual_service(&self) -> Vec<Diagnostic> {
        let Snapshot { mesh, domain, virtual_services, gateways, .. } = self.snapshot;
        let all = oldest_first::<VirtualService>(&self.objects);
        let index = VirtualServices::new(&all, mesh, domain, virtual_services);
        let world = World { virtual_services: &index, ..self.world() };
        let mut told = references::missing(world, [].iter(), &gateways.all, [].iter());
        told.extend(index.diagnostics);
        told
    }

    fn destination_rule(&self, rule: &Arc<Config<DestinationRule>>) -> Vec<Diagnostic> {
        let Snapshot { mesh, domain, features, destination_rules, gateways, .. } = self.snapshot;
        let all = oldest_first::<DestinationRule>(&self.objects);
        let index = Rules::new(&all, mesh, domain, features, destination_rules);
        let world = World { rules: &index, ..self.world() };
        let rules = std::iter::once(rule);
        let mut told = references::missing(world, rules, &gateways.all, [].iter());
        told.extend(self.clashes::<DestinationRule>(&only(rule), &self.snapshot.peers));
        told.extend(index.diagnostics);
        told
    }

    fn gateway(&self) -> Vec<Diagnostic> {
        let index = Gateways::new(&oldest_first::<Gateway>(&self.objects));
        let mut told = references::missing(self.world(), [].iter(), &index.all, [].iter());
        told.extend(index.diagnostics);
        told
    }

    fn sidecar(&self, sidecar: &Arc<Config<Sidecar>>) -> Vec<Diagnostic> {
        let index = Sidecars::new(&oldest_first::<Sidecar>(&self.objects));
        let gateways = &self.snapshot.gateways.all;
        let sidecars = std::iter::once(sidecar);
        let mut told = references::missing(self.world(), [].iter(), gateways, sidecars);
        told.extend(index.diagnostics);
        told
    }

    /// Who else has its hosts.
    fn service_entry(&self, entry: &Arc<Config<ServiceEntry>>) -> Vec<Diagnostic> {
        let state = self.snapshot.namespaces.get(&entry.meta.namespace);
        let around = Surroundings {
            namespace: state.and_then(|state| state.object.as_deref()),
            mesh: &self.snapshot.mesh,
            allocated: &[],
        };
        let mut told = BTreeSet::new();
        for service in service_entry::derive(entry, around) {
            let others = self.hosts.of(&service.key.hostname).iter();
            let others = others.filter(|other| other.origin != service.origin).cloned();
            let mut all: Vec<Arc<Service>> = others.collect();
            all.push(Arc::new(service));
            told.extend(rivals::of_host(&all));
        }
        told.into_iter().collect()
    }

    fn peer_authentication(&self, policy: &Arc<Config<PeerAuthentication>>) -> Vec<Diagnostic> {
        let all = oldest_first::<PeerAuthentication>(&self.objects);
        let root = &self.snapshot.mesh.root_namespace;
        let index = Peers::new(&all, root, &self.snapshot.peers);
        let policies = self.objects.configs::<AuthorizationPolicy>();
        let mut told = identity::check(policies, &index, root);
        told.extend(self.clashes::<PeerAuthentication>(&self.objects, &index));
        told.extend(self.selected(policy));
        told.extend(index.diagnostics);
        told
    }

    fn request_authentication(
        &self,
        policy: &Arc<Config<RequestAuthentication>>,
    ) -> Vec<Diagnostic> {
        let all = oldest_first::<RequestAuthentication>(&self.objects);
        let Snapshot { features, mesh, request_policies, .. } = self.snapshot;
        let (fetcher, root) = (features.jwks_fetcher, &mesh.root_namespace);
        let index = RequestPolicies::new(&all, fetcher, self.hosts, root, request_policies);
        let mut told = self.selected(policy);
        told.extend(self.attached(policy));
        told.extend(index.diagnostics);
        told
    }

    fn authorization_policy(&self, policy: &Arc<Config<AuthorizationPolicy>>) -> Vec<Diagnostic> {
        let Snapshot { mesh, peers, .. } = self.snapshot;
        let this = || std::iter::once(policy);
        let mut told = providers::check(this(), mesh, self.hosts);
        told.extend(identity::check(this(), peers, &mesh.root_namespace));
        told.extend(self.selected(policy));
        told.extend(self.attached(policy));
        told
    }

    fn clashes<S: Spec>(&self, objects: &Objects, peers: &Peers) -> Vec<Diagnostic> {
        let mut clashes = Clashes::default();
        clashes.refresh(&BTreeSet::from([S::KIND]), objects, self.around(), peers, self.hosts);
        clashes.diagnostics
    }

    fn selected<S: Spec>(&self, policy: &Arc<Config<S>>) -> Vec<Diagnostic> {
        let mut selected = Selected::default();
        let root = &self.snapshot.mesh.root_namespace;
        selected.refresh(&BTreeSet::from([S::KIND]), &only(policy), root, self.around());
        selected.diagnostics
    }

    fn attached<S: Spec>(&self, policy: &Arc<Config<S>>) -> Vec<Diagnostic> {
        let mut attached = Attached::default();
        attached.refresh(&BTreeSet::from([S::KIND]), &only(policy), self.around());
        attached.diagnostics
    }
}

/// This object alone.
fn only<S: Spec>(config: &Arc<Config<S>>) -> Objects {
    std::iter::once(S::object(config.clone())).collect()
}

#[cfg(test)]
mod tests;
