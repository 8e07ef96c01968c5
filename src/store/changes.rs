//! What an object's change makes necessary: keeps the indexes, and marks what has to be derived again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lookup::core_service;
use super::networks::is_labelled;
use super::{ClusterRef, Id, Store, service};
use crate::api::core::{self, ServiceType};
use crate::api::{Kind, Labels, Object, Str};

/// A slice with this label describes a service of several clusters, which another controller reads.
const MULTICLUSTER_SERVICE: &str = "multicluster.kubernetes.io/service-name";

impl Store {
    /// An object of a cluster came, changed or went.
    pub(super) fn note(
        &mut self,
        cluster: &ClusterRef,
        old: Option<&Object>,
        new: Option<&Object>,
    ) {
        let Some(object) = new.or(old) else { return };
        let id = cluster.id_of(object);
        match object {
            Object::Namespace(_) => {
                self.note_namespace(&id, new);
                self.note_platform(cluster, old, new);
            }
            Object::Node(_) => {
                self.note_platform(cluster, old, new);
                self.dirty.pods.extend(self.runs_on.lefts(&id).iter().cloned());
                self.dirty.networks |= !self.gateways.is_empty();
            }
            Object::Pod(_) => {
                self.dirty.pods.insert(id);
            }
            Object::Service(_) => {
                self.note_service(&id, core_service(old), core_service(new));
                self.changed = true;
            }
            Object::Endpoints(_) | Object::EndpointSlice(_) => {
                let (old, new) = (service_of(old), service_of(new));
                self.note_slice(object.kind(), &id, old, new);
            }
            Object::Secret(_) | Object::ConfigMap(_) => {
                self.note_credential(&id, object.kind(), new)
            }
            Object::ServiceAccount(_)
            | Object::WorkloadGroup(_)
            | Object::EnvoyFilter(_)
            | Object::ProxyConfig(_)
            | Object::Telemetry(_)
            | Object::WasmPlugin(_)
            | Object::TrafficExtension(_) => self.changed = true,
            Object::ServiceEntry(_) => {
                self.note_service_entry(&id, old, new);
                self.changed = true;
            }
            Object::WorkloadEntry(_) => {
                self.note_workload_entry(&id);
                self.changed = true;
            }
            Object::VirtualService(_)
            | Object::DestinationRule(_)
            | Object::Gateway(_)
            | Object::Sidecar(_)
            | Object::PeerAuthentication(_)
            | Object::RequestAuthentication(_)
            | Object::AuthorizationPolicy(_) => {
                self.dirty.kinds.insert(object.kind());
                self.changed = true;
            }
        }
    }

    fn note_namespace(&mut self, id: &Id, new: Option<&Object>) {
        let ids = |kind| -> Vec<Id> {
            let objects = self.in_namespace(kind, &id.cluster, &id.name);
            objects.map(|object| id.cluster.id_of(object)).collect()
        };
        let (entries, services) = (ids(Kind::ServiceEntry), ids(Kind::Service));
        self.entries.dirty.services.extend(entries);
        self.dirty.services.extend(services);
        if id.cluster.is_own() {
            let object = match new {
                Some(Object::Namespace(namespace)) => Some(namespace.clone()),
                _ => None,
            };
            self.edit(&id.name, |state| state.object = object);
        }
        if id.name == self.config.system_namespace {
            self.find_membership(&id.cluster);
        }
    }

    fn note_service(
        &mut self,
        id: &Id,
        old: Option<&Arc<core::Service>>,
        new: Option<&Arc<core::Service>>,
    ) {
        self.dirty.services.insert(id.clone());
        self.note_gateway(id, new.is_some_and(|service| is_labelled(service)));
        let empty = Labels::new();
        let selector = |service: Option<&Arc<core::Service>>| match service {
            Some(service) if service.kind != ServiceType::ExternalName => service.selector.clone(),
            _ => empty.clone(),
        };
        let (old_selector, new_selector) = (selector(old), selector(new));
        if old_selector != new_selector {
            let selectors = &mut self.cluster_mut(&id.cluster).selectors;
            selectors.remove(id, &old_selector);
            selectors.insert(id, &new_selector);
            self.dirty.selectors.insert(id.clone());
        }
        let (old_alias, new_alias) =
            (old.and_then(|s| service::alias_of(s)), new.and_then(|s| service::alias_of(s)));
        if let Some(host) = &old_alias {
            self.mark_aliased(host);
        }
        if old_alias != new_alias {
            if let Some(host) = old_alias
                && let Some(aliases) = self.aliases.get_mut(&host)
            {
                aliases.remove(id);
                if aliases.is_empty() {
                    self.aliases.remove(&host);
                }
            }
            if let Some(host) = new_alias {
                self.mark_aliased(&host);
                self.aliases.entry(host).or_default().insert(id.clone());
            }
        }
    }

    /// Marks the services that a host name leads to through any number of aliases, in whatever clusters these are:
    /// they list them all.
    fn mark_aliased(&mut self, host: &Str) {
        let clusters: Vec<ClusterRef> = self.clusters().map(|(c, _)| c.clone()).collect();
        let mut hosts = vec![host.clone()];
        let mut passed = BTreeSet::new();
        while let Some(host) = hosts.pop() {
            let Some(id) = service::of_hostname(&host, &self.config.domain) else { continue };
            if !passed.insert(id.clone()) {
                continue;
            }
            for id in clusters.iter().map(|cluster| id.at(cluster)) {
                hosts.extend(self.service_object(&id).and_then(|s| service::alias_of(s)));
                self.dirty.services.insert(id);
            }
        }
    }

    fn note_slice(&mut self, kind: Kind, id: &Id, old: Option<Str>, new: Option<Str>) {
        let entry = (kind, id.name.clone());
        if old != new
            && let Some(service) = &old
        {
            let service = id.sibling(service);
            if let Some(slices) = self.slices.get_mut(&service) {
                slices.remove(&entry);
                if slices.is_empty() {
                    self.slices.remove(&service);
                }
            }
            self.dirty.endpoints.insert(service);
        }
        if let Some(service) = &new {
            let service = id.sibling(service);
            self.slices.entry(service.clone()).or_default().insert(entry);
            self.dirty.endpoints.insert(service);
        }
    }
}

/// The service that a slice belongs to.
fn service_of(object: Option<&Object>) -> Option<Str> {
    match object? {
        Object::EndpointSlice(slice) | Object::Endpoints(slice)
            if !slice.service.is_empty() && slice.meta.label(MULTICLUSTER_SERVICE).is_none() =>
        {
            Some(slice.service.clone())
        }
        _ => None,
    }
}
