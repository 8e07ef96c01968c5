//! Which endpoints of a service a client may use.

use std::net::IpAddr;
use std::sync::Arc;

use super::preference::{Place, Preference};
use crate::api::{Features, MeshConfig, Str};
use crate::model::{Endpoint, Health, ProxyKind, Service};
use crate::snapshot::Snapshot;
use crate::translate::scope::{Families, Scope};

/// What of a proxy decides about all assignments together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audience {
    /// What it is for.
    pub kind: ProxyKind,
    /// Its address families.
    families: Families,
    /// Its network, where networks are apart.
    network: Option<Str>,
    /// See [`Scope::network_view`].
    network_view: Option<Arc<[Str]>>,
    cluster: Str,
    /// See [`Scope::place`].
    place: Option<Place>,
    /// See [`Scope::node`].
    node: Option<Str>,
}

impl Audience {
    /// Of the proxies of a scope.
    pub fn of(scope: &Scope, mesh: &Mesh<'_>) -> Audience {
        Audience {
            kind: scope.kind,
            families: scope.families,
            network: (mesh.joined && !scope.network.is_empty()).then(|| scope.network.clone()),
            network_view: scope.network_view.clone(),
            cluster: scope.cluster.clone(),
            place: scope.place.clone(),
            node: scope.node.clone(),
        }
    }

    /// Where it runs, as far as a preference asks.
    pub fn place_for(&self, preference: Preference) -> Place {
        let mut place = self.place.clone().unwrap_or_default();
        if !preference.needs_node() {
            place.node = Str::default();
        }
        place
    }
}

/// What of a proxy decides which endpoints of one service it may use. None where a part does not matter for
/// the service, so that proxies that differ in it share the assignment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reach {
    /// The address families of the proxy.
    pub families: Families,
    /// Only endpoints in this network, or in none.
    pub network: Option<Str>,
    /// Only endpoints in these networks, or in none.
    pub network_view: Option<Arc<[Str]>>,
    /// Only endpoints in this cluster.
    pub cluster: Option<Str>,
    /// Only endpoints on this node.
    pub node: Option<Str>,
    /// Endpoints that are not ready too, marked as such.
    pub unhealthy: bool,
    /// Endpoints that serve their last sessions too, marked as such.
    pub draining: bool,
}

/// The labels by which a service says that its clients' sessions stay with an endpoint.
const SESSION_LABELS: [&str; 2] =
    ["istio.io/persistent-session", "istio.io/persistent-session-header"];

/// The label by which a workload says that it takes no new sessions.
const DRAINING_LABEL: &str = "istio.io/draining";

impl Reach {
    /// For one service. Where endpoints have priorities, Envoy must know the unready ones: by the share of
    /// ready endpoints it decides how much goes to the next priority.
    pub fn of(audience: &Audience, service: &Service, mesh: &Mesh<'_>) -> Reach {
        let has_label = |label: &&str| service.labels.get(*label).is_some_and(|v| !v.is_empty());
        let own_cluster = service.node_local || mesh.is_cluster_local(&service.key.hostname);
        Reach {
            families: audience.families,
            network: audience.network.clone(),
            network_view: audience.network_view.clone(),
            cluster: own_cluster.then(|| audience.cluster.clone()),
            node: service.node_local.then(|| audience.node.clone().unwrap_or_default()),
            unhealthy: mesh.features.send_unhealthy || Preference::of(service).is_some(),
            draining: SESSION_LABELS.iter().any(has_label),
        }
    }

    /// How an endpoint does; None if that excludes it.
    pub fn health(&self, endpoint: &Endpoint) -> Option<Health> {
        let labels = endpoint.workload.as_ref().map(|w| &w.labels);
        let leaves = labels.and_then(|l| l.get(DRAINING_LABEL)).is_some_and(|v| !v.is_empty());
        match endpoint.health {
            Health::Terminating => None,
            Health::Draining => self.draining.then_some(Health::Draining),
            _ if leaves => self.draining.then_some(Health::Draining),
            Health::Unhealthy => self.unhealthy.then_some(Health::Unhealthy),
            usable => Some(usable),
        }
    }

    /// Whether an endpoint can be reached, however it does. `home` is the cluster of endpoints that nobody
    /// described.
    pub fn includes(&self, endpoint: &Endpoint, home: &Str) -> bool {
        let workload = endpoint.workload.as_deref();
        let cluster = workload.map_or(home, |w| &w.cluster);
        let network = workload.map_or("", |w| &*w.network);
        let own_network = self.network.as_ref().is_none_or(|own| **own == *network);
        let seen =
            self.network_view.as_ref().is_none_or(|view| view.iter().any(|n| **n == *network));
        self.addresses(endpoint).next().is_some()
            && (network.is_empty() || own_network && seen)
            && self.cluster.as_ref().is_none_or(|own| own == cluster)
            && self.node.as_ref().is_none_or(|own| *own == endpoint.node_name)
    }

    /// The addresses of an endpoint that the proxy can reach, the preferred one first.
    pub fn addresses(&self, endpoint: &Endpoint) -> impl Iterator<Item = IpAddr> {
        endpoint.ips().filter(|address| self.families.reach(*address))
    }
}

/// What of the mesh decides which endpoints are used.
#[derive(Clone, Copy, Debug)]
pub struct Mesh<'a> {
    config: &'a MeshConfig,
    features: &'a Features,
    domain: &'a str,
    /// Networks are joined by gateways only. Where no gateway is known, every endpoint counts as directly
    /// reachable: a network may be named for other reasons.
    joined: bool,
}

/// The label by which a service says that it is the gateway to a network.
const NETWORK_LABEL: &str = "topology.istio.io/network";

impl<'a> Mesh<'a> {
    /// Of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Mesh<'a> {
        let is_gateway = |service: &Service| {
            service.labels.contains_key(NETWORK_LABEL) && !service.external_addresses.is_empty()
        };
        Mesh {
            config: &snapshot.mesh,
            features: &snapshot.features,
            domain: &snapshot.domain,
            joined: snapshot.services.iter().any(|service| is_gateway(service)),
        }
    }

    /// Whether a service is served by endpoints of the client's own cluster only: those of Kubernetes itself,
    /// and those that the mesh configuration lists.
    fn is_cluster_local(&self, hostname: &str) -> bool {
        let kubernetes = || {
            let name = hostname.strip_suffix(self.domain).and_then(|h| h.strip_suffix(".svc."));
            name.is_some_and(|n| n == "kubernetes.default" || n.ends_with(".kube-system"))
        };
        let listed = |host: &Str| match host.strip_prefix('*') {
            Some(suffix) => hostname.ends_with(suffix),
            None => **host == *hostname,
        };
        kubernetes() || self.config.cluster_local_hosts.iter().any(listed)
    }
}
