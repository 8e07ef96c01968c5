//! Endpoint assignments (EDS).
//!
//! One for each port that has a cluster with EDS, and for each subset of it, memoised on the port's own list of
//! endpoints: a pod that comes or goes touches the assignments of its services and nothing else. Of the proxy and of
//! the DestinationRule only that counts which the assignment depends on, so that most are shared by all proxies of
//! the mesh.
//!
//! `select` says which endpoints a proxy may use, `groups` how they are grouped by locality, `crossing` puts gateways
//! in the place of those in other networks, `balancing` says which localities come first.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/endpoint/v3/endpoint.proto>

pub mod assignment;
pub mod balancing;
pub mod crossing;
pub mod groups;
pub mod place;
pub mod preference;
mod rule;
pub mod select;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::assignment::Part;
use self::balancing::Balancing;
use self::crossing::Crossing;
use self::place::Place;
use self::select::{Audience, Mesh, Reach};
use super::cluster::discovery::Discovery;
use super::cluster::{balance, ports, sni_dnat};
use super::common::name::Purpose;
use super::each::{Inputs, Lists};
use super::memo::{Counts, ResourceMemo, Same};
use super::resource::Resource;
use super::translator::{Built, Context};
use crate::api::networking::destination_rule::{ClientTlsMode, Subset};
use crate::api::{MeshConfig, ObjectKey};
use crate::model::policy::peer::Refusing;
use crate::model::{MergedRule, Port, Service, ServiceEndpoints};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::endpoint::v3::ClusterLoadAssignment;
use crate::snapshot::Snapshot;

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {
    lists: Lists<Arc<Settings>>,
    assignments: ResourceMemo<assignment::Key>,
    /// The origins of services without endpoints.
    no_origins: Arc<[ObjectKey]>,
}

/// What the assignments of all services depend on alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Settings {
    /// Tells which services are local to a cluster, and how localities count.
    mesh: Same<MeshConfig>,
    audience: Audience,
    /// See [`sni_dnat::is_needed`].
    sni_dnat: bool,
    /// Where mTLS is not taken.
    refusing: Same<Refusing>,
}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {
        self.lists.sweep();
        self.assignments.sweep();
    }

    /// How many assignments were built, and how many were found.
    pub fn counts(&self) -> Counts {
        self.assignments.counts()
    }
}

/// The assignment of every cluster that finds its endpoints by EDS.
pub fn assignments(context: &Context<'_>, memos: &mut Memos) -> Arc<Built> {
    let Context { snapshot, scope, .. } = *context;
    let settings = Arc::new(Settings {
        mesh: Same(snapshot.mesh.clone()),
        audience: Audience::of(scope, snapshot),
        sni_dnat: sni_dnat::is_needed(scope),
        refusing: Same(snapshot.peers.refusing.clone()),
    });
    let Memos { lists, assignments, no_origins } = memos;
    lists.get(Inputs::of(context), settings.clone(), |service| Built {
        resources: of_service(context, &settings, service, no_origins, assignments),
        diagnostics: Vec::new(),
    })
}

/// The assignments of a service.
fn of_service(
    context: &Context<'_>,
    settings: &Settings,
    service: &Arc<Service>,
    no_origins: &Arc<[ObjectKey]>,
    memo: &mut ResourceMemo<assignment::Key>,
) -> Vec<Arc<Resource>> {
    let snapshot = context.snapshot;
    let mut built = Vec::new();
    let rule = context.rules.of(&service.key).map(|rule| &**rule);
    let client = Client::new(snapshot, &settings.audience, service, rule, no_origins);
    let purposes = sni_dnat::purposes(service, settings.sni_dnat);
    for (index, port, discovery) in ports(service, settings.audience.kind, &snapshot.features) {
        if discovery != Discovery::Eds {
            continue;
        }
        // The empty name is that of all endpoints.
        let subsets = rule.into_iter().flat_map(|rule| &rule.spec.subsets);
        let subsets = subsets.filter(|subset| !subset.name.is_empty()).map(Some);
        for subset in [None].into_iter().chain(subsets) {
            let name = subset.map(|subset| &*subset.name);
            let policy = rule.map(|rule| rule.policy(port.number, name)).unwrap_or_default();
            if balance::is_passthrough(policy.load_balancer) {
                continue;
            }
            for &purpose in purposes {
                let key = client.key(index, port, subset, purpose);
                built.push(memo.get(key, |key| assignment::resource(key, port)));
            }
        }
    }
    built
}

/// A client of one service: all that keys of the service's assignments have in common.
#[derive(Debug)]
pub struct Client<'a> {
    snapshot: &'a Snapshot,
    service: &'a Arc<Service>,
    endpoints: Option<&'a Arc<ServiceEndpoints>>,
    origins: Arc<[ObjectKey]>,
    rule: Option<&'a MergedRule>,
    reach: Reach,
    crossing: Option<Crossing>,
    place: Arc<Place>,
}

impl<'a> Client<'a> {
    /// Of the scope's proxies, for a service and the rule that they follow for it.
    pub fn of(
        context: &Context<'a>,
        service: &'a Arc<Service>,
        rule: Option<&'a MergedRule>,
    ) -> Client<'a> {
        let audience = Audience::of(context.scope, context.snapshot);
        Client::new(context.snapshot, &audience, service, rule, &Arc::default())
    }

    /// Of an audience. `no_origins` stands for the origins of services without endpoints.
    pub fn new(
        snapshot: &'a Snapshot,
        audience: &Audience,
        service: &'a Arc<Service>,
        rule: Option<&'a MergedRule>,
        no_origins: &Arc<[ObjectKey]>,
    ) -> Client<'a> {
        let endpoints = snapshot.endpoints(&service.key);
        Client {
            snapshot,
            service,
            endpoints,
            origins: endpoints.map_or(no_origins, |e| &e.origins).clone(),
            rule,
            reach: Reach::of(audience, service, &Mesh::of(snapshot)),
            crossing: audience.crossing(service),
            place: audience.place(),
        }
    }

    /// What the assignment of a port, or of a subset of it, is built from.
    pub fn key(
        &self,
        index: usize,
        port: &Port,
        subset: Option<&Subset>,
        purpose: Purpose,
    ) -> assignment::Key {
        let Client { snapshot, service, rule, place, .. } = self;
        let name = subset.map(|subset| &*subset.name);
        let (mesh, features) = (&snapshot.mesh, &snapshot.features);
        let balancing = Balancing::of(service, *rule, port.number, name, mesh, place);
        let mode = rule.and_then(|rule| rule::tls_mode(rule, port.number, name));
        let explicit_tls = mode.is_some_and(|mode| mode != ClientTlsMode::IstioMutual);
        // What a rule says of TLS counts, whatever servers take.
        let refusing = &snapshot.peers.refusing;
        let peers = refusing.of_namespace(&service.key.namespace).filter(|_| mode.is_none());
        let endpoints = self.endpoints.and_then(|e| e.by_port.get(&port.name));
        let shapes = subset.is_some() || explicit_tls || balancing != Balancing::Even;
        let shaping = rule.iter().filter(|_| shapes).flat_map(|rule| rule.origins());
        assignment::Key {
            service: Same(Arc::clone(service)),
            port: index,
            subset: subset
                .map(|subset| Part { name: subset.name.clone(), labels: subset.labels.clone() }),
            purpose,
            endpoints: endpoints.cloned().map(Same),
            origins: self.origins.clone(),
            rules: shaping.collect(),
            reach: self.reach.clone(),
            crossing: self.crossing.clone(),
            balancing,
            explicit_tls,
            peers: peers.cloned().map(Same),
            telemetry: features.telemetry && features.endpoint_telemetry,
            as_service: features.external_canonical && service.mesh_external,
        }
    }
}

/// The assignment of a cluster that does not exist: it ends the wait of an Envoy that asked for it.
pub fn absent(name: &str) -> Resource {
    let assignment =
        ClusterLoadAssignment { cluster_name: name.into(), ..ClusterLoadAssignment::default() };
    Resource::new(name.into(), encode::encode(&assignment), [])
}
