//! The translator: from a snapshot and a proxy to the view that the proxy is served.
//!
//! One per process. Keeps the memos of all builders, and for the newest snapshot the layers that were already
//! built, so that the second proxy of a scope costs a look-up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::hosts::Hosts;
use super::memo::{Recent, Same, Sets};
use super::proxy_config::ProxyConfig;
use super::resource::{Resource, ResourceType, Resources};
use super::rules::ServiceRules;
use super::scope::{ListenerTraits, Scope};
use super::visible::{self, Viewpoint, Visible};
use super::{capability, cluster, endpoint, gateway, listener, name_table, route, rules};
use crate::api::Diagnostic;
use crate::model::{Proxy, ProxyKind, Service, ServiceTarget};
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
}

/// The memos of all builders.
#[derive(Debug, Default)]
pub struct Memos {
    /// Sets of resources.
    pub sets: Sets,
    /// Of the cluster builders.
    pub clusters: cluster::Memos,
    /// Of the assignment builder.
    pub endpoints: endpoint::Memos,
    /// Of the listener builders.
    pub listeners: listener::Memos,
    /// Layers of listeners that are not inbound.
    outbound: Recent<Same<Built>, Layer>,
    /// Of the route builder.
    pub routes: route::Memos,
    /// Of the name table builder.
    pub name_tables: name_table::Memos,
    /// Of what gateways serve.
    pub gateways: gateway::Memos,
    /// DestinationRules by client.
    pub rules: rules::Memos,
    /// What clients see.
    pub visible: visible::Memos,
}

/// What one builder, or several together, made.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// The resources, in any order.
    pub resources: Vec<Arc<Resource>>,
    /// What is to be said of the objects that were read.
    pub diagnostics: Vec<Diagnostic>,
}

/// The state of one scope in the newest snapshot.
#[derive(Debug)]
struct ScopeState {
    scope: Arc<Scope>,
    visible: Visible,
    hosts: Arc<Hosts>,
    rules: Arc<ServiceRules>,
    /// Addresses of endpoints of services without a virtual address, which get listeners of their own.
    peers: Vec<IpAddr>,
    shared: Arc<Layer>,
    listeners: HashMap<(ListenerTraits, Vec<IpAddr>), Arc<Layer>>,
    inbound: HashMap<Inbound, Arc<Layer>>,
}

/// What is inbound at a workload: traits of its listeners, the ports of its services, and its addresses if a Sidecar
/// describes ports of it.
type Inbound = (ListenerTraits, Same<[ServiceTarget]>, Vec<IpAddr>);

#[derive(Debug)]
struct Layer {
    resources: Arc<Resources>,
    diagnostics: Arc<[Diagnostic]>,
}

impl Layer {
    /// Whether a view holds its resources.
    fn is_served(&self) -> bool {
        Arc::strong_count(&self.resources) > 1
    }
}

/// Builds views.
#[derive(Debug, Default)]
pub struct Translator {
    memos: Memos,
    capabilities: capability::Known,
    generation: u64,
    visible: HashMap<Viewpoint, Visible>,
    /// Of the snapshot before.
    visible_before: HashMap<Viewpoint, Visible>,
    scopes: HashMap<Scope, ScopeState>,
    nobody: Option<Arc<[ServiceTarget]>>,
}

impl Translator {
    /// The view of a proxy in a snapshot. Snapshots come in order; what was built for an older one is found
    /// again where its inputs are the same.
    pub fn view(&mut self, snapshot: &Snapshot, proxy: &Proxy) -> View {
        if snapshot.generation != self.generation {
            self.generation = snapshot.generation;
            self.visible_before = std::mem::take(&mut self.visible);
            self.scopes.clear();
        }
        let targets = match snapshot.workload_of(proxy) {
            Some(state) => state.targets.clone(),
            None => self.nobody.get_or_insert_with(|| Arc::from([])).clone(),
        };
        let memos = &mut self.memos;
        let viewpoint = Viewpoint::of(proxy, snapshot);
        let before = self.visible_before.get(&viewpoint);
        let visible = self.visible.entry(viewpoint).or_insert_with_key(|viewpoint| {
            Visible::of(snapshot, viewpoint, before, &mut memos.visible)
        });
        let config = ProxyConfig::of(proxy, &snapshot.mesh);
        let state = self
            .scopes
            .entry(Scope::of(proxy, snapshot, visible, self.capabilities.of(proxy), &config))
            .or_insert_with_key(|scope| ScopeState::new(snapshot, scope, visible, memos));
        let context = Context {
            snapshot,
            scope: &state.scope,
            services: &state.visible.services,
            visible: &state.visible,
            hosts: &state.hosts,
            rules: &state.rules,
        };
        let mut layers = vec![state.shared.clone()];
        let traits = ListenerTraits::of(proxy, config);
        if matches!(proxy.kind, ProxyKind::Router | ProxyKind::Sidecar) {
            let own: Vec<IpAddr> = match proxy.kind {
                ProxyKind::Sidecar => {
                    proxy.ips.iter().copied().filter(|ip| state.peers.contains(ip)).collect()
                }
                _ => Vec::new(),
            };
            let listeners = state.listeners.entry((traits.clone(), own));
            layers.push(
                listeners
                    .or_insert_with_key(|(traits, own)| {
                        let built = match proxy.kind {
                            ProxyKind::Sidecar => {
                                listener::outbound(&context, traits, own, &mut memos.listeners)
                            }
                            _ => gateway::listeners(&context, traits, &mut memos.gateways),
                        };
                        let sets = &mut memos.sets;
                        // Every workload has a layer of its own, so not even a list may be looked through
                        // that is as it was.
                        memos.outbound.get(Same(built), |Same(built)| {
                            layer([(ResourceType::Listener, (**built).clone())], sets)
                        })
                    })
                    .clone(),
            );
        }
        if proxy.kind == ProxyKind::Sidecar {
            let described =
                state.scope.sidecar.as_ref().is_some_and(|s| !s.0.spec.ingress.is_empty());
            let ips = if described { proxy.ips.clone() } else { Vec::new() };
            let inbound = state.inbound.entry((traits, Same(targets), ips));
            layers.push(
                inbound
                    .or_insert_with_key(|(traits, Same(targets), ips)| {
                        let clusters =
                            cluster::inbound(&context, ips, targets, &mut memos.clusters);
                        let listeners =
                            listener::inbound(&context, traits, ips, targets, &mut memos.listeners);
                        let built = [
                            (ResourceType::Cluster, clusters),
                            (ResourceType::Listener, listeners),
                        ];
                        Arc::new(layer(built, &mut memos.sets))
                    })
                    .clone(),
            );
        }
        View {
            scope: state.scope.clone(),
            diagnostics: layers.iter().map(|l| l.diagnostics.clone()).collect(),
            layers: layers.iter().map(|l| l.resources.clone()).collect(),
        }
    }

    /// Forgets what nobody is served any more. To be called when views were replaced or dropped: what was
    /// built for a proxy that came and went must not stay until the next snapshot.
    pub fn sweep(&mut self) {
        self.scopes.retain(|_, state| state.sweep());
        self.visible_before.clear();
        // First what holds the others' results.
        self.memos.outbound.sweep();
        self.memos.sets.sweep();
        self.memos.clusters.sweep();
        self.memos.endpoints.sweep();
        self.memos.listeners.sweep();
        self.memos.routes.sweep();
        self.memos.name_tables.sweep();
        self.memos.gateways.sweep();
        self.memos.rules.sweep();
        self.memos.visible.sweep();
        self.capabilities.sweep();
    }
}

impl ScopeState {
    /// Forgets the layers that no view holds. False when none is left.
    fn sweep(&mut self) -> bool {
        self.listeners.retain(|_, layer| layer.is_served());
        self.inbound.retain(|_, layer| layer.is_served());
        self.shared.is_served() || !self.listeners.is_empty() || !self.inbound.is_empty()
    }

    fn new(snapshot: &Snapshot, scope: &Scope, visible: &Visible, memos: &mut Memos) -> ScopeState {
        let scope = Arc::new(scope.clone());
        let hosts = memos.visible.hosts(&visible.services);
        let rules = memos.rules.find(snapshot, &scope, &visible.services);
        let context = Context {
            snapshot,
            scope: &scope,
            services: &visible.services,
            visible,
            hosts: &hosts,
            rules: &rules,
        };
        let routes = match scope.kind {
            ProxyKind::Router => gateway::routes(&context, &mut memos.gateways),
            _ => route::configurations(&context, &mut memos.routes),
        };
        let mut clusters = cluster::outbound(&context, &mut memos.clusters);
        clusters.diagnostics.extend_from_slice(&visible.diagnostics);
        let built = [
            (ResourceType::Cluster, clusters),
            (ResourceType::Endpoint, endpoint::assignments(&context, &mut memos.endpoints)),
            (ResourceType::Route, routes),
            (ResourceType::NameTable, name_table::build(&context, &mut memos.name_tables)),
        ];
        ScopeState {
            peers: listener::peers(&context),
            shared: Arc::new(layer(built, &mut memos.sets)),
            scope,
            visible: visible.clone(),
            hosts,
            rules,
            listeners: HashMap::new(),
            inbound: HashMap::new(),
        }
    }
}

fn layer<const N: usize>(built: [(ResourceType, Built); N], sets: &mut Sets) -> Layer {
    let mut diagnostics = Vec::new();
    let resources = sets.layer(built.map(|(kind, built)| {
        diagnostics.extend(built.diagnostics);
        (kind, built.resources)
    }));
    Layer { resources, diagnostics: diagnostics.into() }
}

#[cfg(test)]
mod tests;
