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
use super::{Id, Store, ids, service};
use crate::api::core::Node;
use crate::api::{Kind, Object, Str};
use crate::model::Networks;

impl Store {
    /// Finds out anew to which network workloads belong that do not say. True if that changed.
    pub(super) fn find_membership(&mut self) -> bool {
        let namespace = self.state(&self.config.system_namespace);
        let namespace = namespace.and_then(|state| state.object.as_deref());
        let new = Membership::new(namespace, &self.mesh.networks, &self.config.cluster);
        let changed = *self.membership != new;
        if changed {
            self.membership = Arc::new(new);
            self.dirty.pods.extend(ids(self.inputs.of_kind(Kind::Pod)));
            // Endpoints without a pod have a network too.
            self.dirty.endpoints.extend(self.services.keys().cloned());
            self.mark_all_entries();
            self.dirty.networks = true;
        }
        changed
    }

    /// A Service came, changed or went: perhaps it is a gateway.
    pub(super) fn note_gateway(&mut self, id: &Id, labelled: bool) {
        let was = match labelled {
            true => !self.gateways.insert(id.clone()),
            false => self.gateways.remove(id),
        };
        let host = service::hostname(id, &self.config.domain);
        let named = || self.registry_services().contains_key(&host);
        if labelled || was || named() {
            self.dirty.networks = true;
        }
    }

    /// The gateways of all networks, as the objects and the mesh networks name them.
    pub(super) fn derive_networks(&mut self) {
        if !std::mem::take(&mut self.dirty.networks) {
            return;
        }
        let named = self.registry_services();
        let ids: BTreeSet<Id> = named
            .keys()
            .filter_map(|host| service::of_hostname(host, &self.config.domain))
            .chain(self.gateways.iter().cloned())
            .collect();
        let services = ids.iter().filter_map(|id| {
            let none: &[_] = &[];
            let host = service::hostname(id, &self.config.domain);
            let named = named.get(&host).map_or(none, Vec::as_slice);
            Some((&**self.service_object(id)?, named))
        });
        let nodes: Vec<&Node> = self
            .inputs
            .of_kind(Kind::Node)
            .filter_map(|object| match object {
                Object::Node(node) => Some(&**node),
                _ => None,
            })
            .collect();
        let new = gateways::derive(&self.mesh.networks, services, &nodes, &self.config.cluster);
        self.replace_networks(new);
    }

    fn replace_networks(&mut self, new: Networks) {
        if *self.configs.networks != new {
            self.configs.networks = Arc::new(new);
            self.configs.gather_diagnostics();
            self.changed = true;
        }
    }

    /// The Services that the mesh networks name as gateways of the networks of the own cluster.
    fn registry_services(&self) -> BTreeMap<Str, Vec<gateways::Named>> {
        registry_services(&self.mesh.networks, &self.config.cluster)
    }
}

#[cfg(test)]
mod tests;
