//! The derivation of what `entries` indexes: services, workloads, endpoints of hosts, and who is behind them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::derive::ServiceChange;
use super::entries::{Member, Place};
use super::instances::{Selected, Source, Surroundings};
use super::{
    ClusterRef, Id, Store, allocate, endpoints, instances, selectors, service, service_entry,
};
use super::{targets, workload_entry};
use crate::api::config::by_age;
use crate::api::meta::selects;
use crate::api::{Kind, Str};
use crate::model::{Resolution, Service, ServiceEndpoints, ServiceKey, ServiceTarget, Workload};
use crate::snapshot::WorkloadState;

impl Store {
    /// Marks the workloads that changed selectors select now, or did before.
    pub(super) fn find_selected_by_entries(&mut self) {
        let changed = std::mem::take(&mut self.entries.dirty.selectors);
        let mut members: Vec<Member> = Vec::new();
        for id in &changed {
            members.extend(self.entries.selects.lefts(id).iter().cloned());
        }
        let namespaces: BTreeSet<&Str> = changed.iter().map(|id| &id.namespace).collect();
        for namespace in namespaces {
            let own: Vec<_> = changed
                .iter()
                .filter(|id| id.namespace == *namespace)
                .filter_map(|id| service_entry::selector(&self.service_entry(id)?.spec))
                .collect();
            let selected = |labels| own.iter().any(|selector| selects(selector, labels));
            for (cluster, _) in self.clusters() {
                if self.config.features.select_pods {
                    let pods = self.in_namespace(Kind::Pod, cluster, namespace);
                    let pods = pods.filter(|pod| selected(&pod.meta().labels));
                    members.extend(pods.map(|pod| Member::Pod(cluster.id_of(pod))));
                }
                let entries = self.in_namespace(Kind::WorkloadEntry, cluster, namespace);
                members.extend(entries.map(|entry| Member::Entry(cluster.id_of(entry))));
            }
        }
        for member in members {
            match member {
                Member::Pod(id) => self.dirty.pods.insert(id),
                Member::Entry(id) => self.entries.dirty.workloads.insert(id),
            };
        }
    }

    /// Marks the WorkloadEntries that a Kubernetes Service selects now, or did before.
    pub(super) fn find_entries_of_service(&mut self, service: &Id) {
        if !self.config.features.select_workload_entries {
            return;
        }
        let before = self.entries.chosen.lefts(service).iter().cloned();
        self.entries.dirty.workloads.extend(before);
        let Some(object) = self.service_object(service) else { return };
        let cluster = &service.cluster;
        let entries = self.in_namespace(Kind::WorkloadEntry, cluster, &service.namespace);
        let selected = entries.map(|entry| cluster.id_of(entry)).filter(|id| {
            self.workload_entry(id)
                .is_some_and(|e| selectors::selects(&object.selector, &workload_entry::labels(e)))
        });
        let selected: Vec<Id> = selected.collect();
        self.entries.dirty.workloads.extend(selected);
    }

    /// Derives the services of the ServiceEntries that are marked.
    pub(super) fn derive_entry_services(&mut self) -> Vec<ServiceChange> {
        if std::mem::take(&mut self.entries.dirty.needs) {
            let features = &self.config.features;
            let (v4, v6) = (features.allocate_v4, features.allocate_v6);
            let new = allocate::allocate(&self.entries.needs, v4, v6);
            let old = std::mem::replace(&mut self.entries.allocated, new);
            let now = &self.entries.allocated;
            let moved = now.iter().filter(|(id, new)| old.get(*id) != Some(*new)).map(|(id, _)| id);
            self.entries.dirty.services.extend(moved.cloned());
        }
        let dirty = std::mem::take(&mut self.entries.dirty.services);
        dirty.iter().flat_map(|id| self.derive_services_of_entry(id)).collect()
    }

    fn derive_services_of_entry(&mut self, id: &Id) -> Vec<ServiceChange> {
        let new = self.service_entry(id).map_or_else(Vec::new, |object| {
            let around = service_entry::Surroundings {
                namespace: self.state(&id.namespace).and_then(|state| state.object.as_deref()),
                mesh: &self.mesh,
                allocated: self.entries.allocated.get(id).map_or(&[], Vec::as_slice),
            };
            service_entry::derive(object, around)
        });
        let mut old = self.entries.services.remove(id).unwrap_or_default();
        self.entries.mark_hosts(id);
        self.entries.hosts.set(id, new.iter().map(|service| service.key.clone()).collect());
        self.entries.mark_hosts(id);
        let mut services = Vec::new();
        let mut changes = Vec::new();
        for service in new {
            let before = old.iter().position(|s| s.key == service.key).map(|at| old.remove(at));
            match before {
                Some(before) if *before == service => services.push(before),
                before => {
                    let new = Arc::new(service);
                    let places = self.entries.at.rights(&new.key).to_vec();
                    self.entries.mark_places(&places);
                    services.push(new.clone());
                    changes.push(ServiceChange { old: before, new: Some(new) });
                }
            }
        }
        changes.extend(old.into_iter().map(|old| ServiceChange { old: Some(old), new: None }));
        if !services.is_empty() {
            self.entries.services.insert(id.clone(), services);
        }
        changes
    }

    /// What a pod's change means to ServiceEntries: `serves` tells whether it can be an endpoint.
    pub(super) fn relate_pod(&mut self, id: &Id, serves: bool) {
        let member = Member::Pod(id.clone());
        let none = self.entries.selectors.is_empty() || !self.config.features.select_pods;
        let selected_by = match self.pod(id) {
            Some(pod) if serves && !none => self.entries_selecting(id, &pod.meta.labels),
            _ => Vec::new(),
        };
        self.relate(member, selected_by);
    }

    fn relate(&mut self, member: Member, selected_by: Vec<Id>) {
        let before = self.entries.selects.rights(&member).to_vec();
        for entry in before.iter().chain(&selected_by) {
            self.entries.mark_hosts(entry);
        }
        if !(before.is_empty() && selected_by.is_empty()) {
            self.entries.selects.set(&member, selected_by);
        }
    }

    /// Derives the WorkloadEntries that are marked.
    pub(super) fn derive_workload_entries(&mut self) {
        for id in std::mem::take(&mut self.entries.dirty.workloads) {
            self.derive_workload_entry(&id);
        }
    }

    fn derive_workload_entry(&mut self, id: &Id) {
        let features = &self.config.features;
        let object = self.workload_entry(id).cloned();
        let object = object.filter(|object| workload_entry::is_healthy(object, features));
        let labels = object.as_ref().map(|object| workload_entry::labels(object));
        let selected_by =
            labels.as_ref().map_or_else(Vec::new, |labels| self.entries_selecting(id, labels));
        self.relate(Member::Entry(id.clone()), selected_by);

        let chosen_by = match &labels {
            Some(labels) if self.config.features.select_workload_entries => {
                self.services_selecting(id, labels)
            }
            _ => Vec::new(),
        };
        self.dirty.endpoints.extend(self.entries.chosen.rights(id).iter().cloned());
        self.dirty.endpoints.extend(chosen_by.iter().cloned());
        self.entries.chosen.set(id, chosen_by);

        let old = self.entries.workloads.get(id).cloned();
        let new = object.zip(labels).and_then(|(object, labels)| {
            let cluster = self.cluster(&id.cluster)?;
            let around = Surroundings { mesh: &self.mesh, cluster };
            Some(workload_entry::of_object(&object, &labels, around))
        });
        let new = match (old, new) {
            (Some(old), Some(new)) if *old == new => Some(old),
            (_, new) => new.map(Arc::new),
        };
        match &new {
            Some(workload) => self.entries.workloads.insert(id.clone(), workload.clone()),
            None => self.entries.workloads.remove(id),
        };
        // A pod of the same name is the one that proxies of that name run in.
        let shown = self.workload_state(id);
        if shown.is_none_or(|shown| shown.workload.origin.kind != Kind::Pod) {
            self.show_workload(id, new);
        }
        self.dirty.targets.insert(id.clone());
    }

    /// Makes `workload` the one of its name in the snapshot.
    pub(super) fn show_workload(&mut self, id: &Id, workload: Option<Arc<Workload>>) {
        let shown = self.workload_state(id);
        if shown.map(|state| &state.workload) == workload.as_ref()
            && shown.is_none_or(|s| workload.as_ref().is_some_and(|w| Arc::ptr_eq(&s.workload, w)))
        {
            return;
        }
        self.edit_workloads(id, |workloads| match (workloads.get_mut(&id.name), workload) {
            (Some(state), Some(workload)) => state.workload = workload,
            (None, Some(workload)) => {
                let targets = Arc::default();
                workloads.insert(id.name.clone(), WorkloadState { workload, targets });
            }
            (_, None) => {
                workloads.remove(&id.name);
            }
        });
    }

    /// Derives the endpoints of hosts that are marked, but for those that Kubernetes defines too: these are marked
    /// there.
    pub(super) fn derive_hosts(&mut self) {
        for key in std::mem::take(&mut self.entries.dirty.endpoints) {
            match self.kubernetes_service(&key) {
                Some(id) => {
                    self.dirty.endpoints.insert(id);
                }
                None => self.derive_host(&key),
            }
        }
    }

    /// The Kubernetes Service of a host, if there is one that has endpoints in any cluster.
    fn kubernetes_service(&self, key: &ServiceKey) -> Option<Id> {
        let id = service::of_hostname(&key.hostname, &self.config.domain)?;
        let served = self.everywhere(&id).any(|(_, s)| s.resolution != Resolution::Alias);
        (served && id.namespace == key.namespace).then_some(id)
    }

    /// The endpoints of a host that only ServiceEntries define.
    pub(super) fn derive_host(&mut self, key: &ServiceKey) {
        let new = self.endpoints_of_entries(key);
        self.put_endpoints(key, new);
    }

    /// The endpoints that ServiceEntries give a host; None where none defines it.
    pub(super) fn endpoints_of_entries(&mut self, key: &ServiceKey) -> Option<ServiceEndpoints> {
        let mut objects: Vec<_> = self
            .entries
            .hosts
            .lefts(key)
            .iter()
            .filter_map(|id| Some((id, self.service_entry(id)?)))
            .collect();
        objects.sort_by(|(_, a), (_, b)| by_age(&a.meta, &b.meta));
        let sources: Vec<Source<'_>> = objects
            .into_iter()
            .map(|(id, object)| Source { object, selected: self.selected_by(id) })
            .collect();
        let around = Surroundings { mesh: &self.mesh, cluster: &self.own };
        let new =
            (!sources.is_empty()).then(|| instances::of_host(&key.hostname, &sources, around));
        let mut places: Vec<Place> = Vec::new();
        for endpoint in new.iter().flat_map(|all| all.by_port.values()).flat_map(|l| l.iter()) {
            places.extend(endpoint.address.ip().map(|ip| (key.namespace.clone(), ip)));
        }
        places.sort();
        places.dedup();
        let before = self.entries.at.rights(key).to_vec();
        self.entries.mark_places(&before);
        self.entries.mark_places(&places);
        if !(before.is_empty() && places.is_empty()) {
            self.entries.at.set(key, places);
        }
        new
    }

    fn selected_by(&self, entry: &Id) -> Vec<Selected<'_>> {
        let members = self.entries.selects.lefts(entry).iter();
        let selected = members.filter_map(|member| match member {
            Member::Pod(id) => Some(Selected::Pod(self.pod(id)?, self.workload(id)?)),
            Member::Entry(id) => {
                let workload = self.entries.workloads.get(id)?.clone();
                Some(Selected::Entry(&self.workload_entry(id)?.spec, workload))
            }
        });
        selected.collect()
    }

    /// What WorkloadEntries add to the endpoints of a Kubernetes Service; None where it selects none.
    pub(super) fn endpoints_at_entries(
        &self,
        id: &Id,
        service: &Service,
    ) -> Option<ServiceEndpoints> {
        let chosen = self.entries.chosen.lefts(id);
        if chosen.is_empty() || service.resolution != Resolution::ClientSideLb {
            return None;
        }
        let object = self.service_object(id)?;
        let entries = chosen.iter().filter_map(|id| {
            Some((&self.workload_entry(id)?.spec, self.entries.workloads.get(id)?.clone()))
        });
        Some(endpoints::from_entries(object, entries))
    }

    /// Puts the endpoints of a host into the snapshot, sharing what did not change.
    pub(super) fn put_endpoints(&mut self, key: &ServiceKey, new: Option<ServiceEndpoints>) {
        let ServiceKey { hostname, namespace } = key;
        let old = self.state(namespace).and_then(|state| state.endpoints.get(hostname));
        match new {
            Some(new) => {
                let shared = endpoints::share(old, new);
                if !old.is_some_and(|old| Arc::ptr_eq(old, &shared)) {
                    self.edit(namespace, |state| {
                        state.endpoints.insert(hostname.clone(), shared);
                    });
                }
            }
            None if old.is_some() => self.edit(namespace, |state| {
                state.endpoints.remove(hostname);
            }),
            None => {}
        }
    }

    /// Marks the workloads at addresses at which services came, went or changed.
    pub(super) fn find_at_places(&mut self) {
        let places = std::mem::take(&mut self.entries.dirty.places);
        for (namespace, ips) in places {
            let own = self.state(&namespace).map(|state| (&ClusterRef::OWN, &state.workloads));
            let others = self.remotes.iter();
            let others =
                others.filter_map(|(c, known)| Some((c, known.workloads.get(&namespace)?)));
            let all = own.into_iter().chain(others).flat_map(|(cluster, workloads)| {
                workloads.iter().map(move |(name, state)| (cluster, name, state))
            });
            let there =
                all.filter(|(.., state)| state.workload.ips.iter().any(|ip| ips.contains(ip)));
            let there: Vec<Id> =
                there.map(|(cluster, name, _)| cluster.id(&namespace, name)).collect();
            self.dirty.targets.extend(there);
        }
    }

    /// The targets of a workload in services of ServiceEntries.
    pub(super) fn targets_by_address(&self, workload: &Workload) -> Vec<ServiceTarget> {
        if self.entries.at.is_empty() {
            return Vec::new();
        }
        let mut keys: BTreeSet<&ServiceKey> = BTreeSet::new();
        for ip in &workload.ips {
            keys.extend(self.entries.at.lefts(&(workload.namespace.clone(), *ip)));
        }
        let mut all = Vec::new();
        for key in keys {
            let Some(state) = self.state(&key.namespace) else { continue };
            let Some(endpoints) = state.endpoints.get(&key.hostname) else { continue };
            for service in self.entries.services_of(key) {
                all.extend(targets::by_address(&service, endpoints, workload));
            }
        }
        all
    }

    /// The targets of a WorkloadEntry in Kubernetes Services.
    pub(super) fn targets_of_entry(&self, id: &Id) -> Vec<ServiceTarget> {
        let Some(entry) = self.workload_entry(id) else { return Vec::new() };
        let services = self.entries.chosen.rights(id).iter();
        let targets = services.filter_map(|id| {
            let service = self.services.get(id)?;
            Some(targets::of_entry(service, self.service_object(id)?, &entry.spec))
        });
        targets.flatten().collect()
    }
}
