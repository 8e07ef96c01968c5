//! The services that a gateway leads to, for those that get no other clusters.
//!
//! They are where the VirtualServices of its Gateways lead, whoever may see these, what the mesh's extension
//! providers need, and where proxies fetch the keys of issuers themselves.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::api::Str;
use crate::model::policy::request::KeysFrom;
use crate::model::{ProxyKind, ServiceKey};
use crate::snapshot::Snapshot;
use crate::translate::scope::Scope;
use crate::translate::visible::imports::destinations;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attached {
    hosts: BTreeSet<Str>,
    /// Hosts of one namespace only, each behind it.
    namespaced: BTreeSet<(Str, Str)>,
}

impl Attached {
    /// Of a scope; None for a proxy that gets the clusters of all services that it sees.
    pub fn of(scope: &Scope, snapshot: &Snapshot) -> Option<Attached> {
        if scope.kind != ProxyKind::Router || !scope.features.filter_gateway_clusters {
            return None;
        }
        let mut attached = Attached::default();
        for gateway in &scope.gateways {
            let meta = &gateway.0.meta;
            let own = scope.features.gateways_in_own_namespace.then_some(&*meta.namespace);
            let name = format!("{}/{}", meta.namespace, meta.name);
            for routing in snapshot.virtual_services.of_gateway(&name) {
                attached.hosts.extend(destinations(routing, own).into_keys().cloned());
            }
        }
        let providers = snapshot.mesh.raw.get("extensionProviders").and_then(Json::as_array);
        let settings = providers.into_iter().flatten().filter_map(Json::as_object);
        let services = settings.flat_map(|s| s.values()).filter_map(|of| of.get("service"));
        services.filter_map(Json::as_str).for_each(|service| attached.add(service));
        let near = snapshot.request_policies.near(&scope.namespace, &snapshot.mesh.root_namespace);
        let keys = near.into_iter().flatten().flat_map(|list| list.iter()).flat_map(|p| &p.keys);
        attached.hosts.extend(keys.filter_map(|keys| match keys {
            KeysFrom::Cluster { host, .. } => Some(host.clone()),
            _ => None,
        }));
        Some(attached)
    }

    /// A host, behind a namespace and a slash where only that one is meant.
    fn add(&mut self, service: &str) {
        match service.split_once('/') {
            Some((namespace, host)) => {
                self.namespaced.insert((namespace.into(), host.into()));
            }
            None => {
                self.hosts.insert(service.into());
            }
        }
    }

    /// Whether the gateway leads to a service.
    pub fn has(&self, service: &ServiceKey) -> bool {
        let ServiceKey { hostname, namespace } = service;
        self.hosts.contains(hostname)
            || self.namespaced.contains(&(namespace.clone(), hostname.clone()))
    }
}

#[cfg(test)]
mod tests;
