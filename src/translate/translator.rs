//! The translator: from a snapshot and a proxy to the view that the proxy is served.
//!
//! One per process. Keeps the memos of all builders, what is known of connected proxies, and for the newest snapshot
//! the state of each scope, so that the second proxy of a scope costs a look-up.

mod clients;
mod layers;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use self::clients::{Client, Clients};
use self::layers::{Layer, Layers, Outside, Surroundings};
use super::hosts::Hosts;
use super::memo::{Counts, Same};
use super::resource::{Resource, ResourceType, Resources};
use super::rules::ServiceRules;
use super::scope::Scope;
use super::security::{self, Guards};
use super::visible::{self, Viewpoint, Visible};
use super::{cluster, endpoint, gateway, listener, name_table, route, rules, trust};
use crate::api::Diagnostic;
use crate::model::{Proxy, ProxyKind, Service};
use crate::snapshot::Snapshot;

/// What a proxy is served: layers, no name in two of them. Proxies that are alike share layers by pointer.
#[derive(Clone, Debug)]
pub struct View {
    /// From those that many proxies share to those that few do: the scope's, then listeners (which tell the
    /// workload's name to traces), then what is inbound.
    pub layers: Vec<Arc<Resources>>,
    /// The scope that it was built for.
    pub scope: Arc<Scope>,
    /// What the builders had to say of the objects that they read, a list for each layer. Views that share a
    /// layer share its list.
    pub diagnostics: Vec<Arc<[Diagnostic]>>,
}

impl View {
    /// One resource by type and name.
    pub fn get(&self, kind: ResourceType, name: &str) -> Option<&Arc<Resource>> {
        self.layers.iter().find_map(|layer| layer.get(kind).get(name))
    }

    /// All resources of a type, layer by layer.
    pub fn items(&self, kind: ResourceType) -> impl Iterator<Item = &Arc<Resource>> {
        self.layers.iter().flat_map(move |layer| layer.get(kind).items())
    }

    /// The answer to a name that does not exist, for types in which every name must be answered so that an
    /// Envoy that waits for it goes on: an empty assignment, a route configuration that knows no host.
    pub fn absent(&self, kind: ResourceType, name: &str) -> Option<Resource> {
        match kind {
            ResourceType::Endpoint => Some(endpoint::absent(name)),
            ResourceType::Route => Some(route::absent(&self.scope, name)),
            _ => None,
        }
    }
}

/// What builders read.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The state of the mesh.
    pub snapshot: &'a Snapshot,
    /// For whom is built.
    pub scope: &'a Scope,
    /// The services that the scope sees, oldest first. Scopes that see the same have the same list.
    pub services: &'a Arc<[Arc<Service>]>,
    /// What else it sees, and through which egress listeners.
    pub visible: &'a Visible,
    /// The services by host name.
    pub hosts: &'a Arc<Hosts>,
    /// The DestinationRules that it follows.
    pub rules: &'a Arc<ServiceRules>,
    /// The services that it saw before, if they were others: what was built for most of them is still right.
    pub before: Option<&'a Arc<[Arc<Service>]>>,
}

/// The memos of all builders.
#[derive(Debug, Default)]
pub struct Memos {
    /// Of views' layers.
    layers: Layers,
    /// Of the cluster builders.
    pub clusters: cluster::Memos,
    /// Of the assignment builder.
    pub endpoints: endpoint::Memos,
    /// Of the listener builders.
    pub listeners: listener::Memos,
    /// Of the route builder.
    pub routes: route::Memos,
    /// Of the name table builder.
    pub name_tables: name_table::Memos,
    /// Of the roots of the mesh.
    pub trust: trust::Memos,
    /// Of what gateways serve.
    pub gateways: gateway::Memos,
    /// DestinationRules by client.
    pub rules: rules::Memos,
    /// What clients see.
    pub visible: visible::Memos,
    /// Of the filters that refuse requests and connections.
    pub security: security::Memos,
}

/// What one builder, or several together, made.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// The resources, in any order.
    pub resources: Vec<Arc<Resource>>,
    /// What is to be said of the objects that were read.
    pub diagnostics: Vec<Diagnostic>,
}

impl Built {
    /// Whether both are the very same resources, with the same words.
    pub fn is(&self, other: &Built) -> bool {
        let (own, others) = (&self.resources, &other.resources);
        own.len() == others.len()
            && own.iter().zip(others).all(|(a, b)| Arc::ptr_eq(a, b))
            && self.diagnostics == other.diagnostics
    }
}

/// The state of one scope in the newest snapshot.
#[derive(Debug)]
struct ScopeState {
    scope: Arc<Scope>,
    visible: Visible,
    hosts: Arc<Hosts>,
    rules: Arc<ServiceRules>,
    /// Addresses of endpoints of services without a virtual address, which get listeners of their own. Sorted.
    peers: Vec<IpAddr>,
    /// What the listeners of its proxies depend on.
    surroundings: Arc<Surroundings>,
    shared: Arc<Layer>,
}

/// Builds views.
#[derive(Debug, Default)]
pub struct Translator {
    memos: Memos,
    clients: Clients,
    generation: u64,
    visible: HashMap<Viewpoint, Visible>,
    /// Of the snapshot before.
    visible_before: HashMap<Viewpoint, Visible>,
    scopes: HashMap<Same<Scope>, ScopeState>,
}

impl Translator {
    /// The view of a proxy in a snapshot. Snapshots come in order; what was built for an older one is found
    /// again where its inputs are the same, and so is what is known of a proxy while somebody holds it.
    pub fn view(&mut self, snapshot: &Snapshot, proxy: &Arc<Proxy>) -> View {
        if snapshot.generation != self.generation {
            self.generation = snapshot.generation;
            self.visible_before = std::mem::take(&mut self.visible);
            self.scopes.clear();
        }
        let memos = &mut self.memos;
        let viewpoint = Viewpoint::of(proxy, snapshot);
        let before = self.visible_before.get(&viewpoint);
        let visible = self.visible.entry(viewpoint).or_insert_with_key(|viewpoint| {
            Visible::of(snapshot, viewpoint, before, &mut memos.visible)
        });
        let client = self.clients.find(snapshot, proxy, visible, &mut memos.security);
        let state =
            self.scopes.entry(Same(client.scope.clone())).or_insert_with_key(|Same(scope)| {
                ScopeState::new(snapshot, scope, visible, before, memos)
            });
        let mut layers = vec![state.shared.clone()];
        let guards = Guards::of(proxy.kind, &client.policies, snapshot, &mut memos.security);
        let context = state.context(snapshot);
        let surroundings = &state.surroundings;
        match proxy.kind {
            ProxyKind::Sidecar => {
                let own =
                    proxy.ips.iter().copied().filter(|ip| state.peers.binary_search(ip).is_ok());
                let own: Vec<IpAddr> = own.collect();
                let traits = &client.traits;
                let outside = Outside { own, guards: Guards::default() };
                layers.push(layers::outbound(&context, surroundings, traits, outside, memos));
                layers.push(layers::inbound(&context, &client, &proxy.ips, guards, memos));
            }
            ProxyKind::Router => {
                let traits = &client.traits;
                let outside = Outside { own: Vec::new(), guards };
                layers.push(layers::outbound(&context, surroundings, traits, outside, memos));
            }
            ProxyKind::Waypoint | ProxyKind::Ztunnel => {}
        }
        View {
            scope: state.scope.clone(),
            diagnostics: layers.iter().map(|l| l.diagnostics.clone()).collect(),
            layers: layers.iter().map(|l| l.resources.clone()).collect(),
        }
    }

    /// How many resources of each type were built, and how many were found, since the start.
    pub fn counts(&self) -> Vec<(ResourceType, Counts)> {
        let memos = &self.memos;
        vec![
            (ResourceType::Cluster, memos.clusters.counts()),
            (ResourceType::Endpoint, memos.endpoints.counts()),
            (ResourceType::Listener, memos.listeners.counts() + memos.gateways.listener_counts()),
            (ResourceType::Route, memos.routes.counts() + memos.gateways.route_counts()),
            (ResourceType::NameTable, memos.name_tables.counts()),
        ]
    }

    /// Forgets what nobody is served any more. To be called when views were replaced or dropped: what was
    /// built for a proxy that came and went must not stay until the next snapshot.
    pub fn sweep(&mut self) {
        self.scopes.retain(|_, state| state.shared.is_served());
        self.visible_before.clear();
        // First what holds the others' results.
        self.memos.layers.sweep();
        self.memos.clusters.sweep();
        self.memos.endpoints.sweep();
        self.memos.listeners.sweep();
        self.memos.routes.sweep();
        self.memos.name_tables.sweep();
        self.memos.trust.sweep();
        self.memos.gateways.sweep();
        self.memos.rules.sweep();
        self.memos.visible.sweep();
        self.memos.security.sweep();
        self.clients.sweep();
    }
}

impl ScopeState {
    fn new(
        snapshot: &Snapshot,
        scope: &Arc<Scope>,
        visible: &Visible,
        before: Option<&Visible>,
        memos: &mut Memos,
    ) -> ScopeState {
        let hosts = memos.visible.hosts(&visible.services);
        let rules = memos.rules.find(snapshot, scope, &visible.services);
        let before = before.map(|before| &before.services);
        let context = Context {
            snapshot,
            scope,
            services: &visible.services,
            visible,
            hosts: &hosts,
            rules: &rules,
            before: before.filter(|before| !Arc::ptr_eq(before, &visible.services)),
        };
        let routes = match scope.kind {
            ProxyKind::Router => gateway::routes(&context, &mut memos.gateways),
            _ => route::configurations(&context, &mut memos.routes),
        };
        let built = [
            (ResourceType::Cluster, cluster::outbound(&context, &mut memos.clusters)),
            (ResourceType::Endpoint, endpoint::assignments(&context, &mut memos.endpoints)),
            (ResourceType::Route, routes),
            (ResourceType::NameTable, name_table::build(&context, &mut memos.name_tables)),
            (ResourceType::ProxyConfig, trust::build(&context, &mut memos.trust)),
        ];
        ScopeState {
            peers: listener::peers(&context),
            surroundings: layers::surroundings(&context, scope, memos),
            shared: memos.layers.of_lists(built, Some(visible.diagnostics.clone())),
            scope: scope.clone(),
            visible: visible.clone(),
            hosts,
            rules,
        }
    }

    fn context<'a>(&'a self, snapshot: &'a Snapshot) -> Context<'a> {
        Context {
            snapshot,
            scope: &self.scope,
            services: &self.visible.services,
            visible: &self.visible,
            hosts: &self.hosts,
            rules: &self.rules,
            before: None,
        }
    }
}
