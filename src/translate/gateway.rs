//! What gateways serve: listeners and routes from their Gateway objects and the VirtualServices bound to these.
//!
//! All Gateways of a proxy are [merged](crate::model::gateway::merged) first. A [`plan`] says what stands on each
//! listener, and from plans that are equal come listeners that are the same. Routes are made of virtual hosts, each
//! encoded once.

pub mod bound;
pub mod destinations;
pub mod listener;
pub mod plan;
pub mod routes;
pub mod secret;
pub mod stream;
pub mod tls;
pub mod virtual_host;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::plan::{Plan, Planned, Reads};
use super::hosts::Hosts;
use super::listener::connection_manager::{self, ConnectionManager, Side};
use super::listener::profile::Profile;
use super::memo::{Counts, Recent, ResourceMemo, Same};
use super::rules::ServiceRules;
use super::scope::{ListenerTraits, Scope, TraceTags};
use super::security::Guards;
use super::translator::{Built, Context};
use crate::api::config::Config;
use crate::api::networking::Gateway;
use crate::api::{MeshConfig, Str};
use crate::model::gateway::Merged;
use crate::model::{Service, VirtualServices};

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {
    merged: Recent<MergedKey, Merged>,
    profiles: Recent<Profile, Profile>,
    plans: Recent<PlanKey, Plan>,
    managers: Recent<connection_manager::Key, ConnectionManager>,
    built: Recent<BuiltKey, Built>,
    listeners: ResourceMemo<listener::Key>,
    all_routes: Recent<RoutesKey, Built>,
    routes: routes::Memos,
}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {
        self.merged.sweep();
        self.profiles.sweep();
        self.plans.sweep();
        self.managers.sweep();
        self.built.sweep();
        self.listeners.sweep();
        self.all_routes.sweep();
        self.routes.sweep();
    }

    /// How many listeners were built, and how many were found, since the start.
    pub fn listener_counts(&self) -> Counts {
        self.listeners.counts()
    }

    /// The same of route configurations.
    pub fn route_counts(&self) -> Counts {
        self.routes.counts()
    }

    fn merged(&mut self, context: &Context<'_>) -> Arc<Merged> {
        let key = MergedKey {
            gateways: context.scope.gateways.clone(),
            ports: context.scope.gateway_ports.clone(),
            quic: context.scope.quic_ports.clone(),
        };
        self.merged.get(key, |key| {
            let gateways = key.gateways.iter().map(|Same(gateway)| &**gateway);
            Merged::new(gateways, &key.ports, &key.quic)
        })
    }
}

/// What the Gateways of a proxy, merged, depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MergedKey {
    gateways: Vec<Same<Config<Gateway>>>,
    ports: Vec<(u16, u16)>,
    quic: Vec<u16>,
}

/// What a plan depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PlanKey {
    profile: Same<Profile>,
    defaults: tls::Defaults,
    merged: Same<Merged>,
    namespace: Str,
    virtual_services: Same<VirtualServices>,
    services: Same<[Arc<Service>]>,
    hosts: Same<Hosts>,
    rules: Same<ServiceRules>,
}

/// What the route configurations of a scope depend on. Where endpoints are does not matter here.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RoutesKey {
    merged: Same<Merged>,
    scope: Arc<Scope>,
    mesh: Same<MeshConfig>,
    virtual_services: Same<VirtualServices>,
    hosts: Same<Hosts>,
    rules: Same<ServiceRules>,
}

/// What the listeners of a workload depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct BuiltKey {
    profile: Same<Profile>,
    plan: Same<Plan>,
    tags: Option<TraceTags>,
    guards: Guards,
}

/// The listeners of a gateway.
pub fn listeners(
    context: &Context<'_>,
    traits: &ListenerTraits,
    guards: &Guards,
    memos: &mut Memos,
) -> Arc<Built> {
    let merged = memos.merged(context);
    let profile = memos.profiles.get(Profile::of(context, traits), Profile::clone);
    let key = PlanKey {
        profile: Same(profile.clone()),
        defaults: tls::Defaults::of(&context.snapshot.mesh, &context.snapshot.features),
        merged: Same(merged.clone()),
        namespace: context.scope.namespace.clone(),
        virtual_services: Same(context.snapshot.virtual_services.clone()),
        services: Same(context.services.clone()),
        hosts: Same(context.hosts.clone()),
        rules: Same(context.rules.clone()),
    };
    let plan = memos.plans.get(key, |_| Plan::new(context, &profile, &merged));
    let tags = profile.tracing.then(|| traits.trace_tags.clone());
    let guards = guards.clone();
    let key = BuiltKey { profile: Same(profile), plan: Same(plan), tags, guards };
    let Memos { managers, built, listeners, .. } = memos;
    built.get(key, |BuiltKey { profile, plan: Same(plan), tags, guards }| {
        let mut manager = |grpc_web: bool| {
            let (profile, tags) = (profile.clone(), tags.clone());
            let key = connection_manager::Key {
                profile,
                tags,
                side: Side::Gateway,
                grpc_web,
                guards: guards.clone(),
                forwards: Vec::new(),
            };
            Same(managers.get(key, ConnectionManager::new))
        };
        let resources = plan.listeners.iter().map(|planned| {
            let managers =
                [false, true].map(|web| needs_manager(planned, web).then(|| manager(web)));
            let (profile, planned) = (profile.clone(), planned.clone());
            let guards = guards.clone();
            let key = listener::Key { profile, planned, managers, guards };
            listeners.get(key, listener::build)
        });
        let resources = resources.collect();
        let told = plan.diagnostics.iter().cloned().chain(guards.diagnostics());
        Built { resources, diagnostics: told.collect() }
    })
}

/// Whether a listener has a connection manager for requests that may be gRPC-Web, or for those that may not.
fn needs_manager(planned: &Planned, web: bool) -> bool {
    planned.chains.iter().any(|chain| match chain.reads {
        Reads::Http { grpc_web, .. } => grpc_web == web,
        Reads::Stream { .. } => false,
    })
}

/// The route configurations that they refer to.
pub fn routes(context: &Context<'_>, memos: &mut Memos) -> Arc<Built> {
    let merged = memos.merged(context);
    let key = RoutesKey {
        merged: Same(merged.clone()),
        scope: Arc::new(Scope { place: None, node: None, ..context.scope.clone() }),
        mesh: Same(context.snapshot.mesh.clone()),
        virtual_services: Same(context.snapshot.virtual_services.clone()),
        hosts: Same(context.hosts.clone()),
        rules: Same(context.rules.clone()),
    };
    let Memos { all_routes, routes, .. } = memos;
    all_routes.get(key, |_| routes::build(context, &merged, routes))
}
