//! Listeners (LDS) of sidecars. Those of gateways come from their Gateway objects.
//!
//! Outbound: a [`plan`] says which there are and what stands on them; it is the same for all workloads of a
//! scope and a [`profile`]. Listeners of byte streams are the same for them too. Those of HTTP tell traces the
//! name of the workload, and are built for each set of names from what is encoded once.
//! Inbound: one listener for all ports of the workload.

pub mod bind;
pub mod chain;
pub mod connection_manager;
pub mod headers;
pub mod http_filters;
pub mod inbound;
pub mod inbound_route;
pub mod inspectors;
pub mod message;
pub mod mtls;
pub mod outbound;
pub mod plan;
pub mod profile;
pub mod slot;
pub mod special;
pub mod streams;
pub mod tcp;
pub mod tls;
pub mod tracing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use self::bind::{Place, Speech};
use self::connection_manager::{ConnectionManager, Side};
use self::plan::Plan;
use self::profile::Profile;
use super::ingress;
use super::memo::{Counts, Recent, ResourceMemo, Same};
use super::rules::ServiceRules;
use super::scope::{Interception, ListenerTraits, TraceTags};
use super::security::Guards;
use super::translator::{Built, Context};
use super::visible::Egress;
use crate::api::config::Config;
use crate::api::networking::Sidecar;
use crate::api::{Labels, Str};
use crate::model::policy::peer::Applied;
use crate::model::{Service, ServiceEndpoints, ServiceTarget};

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {
    profiles: Recent<Profile, Profile>,
    headless: Recent<Headless, Headless>,
    asks: Recent<Same<[Egress]>, Asks>,
    plans: Recent<PlanKey, Plan>,
    managers: Recent<connection_manager::Key, ConnectionManager>,
    outbound: Recent<OutboundKey, Built>,
    slots: ResourceMemo<outbound::Key>,
    special: ResourceMemo<special::Key>,
    inbound: ResourceMemo<inbound::Key>,
}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {
        self.profiles.sweep();
        self.headless.sweep();
        self.asks.sweep();
        self.plans.sweep();
        self.managers.sweep();
        self.outbound.sweep();
        self.slots.sweep();
        self.special.sweep();
        self.inbound.sweep();
    }

    fn profile(&mut self, context: &Context<'_>, traits: &ListenerTraits) -> Same<Profile> {
        Same(self.profiles.get(Profile::of(context, traits), Profile::clone))
    }

    /// The endpoints of headless services, found once for all workloads of a namespace.
    pub fn headless(&mut self, context: &Context<'_>) -> Arc<Headless> {
        let services = context.hosts.at_endpoints.iter();
        let found = services.filter_map(|s| context.snapshot.endpoints(&s.key).cloned().map(Same));
        self.headless.get(found.collect(), Headless::clone)
    }

    /// How many resources were built, and how many were found, since the start.
    pub fn counts(&self) -> Counts {
        self.slots.counts() + self.special.counts() + self.inbound.counts()
    }
}

/// The endpoints of services whose clients connect to these.
pub type Headless = Vec<Same<ServiceEndpoints>>;

/// What a plan depends on. Endpoints matter for services that have no other address.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PlanKey {
    profile: Same<Profile>,
    sidecar: Option<Same<Config<Sidecar>>>,
    egress: Same<[Egress]>,
    /// To which the routes of listeners lead.
    services: Same<[Arc<Service>]>,
    rules: Same<ServiceRules>,
    endpoints: Same<Headless>,
    /// What routes tell clients apart by, where they do.
    client: Option<(Str, Labels)>,
    /// What short forms of other names follow from, where there are any.
    dns_domain: Option<Str>,
    dns_capture: bool,
    cluster: Str,
    network: Str,
}

/// Which traits of clients matter to plans.
#[derive(Debug)]
struct Asks {
    /// Byte streams are routed, maybe not for all clients alike.
    client: bool,
    /// A service has several host names.
    dns_domain: bool,
}

impl Asks {
    fn of(egress: &[Egress]) -> Asks {
        let mut routing = egress.iter().flat_map(|egress| egress.routing.0.iter());
        let mut services = egress.iter().flat_map(|egress| egress.services.0.iter());
        Asks {
            client: routing.any(|one| !one.spec.tls.is_empty() || !one.spec.tcp.is_empty()),
            dns_domain: services.any(|service| !service.aliases.is_empty()),
        }
    }
}

/// What the outbound listeners of a workload depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OutboundKey {
    plan: Same<Plan>,
    tags: Option<TraceTags>,
    /// The workload's own addresses that listeners are planned for.
    own: Vec<IpAddr>,
}

/// The addresses of endpoints that get an outbound listener each, because their service has no virtual
/// address.
pub fn peers(context: &Context<'_>) -> Vec<IpAddr> {
    let mut peers = Vec::new();
    for service in &context.hosts.at_endpoints {
        for port in &service.ports {
            let endpoints = plan::endpoints(context, service, port);
            peers.extend(endpoints.flat_map(|e| bind::direct_addresses(e, context.scope)));
        }
    }
    peers.sort_unstable();
    peers.dedup();
    peers
}

/// The outbound listeners of a sidecar. `own` are those of its addresses that are among the peers: it gets
/// no listener for itself. What did not change since the last snapshot is the same `Arc`.
pub fn outbound(
    context: &Context<'_>,
    traits: &ListenerTraits,
    own: &[IpAddr],
    memos: &mut Memos,
) -> Arc<Built> {
    let scope = context.scope;
    let Same(profile) = memos.profile(context, traits);
    let egress = Same(context.visible.egress.clone());
    let asks = memos.asks.get(egress.clone(), |Same(egress)| Asks::of(egress));
    let key = PlanKey {
        profile: Same(profile.clone()),
        sidecar: scope.sidecar.clone(),
        egress,
        services: Same(context.services.clone()),
        rules: Same(context.rules.clone()),
        client: asks.client.then(|| (scope.namespace.clone(), scope.labels.clone())),
        dns_domain: asks.dns_domain.then(|| scope.dns_domain.clone()),
        dns_capture: scope.dns_capture,
        endpoints: Same(memos.headless(context)),
        cluster: scope.cluster.clone(),
        network: scope.network.clone(),
    };
    let plan = memos.plans.get(key, |_| Plan::new(context, &profile));
    let key = OutboundKey {
        plan: Same(plan),
        tags: profile.tracing.then(|| traits.trace_tags.clone()),
        own: own.to_vec(),
    };
    let Memos { managers, outbound, slots, special, .. } = memos;
    outbound.get(key, |key| {
        let builder = Outbound { profile: Same(profile), managers, slots, special };
        builder.build(key)
    })
}

fn is_one_of(place: &Place, own: &[IpAddr]) -> bool {
    matches!(place, Place::Addresses(list) if list.iter().any(|ip| own.contains(ip)))
}

struct Outbound<'a> {
    profile: Same<Profile>,
    managers: &'a mut Recent<connection_manager::Key, ConnectionManager>,
    slots: &'a mut ResourceMemo<outbound::Key>,
    special: &'a mut ResourceMemo<special::Key>,
}

impl Outbound<'_> {
    fn build(mut self, key: &OutboundKey) -> Built {
        let OutboundKey { plan: Same(plan), tags, own } = key;
        let profile = self.profile.clone();
        let mut listeners = Vec::with_capacity(plan.listeners.len() + 2);
        for planned in &plan.listeners {
            let slot = &planned.slot;
            if planned.endpoint && is_one_of(&slot.place, own) {
                continue;
            }
            let manager = slot.http().map(|http| self.manager(tags, http.grpc_web, &http.forwards));
            let key = outbound::Key { profile: profile.clone(), slot: slot.clone(), manager };
            listeners.push(self.slots.get(key, outbound::of_slot));
        }
        if profile.0.interception != Interception::None {
            let key = special::Key::VirtualOutbound(profile.clone());
            listeners.push(self.special.get(key, special::build));
        }
        if profile.0.http_proxy_port != 0 {
            let key = special::Key::HttpProxy(profile, self.manager(tags, false, &[]));
            listeners.push(self.special.get(key, special::build));
        }
        Built { resources: listeners, diagnostics: plan.diagnostics.clone() }
    }

    fn manager(
        &mut self,
        tags: &Option<TraceTags>,
        grpc_web: bool,
        forwards: &[Str],
    ) -> Same<ConnectionManager> {
        let key = connection_manager::Key {
            profile: self.profile.clone(),
            tags: tags.clone(),
            side: Side::Outbound,
            grpc_web,
            guards: Guards::default(),
            forwards: forwards.to_vec(),
        };
        Same(self.managers.get(key, ConnectionManager::new))
    }
}

/// The inbound listeners of a sidecar with these addresses: one to which traffic is redirected, and one for each port
/// that its Sidecar binds. Without interception the application listens on all others itself.
pub fn inbound(
    context: &Context<'_>,
    traits: &ListenerTraits,
    ips: &[IpAddr],
    targets: &[ServiceTarget],
    peers: &Applied,
    guards: &Guards,
    memos: &mut Memos,
) -> Built {
    let scope = context.scope;
    let profile = memos.profile(context, traits);
    let services = ingress::of_services(scope, targets);
    let mut ports = inbound::ports(services, &profile.0);
    let wildcard =
        || plan::of_families(profile.0.families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    let mut bound = BTreeMap::new();
    if scope.interception == Interception::None {
        bound.extend(ports.keys().map(|port| (*port, wildcard())));
    }
    let mut diagnostics: Vec<_> = guards.diagnostics().collect();
    for ingress in ingress::of(scope, ips).unwrap_or_default() {
        match inbound::of_ingress(scope, &profile.0, &ingress, &context.snapshot.mesh) {
            Ok(Some(port)) => {
                if ingress.bound {
                    bound.insert(ingress.port, ingress.addresses);
                }
                ports.insert(ingress.port, port);
            }
            Ok(None) => {}
            Err(told) => diagnostics.push(told),
        }
    }
    let is_stream = |port: &inbound::Port| Speech::of(port.protocol) == Some(Speech::Tcp);
    if !ports.is_empty() && ports.values().all(is_stream) {
        diagnostics.extend(guards.on_streams());
    }
    let described = ingress::ports(scope, targets);
    let undescribed: BTreeSet<u16> = peers.modes.ports.keys().copied().collect();
    let undescribed: BTreeSet<u16> =
        &(&undescribed - &described) - &[profile.0.inbound_port].into();
    let mut key = |ports: BTreeMap<u16, inbound::Port>, bound: Option<_>| {
        let undescribed = if bound.is_none() { undescribed.clone() } else { BTreeSet::new() };
        let mut peers = peers.clone();
        let matters = |port: &u16| ports.contains_key(port) || undescribed.contains(port);
        peers.modes.ports.retain(|port, _| matters(port));
        let key = inbound::Key {
            tags: profile.0.tracing.then(|| traits.trace_tags.clone()),
            profile: profile.clone(),
            ports,
            peers,
            undescribed,
            guards: guards.clone(),
            bound,
        };
        memos.inbound.get(key, inbound::build)
    };
    let mut resources = Vec::new();
    for (number, addresses) in bound {
        let own = ports.remove_entry(&number).into_iter().collect();
        resources.push(key(own, Some(addresses)));
    }
    if scope.interception != Interception::None {
        resources.push(key(ports, None));
    }
    Built { resources, diagnostics }
}
