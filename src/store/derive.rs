//! Which derivation has to run again, in which order, and its result's way into the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::clashes::Around;
use super::{ClusterRef, Id, Store, endpoints, selectors, service, targets, workload};
use crate::api::core::{self, ServiceType};
use crate::api::{Kind, Str};
use crate::model::service::{by_age, sort_by_age};
use crate::model::{Service, ServiceEndpoints, ServiceKey, ServiceTarget};
use crate::snapshot::NamespaceState;

/// When more selectors than this change at once, every pod of their namespaces is looked at again, instead of
/// each selector being compared with every pod.
const FEW_SELECTORS: usize = 8;

/// When more services than this change at once, their list is sorted anew.
const FEW_SERVICES: usize = 64;

impl Store {
    /// Does all work that changes left behind. Each step marks work for the next ones only.
    pub(super) fn settle(&mut self) {
        self.find_selected();
        self.find_selected_by_entries();
        let mut services = self.derive_services();
        services.extend(self.derive_entry_services());
        for id in std::mem::take(&mut self.dirty.pods) {
            self.derive_workload(&id);
        }
        self.derive_workload_entries();
        self.derive_hosts();
        self.derive_all_endpoints();
        self.find_at_places();
        for id in std::mem::take(&mut self.dirty.targets) {
            self.derive_targets(&id);
        }
        self.list_services(&services);
        self.configs.references.note(&services);
        let kinds = std::mem::take(&mut self.dirty.kinds);
        self.derive_networks();
        let super::Config { domain, features, .. } = &self.config;
        let remotes = &self.remote_workloads();
        let around =
            Around { namespaces: &self.namespaces, services: &self.by_age, domain, remotes };
        self.configs.refresh(&kinds, &self.objects, around, &self.mesh, features);
        self.tell_of_credentials();
        self.derive_platforms();
        self.forget_clusters();
    }

    /// Marks the pods that changed selectors select now, or did before.
    fn find_selected(&mut self) {
        let changed = std::mem::take(&mut self.dirty.selectors);
        for id in &changed {
            self.dirty.pods.extend(self.selects.lefts(id).iter().cloned());
            self.find_entries_of_service(id);
        }
        if changed.len() > FEW_SELECTORS {
            let namespaces: BTreeSet<(&ClusterRef, &Str)> =
                changed.iter().map(|id| (&id.cluster, &id.namespace)).collect();
            for (cluster, namespace) in namespaces {
                let pods = self.in_namespace(Kind::Pod, cluster, namespace);
                let pods: Vec<Id> = pods.map(|pod| cluster.id_of(pod)).collect();
                self.dirty.pods.extend(pods);
            }
            return;
        }
        for id in &changed {
            let Some(service) = self.service_object(id) else { continue };
            let pods = self.in_namespace(Kind::Pod, &id.cluster, &id.namespace);
            let selected =
                pods.filter(|pod| selectors::selects(&service.selector, &pod.meta().labels));
            let selected: Vec<Id> = selected.map(|pod| id.cluster.id_of(pod)).collect();
            self.dirty.pods.extend(selected);
        }
    }

    /// Derives what a cluster has of a service. True if it is not what it was.
    pub(super) fn derive_service(&mut self, id: &Id) -> bool {
        let old = self.services.get(id);
        let object = self.service_object(id).zip(self.cluster(&id.cluster));
        let new = object.map(|(object, cluster)| {
            let namespace = self.namespace(&id.cluster, &id.namespace);
            let aliases = self.aliases_of(id, object);
            service::derive(object, cluster, namespace, aliases, &self.mesh, &self.config)
        });
        if old.map(|service| &**service) == new.as_ref() {
            return false;
        }
        match new {
            Some(service) => self.services.insert(id.clone(), Arc::new(service)),
            None => self.services.remove(id),
        };
        self.dirty.endpoints.insert(id.clone());
        self.dirty.targets.extend(self.selects.lefts(id).iter().cloned());
        self.dirty.targets.extend(self.names.rights(id).iter().cloned());
        self.dirty.targets.extend(self.entries.chosen.lefts(id).iter().cloned());
        true
    }

    /// All services that stand for this one, directly or through others. An alias has none itself.
    fn aliases_of(&self, id: &Id, object: &core::Service) -> Vec<ServiceKey> {
        let mut found: BTreeSet<ServiceKey> = BTreeSet::new();
        if object.kind == ServiceType::ExternalName {
            return Vec::new();
        }
        let mut hosts = vec![service::hostname(id, &self.config.domain)];
        while let Some(host) = hosts.pop() {
            for alias in self.aliases.get(&host).into_iter().flatten() {
                let hostname = service::hostname(alias, &self.config.domain);
                let key = ServiceKey { hostname, namespace: alias.namespace.clone() };
                if found.insert(key.clone()) {
                    hosts.push(key.hostname);
                }
            }
        }
        found.into_iter().collect()
    }

    fn derive_workload(&mut self, id: &Id) {
        let pod = self.pod(id).cloned();
        let old = self.workload(id);
        let node = pod.as_ref().map(|pod| &pod.node_name).filter(|node| !node.is_empty());
        let node = node.map(|node| id.cluster.id(&Str::default(), node));
        let new = pod.as_ref().zip(self.cluster(&id.cluster)).and_then(|(pod, cluster)| {
            let around = workload::Surroundings {
                node: node.as_ref().and_then(|node| self.node(node)),
                mesh: &self.mesh,
                cluster,
            };
            workload::derive(pod, around)
        });
        self.runs_on.set(id, node.into_iter().collect());

        let selected_by = match (&pod, &new) {
            (Some(pod), Some(_)) => self.services_selecting(id, &pod.meta.labels),
            _ => Vec::new(),
        };
        // Services without slices have their endpoints from the pod itself, be its workload the same or not.
        let before = self.selects.rights(id).iter();
        let pod_services: Vec<Id> = before.chain(&selected_by).cloned().collect();
        let from_pods =
            pod_services.into_iter().filter(|service| !self.slices.contains_key(service));
        self.dirty.endpoints.extend(from_pods);
        self.selects.set(id, selected_by);
        self.dirty.targets.insert(id.clone());

        let serves = pod.as_ref().is_some_and(|pod| pod.ready && !pod.terminating);
        self.relate_pod(id, serves && new.is_some());

        if old.as_deref() == new.as_ref() {
            return;
        }
        self.dirty.endpoints.extend(self.names.lefts(id).iter().cloned());
        let instead = || self.entries.workloads.get(id).cloned();
        self.show_workload(id, new.map(Arc::new).or_else(instead));
    }

    /// The endpoints that a cluster has of a service, but for those that ServiceEntries add.
    pub(super) fn derive_endpoints(&mut self, id: &Id, service: &Service) -> ServiceEndpoints {
        let Some(cluster) = self.cluster(&id.cluster) else { return ServiceEndpoints::default() };
        let (mut new, pods) = if self.slices.contains_key(id) {
            let workload = |pod: &Str| self.workload(&id.sibling(pod));
            let slices = self.slices_of(id);
            let labels = &self.config.features.session_labels;
            let from = endpoints::from_slices(service, slices, workload, cluster, labels);
            let before = match from.withheld {
                0 => self.withheld.remove(id),
                count => self.withheld.insert(id.clone(), count),
            };
            let more = from.withheld.saturating_sub(before.unwrap_or_default());
            self.newly_withheld += more as u64;
            (from.endpoints, from.pods)
        } else {
            self.withheld.remove(id);
            (self.endpoints_from_pods(id, service), Vec::new())
        };
        if service.selector.is_empty() {
            self.dirty.targets.extend(self.names.rights(id).iter().cloned());
            self.dirty.targets.extend(pods.iter().map(|pod| id.sibling(pod)));
        }
        self.names.set(id, pods.iter().map(|pod| id.sibling(pod)).collect());
        if let Some(more) = self.endpoints_at_entries(id, service) {
            new = endpoints::join_all([&new, &more]);
        }
        new
    }

    fn endpoints_from_pods(&self, id: &Id, service: &Service) -> ServiceEndpoints {
        let Some(object) = self.service_object(id) else { return ServiceEndpoints::default() };
        let pods = self.selects.lefts(id).iter();
        let pods = pods.filter_map(|pod| Some((&**self.pod(pod)?, self.workload(pod)?)));
        endpoints::from_pods(service, object, pods)
    }

    fn derive_targets(&mut self, id: &Id) {
        let Some(state) = self.workload_state(id) else { return };
        let workload = &state.workload;
        let mut new = match self.pod(id) {
            Some(pod) if workload.origin.kind == Kind::Pod => self.targets_of(id, pod),
            _ => self.targets_of_entry(id),
        };
        let more = self.targets_by_address(workload);
        if !more.is_empty() || workload.origin.kind != Kind::Pod {
            new.extend(more);
            new.sort_by(|a, b| by_age(&a.service, &b.service));
        }
        if *state.targets == *new {
            return;
        }
        let shared = self.like_a_neighbour(id, &new).unwrap_or_else(|| new.into());
        self.edit_workloads(id, |workloads| {
            if let Some(own) = workloads.get_mut(&id.name) {
                own.targets = shared;
            }
        });
    }

    fn targets_of(&self, id: &Id, pod: &core::Pod) -> Vec<ServiceTarget> {
        let by_selector = self.selects.rights(id);
        let ids = if by_selector.is_empty() { self.names.lefts(id) } else { by_selector };
        let mut services: Vec<Arc<Service>> = ids
            .iter()
            .filter_map(|id| self.services.get(id))
            .filter(|service| !by_selector.is_empty() || service.selector.is_empty())
            .cloned()
            .collect();
        sort_by_age(&mut services);
        let targets = services.iter().flat_map(|service| {
            if by_selector.is_empty() {
                let endpoints = self.state(&id.namespace)?.endpoints.get(&service.key.hostname)?;
                let cluster = id.cluster.name(&self.config.cluster);
                Some(targets::by_endpoints(service, endpoints, pod, cluster))
            } else {
                let object = self.service_object(&id.sibling(&service.name))?;
                Some(targets::by_selector(service, object, pod))
            }
        });
        targets.flatten().collect()
    }

    /// The same targets as another pod of the same service has them. Pods of a Deployment are alike, and so
    /// share what is built from their targets.
    fn like_a_neighbour(&self, id: &Id, targets: &[ServiceTarget]) -> Option<Arc<[ServiceTarget]>> {
        let Some(target) = targets.first() else { return Some(Arc::default()) };
        let neighbours = self.selects.lefts(&id.sibling(&target.service.name));
        let neighbour = neighbours.iter().find(|other| *other != id)?;
        let state = self.workload_state(neighbour)?;
        (*state.targets == *targets).then(|| state.targets.clone())
    }

    /// Changes the derived state of a namespace, and forgets the namespace when nothing is left of it.
    pub(super) fn edit(&mut self, namespace: &Str, edit: impl FnOnce(&mut NamespaceState)) {
        let namespaces = Arc::make_mut(&mut self.namespaces);
        let state = Arc::make_mut(namespaces.entry(namespace.clone()).or_default());
        edit(state);
        let NamespaceState { object, services, endpoints, workloads } = state;
        let nothing = services.is_empty() && endpoints.is_empty() && workloads.is_empty();
        if object.is_none() && nothing {
            namespaces.remove(namespace);
        }
        self.changed = true;
    }

    /// Keeps the list of services in order: each change at its place, unless there are so many that sorting
    /// anew is cheaper.
    fn list_services(&mut self, changes: &[ServiceChange]) {
        if changes.is_empty() {
            return;
        }
        let mut list: Vec<Arc<Service>>;
        if changes.len() > FEW_SERVICES {
            let entries = self.entries.services.values().flatten();
            list = self.shown_services().chain(entries).cloned().collect();
            sort_by_age(&mut list);
        } else {
            list = self.by_age.to_vec();
            changes.iter().for_each(|change| change.put(&mut list));
        }
        self.by_age = list.into();
        self.changed = true;
        if changes.len() > FEW_SERVICES {
            return self.list_services_of(changes);
        }
        for change in changes {
            let Some(service) = change.old.as_ref().or(change.new.as_ref()) else { continue };
            self.edit(&service.key.namespace, |state| {
                let mut list = state.services.to_vec();
                change.put(&mut list);
                state.services = list.into();
            });
        }
    }

    /// Lists the services of each namespace in which one of many changed.
    fn list_services_of(&mut self, changes: &[ServiceChange]) {
        let all = changes.iter().flat_map(|ServiceChange { old, new }| old.iter().chain(new));
        let mut lists: BTreeMap<Str, Vec<Arc<Service>>> =
            all.map(|service| (service.key.namespace.clone(), Vec::new())).collect();
        for service in self.by_age.iter() {
            if let Some(list) = lists.get_mut(&service.key.namespace) {
                list.push(service.clone());
            }
        }
        for (namespace, list) in lists {
            self.edit(&namespace, |state| state.services = list.into());
        }
    }
}

/// A service before and after; at least one of them is there.
pub(super) struct ServiceChange {
    pub(super) old: Option<Arc<Service>>,
    pub(super) new: Option<Arc<Service>>,
}

impl ServiceChange {
    /// Makes the change in a list that is sorted by age.
    fn put(&self, list: &mut Vec<Arc<Service>>) {
        let place = |list: &[Arc<Service>], service: &Service| {
            list.binary_search_by(|other| by_age(other, service))
        };
        if let Some(at) = self.old.as_ref().and_then(|old| place(list, old).ok()) {
            list.remove(at);
        }
        if let Some(new) = &self.new {
            let at = place(list, new).unwrap_or_else(|at| at);
            list.insert(at, new.clone());
        }
    }
}
