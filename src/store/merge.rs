//! What several clusters have of one service, put together.
//!
//! The first cluster that has a service decides how it is, the own one before others; each adds its virtual addresses
//! and identities. The endpoints of all are listed cluster by cluster in the order of their ids, after those that
//! ServiceEntries add. What one cluster has alone is shown as it is, by pointer.
//! <https://istio.io/latest/docs/ops/deployment/deployment-models/#multiple-clusters>

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::derive::ServiceChange;
use super::{ClusterRef, Id, Store, endpoints, service};
use crate::api::Str;
use crate::model::{Resolution, Service, ServiceEndpoints, ServiceKey};

/// What is known of services that several clusters have, by their ids in the own cluster.
#[derive(Debug, Default)]
pub(super) struct Merged {
    services: HashMap<Id, Arc<Service>>,
    /// The endpoints in each of the clusters.
    endpoints: HashMap<Id, Parts>,
}

#[cfg(test)]
impl Merged {
    pub(super) fn is_empty(&self) -> bool {
        self.services.is_empty() && self.endpoints.is_empty()
    }
}

type Parts = BTreeMap<ClusterRef, Arc<ServiceEndpoints>>;

impl Store {
    /// The service of a name in each cluster that has it, the first one deciding.
    pub(super) fn everywhere(&self, host: &Id) -> impl Iterator<Item = (&Id, &Arc<Service>)> {
        self.services.range(host..).take_while(|(id, _)| id.is_named_as(host))
    }

    /// The service of a name as it is shown.
    fn shown_service(&self, host: &Id) -> Option<&Arc<Service>> {
        let merged = self.merged.services.get(host);
        merged.or_else(|| self.everywhere(host).next().map(|(_, service)| service))
    }

    /// All services of Kubernetes as they are shown.
    pub(super) fn shown_services(&self) -> impl Iterator<Item = &Arc<Service>> {
        let mut last: Option<&Id> = None;
        self.services.iter().filter_map(move |(id, service)| {
            let is_first = last.is_none_or(|last| !last.is_named_as(id));
            last = Some(id);
            let merged = || self.merged.services.get(&id.at(&ClusterRef::OWN));
            let several = !self.merged.services.is_empty();
            is_first.then(|| several.then(merged).flatten().unwrap_or(service))
        })
    }

    /// Derives the services that are marked.
    pub(super) fn derive_services(&mut self) -> Vec<ServiceChange> {
        let mut dirty = std::mem::take(&mut self.dirty.services).into_iter().peekable();
        let mut changes = Vec::new();
        while let Some(id) = dirty.next() {
            let host = id.at(&ClusterRef::OWN);
            let old = self.shown_service(&host).cloned();
            let mut changed = self.derive_service(&id);
            while let Some(id) = dirty.next_if(|id| id.is_named_as(&host)) {
                changed |= self.derive_service(&id);
            }
            if changed {
                let new = self.merge_service(&host);
                changes.push(ServiceChange { old, new });
            }
        }
        changes
    }

    /// Puts together what clusters have of a service.
    fn merge_service(&mut self, host: &Id) -> Option<Arc<Service>> {
        let mut all = self.everywhere(host).map(|(_, service)| service);
        let first = all.next();
        let others: Vec<&Arc<Service>> = all.collect();
        let (Some(first), false) = (first, others.is_empty()) else {
            let first = first.cloned();
            self.merged.services.remove(host);
            return first;
        };
        let new = merge(first, &others);
        let old = self.merged.services.get(host).filter(|old| ***old == new).cloned();
        let new = old.unwrap_or_else(|| Arc::new(new));
        self.merged.services.insert(host.clone(), new.clone());
        Some(new)
    }

    /// Derives the endpoints of the services that are marked.
    pub(super) fn derive_all_endpoints(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty.endpoints).into_iter().peekable();
        while let Some(id) = dirty.next() {
            let host = id.at(&ClusterRef::OWN);
            let mut ids = vec![id];
            while let Some(id) = dirty.next_if(|id| id.is_named_as(&host)) {
                ids.push(id);
            }
            self.derive_endpoints_of(&host, &ids);
        }
    }

    /// Derives the endpoints of one service, of which those in some clusters are marked.
    fn derive_endpoints_of(&mut self, host: &Id, marked: &[Id]) {
        let all = self.everywhere(host).filter(|(_, s)| s.resolution != Resolution::Alias);
        let all: Vec<(Id, Arc<Service>)> = all.map(|(id, s)| (id.clone(), s.clone())).collect();
        for gone in marked.iter().filter(|id| all.iter().all(|(known, _)| known != *id)) {
            self.names.set(gone, Vec::new());
            self.withheld.remove(gone);
        }
        let hostname = service::hostname(host, &self.config.domain);
        let key = ServiceKey { hostname, namespace: host.namespace.clone() };
        let old = self.merged.endpoints.remove(host);
        let mut new = match all.as_slice() {
            [] => return self.derive_host(&key),
            [(id, service)] => self.derive_endpoints(id, service),
            several => {
                let parts = self.derive_parts(several, marked, old.unwrap_or_default());
                let joined = join_parts(&parts, &self.config.cluster);
                self.merged.endpoints.insert(host.clone(), parts);
                joined
            }
        };
        // Also when the last ServiceEntry of the host is gone: workloads at its endpoints have to learn of it.
        let defined = !self.entries.hosts.lefts(&key).is_empty();
        let placed = !self.entries.at.rights(&key).is_empty();
        if (defined || placed)
            && let Some(first) = self.endpoints_of_entries(&key)
        {
            new = endpoints::join_all([&first, &new]);
        }
        self.put_endpoints(&key, Some(new));
    }

    /// Derives the endpoints in each of several clusters, where they are marked or not known.
    fn derive_parts(&mut self, all: &[(Id, Arc<Service>)], marked: &[Id], mut old: Parts) -> Parts {
        let mut parts = Parts::new();
        for (id, service) in all {
            let known = old.remove(&id.cluster);
            let part = match known {
                Some(known) if !marked.contains(id) => known,
                known => endpoints::share(known.as_ref(), self.derive_endpoints(id, service)),
            };
            parts.insert(id.cluster.clone(), part);
        }
        parts
    }
}

/// The service of the first cluster, with what the others add to it.
fn merge(first: &Service, others: &[&Arc<Service>]) -> Service {
    let mut merged = first.clone();
    for other in others {
        merged.addresses.extend(other.addresses.iter().cloned());
        merged.service_accounts.extend(other.service_accounts.iter().cloned());
    }
    merged.service_accounts.sort();
    merged.service_accounts.dedup();
    merged
}

/// The endpoints in all clusters, `own` being the id of the own one.
fn join_parts(parts: &Parts, own: &Str) -> ServiceEndpoints {
    let mut sorted: Vec<(&Str, &Arc<ServiceEndpoints>)> =
        parts.iter().map(|(cluster, part)| (cluster.name(own), part)).collect();
    sorted.sort_by_key(|(name, _)| *name);
    endpoints::join_all(sorted.into_iter().map(|(_, part)| &**part))
}

#[cfg(test)]
mod tests;
