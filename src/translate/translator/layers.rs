//! Layers of views, found again by what they were made from.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Built, Context, Memos};
use crate::api::{Diagnostic, MeshConfig};
use crate::model::policy::peer::Applied;
use crate::model::{ProxyKind, Rules, ServiceTarget, VirtualServices};
use crate::translate::hosts::Hosts;
use crate::translate::listener::Headless;
use crate::translate::memo::{Recent, Same, Sets};
use crate::translate::resource::{ResourceType, Resources};
use crate::translate::rules::ServiceRules;
use crate::translate::scope::{ListenerTraits, Scope};
use crate::translate::security::Guards;
use crate::translate::visible::Egress;
use crate::translate::{cluster, gateway, listener};

/// A layer, and what its builders had to say.
#[derive(Debug)]
pub struct Layer {
    /// What is served.
    pub resources: Arc<Resources>,
    /// What was said.
    pub diagnostics: Arc<[Diagnostic]>,
}

impl Layer {
    /// Whether a view holds its resources.
    pub fn is_served(&self) -> bool {
        Arc::strong_count(&self.resources) > 1
    }
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Layers {
    sets: Sets,
    of_lists: Recent<Lists, Layer>,
    surroundings: Recent<Surroundings, Surroundings>,
    outbound: Recent<Outbound, Arc<Layer>>,
    inbound: Recent<Inbound, Arc<Layer>>,
}

/// What a layer consists of, and what else is to be said.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Lists {
    lists: Vec<(ResourceType, Same<Built>)>,
    told: Option<Same<[Diagnostic]>>,
}

/// What the listeners of all proxies of a scope depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Surroundings {
    scope: Same<Scope>,
    mesh: Same<MeshConfig>,
    egress: Same<[Egress]>,
    hosts: Same<Hosts>,
    rules: Same<ServiceRules>,
    headless: Same<Headless>,
    /// Those of gateways; sidecars follow what their egress listeners name.
    virtual_services: Option<Same<VirtualServices>>,
}

/// What the listeners that are not inbound depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Outbound {
    surroundings: Same<Surroundings>,
    traits: Same<ListenerTraits>,
    outside: Outside,
}

/// What of a proxy shapes its listeners that are not inbound, beside its traits.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Outside {
    /// Its own addresses that listeners are planned for.
    pub own: Vec<IpAddr>,
    /// What refuses requests; nothing but for gateways.
    pub guards: Guards,
}

/// What is inbound at a workload: traits of its listeners, the ports of its services, which connections it takes, and
/// its addresses if a Sidecar describes ports of it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Inbound {
    scope: Same<Scope>,
    mesh: Same<MeshConfig>,
    /// The rules for its services, where there are any, and who they are.
    rules: Option<(Same<Rules>, Same<Hosts>)>,
    traits: Same<ListenerTraits>,
    targets: Same<[ServiceTarget]>,
    peers: Same<Applied>,
    ips: Vec<IpAddr>,
    guards: Guards,
}

impl Layers {
    /// The layer of these lists. What is `told` besides comes last.
    pub fn of_lists<const N: usize>(
        &mut self,
        lists: [(ResourceType, Arc<Built>); N],
        told: Option<Arc<[Diagnostic]>>,
    ) -> Arc<Layer> {
        let lists = lists.into_iter().map(|(kind, list)| (kind, Same(list))).collect();
        let sets = &mut self.sets;
        self.of_lists.get(Lists { lists, told: told.map(Same) }, |lists| lists.layer(sets))
    }

    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        // First what holds the others' results.
        self.outbound.sweep();
        self.inbound.sweep();
        self.surroundings.sweep();
        self.of_lists.sweep();
        self.sets.sweep();
    }
}

impl Lists {
    fn layer(&self, sets: &mut Sets) -> Layer {
        let lists = self.lists.iter().map(|(kind, Same(list))| (*kind, list));
        let told = lists.clone().flat_map(|(_, list)| &list.diagnostics);
        let more = self.told.iter().flat_map(|Same(told)| told.iter());
        Layer { diagnostics: told.chain(more).cloned().collect(), resources: sets.layer(lists) }
    }
}

/// What the listeners of a scope's proxies depend on.
pub fn surroundings(
    context: &Context<'_>,
    scope: &Arc<Scope>,
    memos: &mut Memos,
) -> Arc<Surroundings> {
    let Context { snapshot, visible, hosts, rules, .. } = *context;
    let is_router = scope.kind == ProxyKind::Router;
    let surroundings = Surroundings {
        scope: Same(scope.clone()),
        mesh: Same(snapshot.mesh.clone()),
        egress: Same(visible.egress.clone()),
        hosts: Same(hosts.clone()),
        rules: Same(rules.clone()),
        headless: Same(memos.listeners.headless(context)),
        virtual_services: is_router.then(|| Same(snapshot.virtual_services.clone())),
    };
    memos.layers.surroundings.get(surroundings, Surroundings::clone)
}

/// The listeners of a proxy that are not inbound.
pub fn outbound(
    context: &Context<'_>,
    surroundings: &Arc<Surroundings>,
    traits: &Arc<ListenerTraits>,
    outside: Outside,
    memos: &mut Memos,
) -> Arc<Layer> {
    let Memos { layers, listeners, gateways, .. } = memos;
    let Layers { sets, of_lists, outbound, .. } = layers;
    let (surroundings, traits) = (Same(surroundings.clone()), Same(traits.clone()));
    let layer = outbound.get(Outbound { surroundings, traits, outside }, |key| {
        let Outbound { traits: Same(traits), outside: Outside { own, guards }, .. } = key;
        let built = match context.scope.kind {
            ProxyKind::Sidecar => listener::outbound(context, traits, own, listeners),
            _ => gateway::listeners(context, traits, guards, gateways),
        };
        let lists = vec![(ResourceType::Listener, Same(built))];
        of_lists.get(Lists { lists, told: None }, |lists| lists.layer(sets))
    });
    Arc::clone(&layer)
}

/// What is inbound at a sidecar with these addresses.
pub fn inbound(
    context: &Context<'_>,
    client: &super::Client,
    ips: &[IpAddr],
    guards: Guards,
    memos: &mut Memos,
) -> Arc<Layer> {
    let Context { snapshot, scope, hosts, .. } = *context;
    let described = scope.sidecar.as_ref().is_some_and(|s| !s.0.spec.ingress.is_empty());
    let rules = &snapshot.destination_rules;
    let key = Inbound {
        scope: Same(client.scope.clone()),
        mesh: Same(snapshot.mesh.clone()),
        rules: (!rules.is_empty()).then(|| (Same(rules.clone()), Same(hosts.clone()))),
        traits: Same(client.traits.clone()),
        targets: Same(client.targets.clone()),
        peers: Same(client.peers.clone()),
        ips: if described { ips.to_vec() } else { Vec::new() },
        guards,
    };
    let Memos { layers, clusters, listeners, .. } = memos;
    let Layers { sets, inbound, .. } = layers;
    let layer = inbound.get(key, |key| {
        let Inbound { traits: Same(traits), targets, peers, ips, guards, .. } = key;
        let (Same(targets), Same(peers)) = (targets, peers);
        let clusters = cluster::inbound(context, ips, targets, clusters);
        let listeners = listener::inbound(context, traits, ips, targets, peers, guards, listeners);
        let lists = vec![
            (ResourceType::Cluster, Same(Arc::new(clusters))),
            (ResourceType::Listener, Same(Arc::new(listeners))),
        ];
        Arc::new(Lists { lists, told: None }.layer(sets))
    });
    Arc::clone(&layer)
}
