//! Which network a workload is in, and which gateways lead into networks.
//!
//! Both follow from the mesh networks and from labels: of pods, of the control plane's namespace, and of the
//! Services that are gateways. Pure functions of these; the store knows when they changed.

mod gateways;
mod membership;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) use self::gateways::{is_labelled, registry_services};
pub(super) use self::membership::Membership;
use super::{ClusterRef, Id, Store, service};
use crate::api::core::Node;
use crate::api::{Kind, Object, Str};
use crate::model::Networks;

impl Store {
    /// Finds out anew to which network the workloads of a cluster belong that do not say.
    pub(super) fn find_membership(&mut self, cluster: &ClusterRef) {
        let namespace = self.namespace(cluster, &self.config.system_namespace);
        let new =
            Membership::new(namespace, &self.mesh.networks, cluster.name(&self.config.cluster));
        let known = self.cluster_mut(cluster);
        if *known.membership == new {
            return;
        }
        known.membership = Arc::new(new);
        let pods = self.of_kind(Kind::Pod, cluster).map(|object| cluster.id_of(object));
        let pods: Vec<Id> = pods.collect();
        self.dirty.pods.extend(pods);
        // Endpoints without a pod have a network too.
        let services = self.services.keys().filter(|id| id.cluster == *cluster).cloned();
        self.dirty.endpoints.extend(services);
        self.mark_all_entries();
        self.dirty.networks = true;
    }

    /// A Service came, changed or went: perhaps it is a gateway.
    pub(super) fn note_gateway(&mut self, id: &Id, labelled: bool) {
        let was = match labelled {
            true => !self.gateways.insert(id.clone()),
            false => self.gateways.remove(id),
        };
        let host = service::hostname(id, &self.config.domain);
        let named = || self.registry_services(&id.cluster).contains_key(&host);
        if labelled || was || named() {
            self.dirty.networks = true;
        }
    }

    /// The gateways of all networks, as the objects and the mesh networks name them.
    pub(super) fn derive_networks(&mut self) {
        if !std::mem::take(&mut self.dirty.networks) {
            return;
        }
        let mut found = gateways::of_mesh(&self.mesh.networks);
        for (cluster, _) in self.clusters() {
            self.gateways_of(cluster, &mut found);
        }
        self.replace_networks(found.finish());
    }

    /// Finds the gateways that a cluster has.
    fn gateways_of(&self, cluster: &ClusterRef, found: &mut gateways::Found) {
        let named = self.registry_services(cluster);
        let of_hosts =
            named.keys().filter_map(|host| service::of_hostname(host, &self.config.domain));
        let labelled = self.gateways.iter().filter(|id| id.cluster == *cluster).cloned();
        let ids: BTreeSet<Id> = of_hosts.map(|id| id.at(cluster)).chain(labelled).collect();
        let nodes: Vec<&Node> = self
            .of_kind(Kind::Node, cluster)
            .filter_map(|object| match object {
                Object::Node(node) => Some(&**node),
                _ => None,
            })
            .collect();
        for id in ids {
            let host = service::hostname(&id, &self.config.domain);
            let named = named.get(&host).map_or(&[][..], Vec::as_slice);
            if let Some(service) = self.service_object(&id) {
                found.add(service, named, &nodes, cluster.name(&self.config.cluster));
            }
        }
    }

    fn replace_networks(&mut self, new: Networks) {
        if *self.configs.networks != new {
            self.configs.networks = Arc::new(new);
            self.configs.gather_diagnostics();
            self.changed = true;
        }
    }

    /// The Services that the mesh networks name as gateways of a cluster's networks.
    fn registry_services(&self, cluster: &ClusterRef) -> BTreeMap<Str, Vec<gateways::Named>> {
        registry_services(&self.mesh.networks, cluster.name(&self.config.cluster))
    }
}

#[cfg(test)]
mod tests;
