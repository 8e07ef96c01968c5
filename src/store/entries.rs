//! ServiceEntries and WorkloadEntries: what is indexed of them, and what a change of one makes necessary.
//!
//! A ServiceEntry's services depend on it, its namespace and the allocated addresses; the endpoints of a host on all
//! ServiceEntries of the host and namespace, and on the workloads that these select, in all clusters. How both are
//! derived is told in `derive_entries`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::allocate::{Allocated, Need};
use super::relation::Relation;
use super::selectors::Selectors;
use super::{ClusterRef, Id, Store, service_entry};
use crate::api::config::{Config, Spec};
use crate::api::meta::selects;
use crate::api::networking::{ServiceEntry, WorkloadEntry};
use crate::api::{Block, Kind, Labels, Object, Str};
use crate::model::{Service, ServiceKey, Workload};

/// What a ServiceEntry may select. Pods come first, as their endpoints do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Member {
    Pod(Id),
    Entry(Id),
}

/// An address in a namespace.
pub(super) type Place = (Str, IpAddr);

/// What is derived from the objects.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The services of each ServiceEntry.
    pub(super) services: BTreeMap<Id, Vec<Arc<Service>>>,
    /// The hosts that each ServiceEntry defines.
    pub(super) hosts: Relation<Id, ServiceKey>,
    /// The ServiceEntries with a selector.
    pub(super) selectors: Selectors,
    /// The ServiceEntries that select each workload.
    pub(super) selects: Relation<Member, Id>,
    /// The Kubernetes Services that select each WorkloadEntry.
    pub(super) chosen: Relation<Id, Id>,
    /// The workloads of WorkloadEntries.
    pub(super) workloads: HashMap<Id, Arc<Workload>>,
    /// The addresses of each host's endpoints.
    pub(super) at: Relation<ServiceKey, Place>,
    /// What addresses are to be allocated for.
    pub(super) needs: BTreeMap<Id, Need>,
    pub(super) allocated: BTreeMap<Id, Allocated>,
    pub(super) dirty: Dirty,
}

/// The work that changes left behind.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    /// The needs for addresses changed.
    pub(super) needs: bool,
    /// ServiceEntries whose selector changed: the workloads that they select now are yet to be found.
    pub(super) selectors: BTreeSet<Id>,
    /// ServiceEntries whose services are to be derived again.
    pub(super) services: BTreeSet<Id>,
    /// WorkloadEntries to derive again.
    pub(super) workloads: BTreeSet<Id>,
    /// Hosts whose endpoints are to be derived again.
    pub(super) endpoints: BTreeSet<ServiceKey>,
    /// Addresses, by namespace, at which services came or went or changed.
    pub(super) places: BTreeMap<Str, BTreeSet<IpAddr>>,
}

impl Entries {
    /// The keys of the hosts that a ServiceEntry defines are to be looked at again.
    pub(super) fn mark_hosts(&mut self, entry: &Id) {
        self.dirty.endpoints.extend(self.hosts.rights(entry).iter().cloned());
    }

    /// The services at these addresses are to be looked at again.
    pub(super) fn mark_places(&mut self, places: &[Place]) {
        for (namespace, ip) in places {
            self.dirty.places.entry(namespace.clone()).or_default().insert(*ip);
        }
    }

    /// The services of a host, the oldest first.
    pub(super) fn services_of(&self, key: &ServiceKey) -> Vec<Arc<Service>> {
        let entries = self.hosts.lefts(key).iter().filter_map(|id| self.services.get(id));
        let mut all: Vec<_> = entries.flatten().filter(|s| s.key == *key).cloned().collect();
        crate::model::service::sort_by_age(&mut all);
        all
    }
}

impl Store {
    pub(super) fn note_service_entry(
        &mut self,
        id: &Id,
        old: Option<&Object>,
        new: Option<&Object>,
    ) {
        let (old, new) = (old.and_then(ServiceEntry::of), new.and_then(ServiceEntry::of));
        self.entries.dirty.services.insert(id.clone());
        let selector = |entry: Option<&Arc<Config<ServiceEntry>>>| {
            entry.and_then(|entry| service_entry::selector(&entry.spec)).cloned()
        };
        let (old_selector, new_selector) = (selector(old), selector(new));
        if old_selector != new_selector {
            if let Some(selector) = &old_selector {
                self.entries.selectors.remove_any(id, selector);
            }
            if let Some(selector) = &new_selector {
                self.entries.selectors.insert_any(id, selector);
            }
            self.entries.dirty.selectors.insert(id.clone());
        }
        let need = new.map(|entry| self.need(entry)).filter(|need| *need != Need::default());
        if self.entries.needs.get(id) != need.as_ref() {
            match need {
                Some(need) => self.entries.needs.insert(id.clone(), need),
                None => self.entries.needs.remove(id),
            };
            self.entries.dirty.needs = true;
        }
    }

    pub(super) fn note_workload_entry(&mut self, id: &Id) {
        self.entries.dirty.workloads.insert(id.clone());
    }

    /// What all of them have in common changed: trust domain, or the default network.
    pub(super) fn mark_all_entries(&mut self) {
        self.entries.dirty.workloads.extend(self.ids_of_kind(Kind::WorkloadEntry));
        self.entries.dirty.services.extend(self.ids_of_kind(Kind::ServiceEntry));
    }

    /// What a ServiceEntry needs of addresses, and has.
    fn need(&self, entry: &Config<ServiceEntry>) -> Need {
        let told = |host: &Str| {
            let addresses = entry.status.addresses.iter().filter(|a| a.host == *host);
            addresses.filter_map(|a| a.value.parse().ok()).collect()
        };
        let hosts = service_entry::without_address(entry, &self.config.features);
        let hosts: Vec<_> = hosts.map(|host| (host.clone(), told(host))).collect();
        let own = entry.spec.addresses.iter().filter_map(|text| Block::parse(text)?.single());
        let own: Vec<IpAddr> = own.collect();
        // Its age means something only to those that need an address.
        let created = entry.meta.created.filter(|_| !hosts.is_empty());
        Need { created, hosts, own }
    }

    pub(super) fn service_entry(&self, id: &Id) -> Option<&Arc<Config<ServiceEntry>>> {
        ServiceEntry::of(self.find(Kind::ServiceEntry, id)?)
    }

    pub(super) fn workload_entry(&self, id: &Id) -> Option<&Arc<Config<WorkloadEntry>>> {
        WorkloadEntry::of(self.find(Kind::WorkloadEntry, id)?)
    }

    /// The ServiceEntries that select a workload of the namespace of `id` with these labels, whatever its cluster.
    pub(super) fn entries_selecting(&self, id: &Id, labels: &Labels) -> Vec<Id> {
        let selects = |entry: &Id| {
            let entry = self.service_entry(entry);
            let selector = entry.and_then(|entry| service_entry::selector(&entry.spec));
            selector.is_some_and(|selector| selects(selector, labels))
        };
        let candidates = self.entries.selectors.candidates_any(&id.namespace, labels);
        let ids = candidates.map(|name| ClusterRef::OWN.id(&id.namespace, name));
        ids.filter(selects).collect()
    }
}
