//! Which endpoints of a service a client may use.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use super::crossing::Crossing;
use super::place::Place;
use super::preference::Preference;
use crate::api::host::{by_specificity, covers};
use crate::api::{Features, MeshConfig, Str};
use crate::model::endpoint::Address;
use crate::model::{Endpoint, Health, ProxyKind, Resolution, Service};
use crate::snapshot::Snapshot;
use crate::translate::memo::Same;
use crate::translate::scope::{Families, Scope};

/// What of a proxy decides about all assignments together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audience {
    /// What it is for.
    pub kind: ProxyKind,
    /// Its address families.
    pub families: Families,
    /// How it reaches other networks, where gateways join networks. Where no gateway is known, every endpoint
    /// counts as directly reachable: a network may be named for other reasons.
    crossing: Option<Crossing>,
    /// See [`Scope::network_view`].
    network_view: Option<Arc<[Str]>>,
    cluster: Str,
    /// See [`Scope::place`]; nowhere where that does not matter.
    place: Arc<Place>,
    /// See [`Scope::node`].
    node: Option<Str>,
}

impl Audience {
    /// Of the proxies of a scope.
    pub fn of(scope: &Scope, snapshot: &Snapshot) -> Audience {
        let joined = !snapshot.networks.all.is_empty();
        let crossing = || Crossing {
            network: scope.network.clone(),
            networks: Same(snapshot.networks.clone()),
            asks_dns: false,
        };
        Audience {
            kind: scope.kind,
            families: scope.families,
            crossing: joined.then(crossing),
            network_view: scope.network_view.clone(),
            cluster: scope.cluster.clone(),
            place: Arc::new(scope.place.clone().unwrap_or_default()),
            node: scope.node.clone(),
        }
    }

    /// How it reaches the endpoints of a service in other networks.
    pub fn crossing(&self, service: &Service) -> Option<Crossing> {
        let crossing = self.crossing.as_ref()?;
        let asks_dns = asks_dns(service);
        let Same(networks) = &crossing.networks;
        let gateways = if asks_dns { &networks.all } else { &networks.resolved };
        (!gateways.is_empty()).then(|| Crossing { asks_dns, ..crossing.clone() })
    }

    /// Where it runs; nowhere where that does not matter.
    pub fn place(&self) -> Arc<Place> {
        self.place.clone()
    }
}

/// Whether a proxy resolves the host names of a service's endpoints itself.
fn asks_dns(service: &Service) -> bool {
    match service.resolution {
        Resolution::Dns | Resolution::DnsRoundRobin | Resolution::DynamicDns => true,
        Resolution::ClientSideLb | Resolution::Passthrough | Resolution::Alias => false,
    }
}

/// What of a proxy decides which endpoints of one service it may use. None where a part does not matter for
/// the service, so that proxies that differ in it share the assignment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reach {
    /// The address families of the proxy.
    pub families: Families,
    /// Endpoints may be at host names, which the proxy resolves.
    pub asks_dns: bool,
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
    /// The label by which a workload says that it takes no new sessions.
    pub draining_label: &'static str,
}

impl Reach {
    /// For one service. Where endpoints have priorities, Envoy must know the unready ones: by the share of
    /// ready endpoints it decides how much goes to the next priority.
    pub fn of(audience: &Audience, service: &Service, mesh: &Mesh<'_>) -> Reach {
        let own_cluster = service.node_local || mesh.is_cluster_local(&service.key.hostname);
        let labels = &mesh.features.session_labels;
        Reach {
            families: audience.families,
            asks_dns: asks_dns(service),
            network_view: audience.network_view.clone(),
            cluster: own_cluster.then(|| audience.cluster.clone()),
            node: service.node_local.then(|| audience.node.clone().unwrap_or_default()),
            unhealthy: mesh.features.send_unhealthy || Preference::of(service).is_some(),
            // Istio tells of those only where a cookie carries the session.
            draining: service.label(labels.cookie).is_some(),
            draining_label: labels.draining,
        }
    }

    /// How an endpoint does; None if that excludes it.
    pub fn health(&self, endpoint: &Endpoint) -> Option<Health> {
        let labels = endpoint.workload.as_ref().map(|w| &w.labels);
        let leaves = labels.and_then(|l| l.get(self.draining_label)).is_some_and(|v| !v.is_empty());
        match endpoint.health {
            Health::Terminating => None,
            Health::Draining => self.draining.then_some(Health::Draining),
            _ if leaves => self.draining.then_some(Health::Draining),
            Health::Unhealthy => self.unhealthy.then_some(Health::Unhealthy),
            usable => Some(usable),
        }
    }

    /// Whether an endpoint is one of those that the proxy is told of, wherever it is.
    pub fn includes(&self, endpoint: &Endpoint) -> bool {
        let network = endpoint.network();
        let seen =
            |view: &Arc<[Str]>| network.is_empty() || view.iter().any(|seen| **seen == *network);
        self.network_view.as_ref().is_none_or(seen)
            && self.cluster.as_ref().is_none_or(|own| **own == *endpoint.cluster())
            && self.node.as_ref().is_none_or(|own| *own == endpoint.node_name)
    }

    /// Whether an endpoint has an address that the proxy can connect to.
    pub fn connects(&self, endpoint: &Endpoint) -> bool {
        match &endpoint.address {
            Address::Ip(_) => self.addresses(endpoint).next().is_some(),
            Address::Host(_) => self.asks_dns,
            Address::Pipe(_) => true,
            Address::Network => false,
        }
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
}

impl<'a> Mesh<'a> {
    /// Of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Mesh<'a> {
        Mesh { config: &snapshot.mesh, features: &snapshot.features, domain: &snapshot.domain }
    }

    /// Whether a service is served by endpoints of the client's own cluster only: those of Kubernetes itself and the
    /// control plane, unless the mesh configuration says otherwise, and those that it lists.
    fn is_cluster_local(&self, hostname: &str) -> bool {
        if self.is_built_in(hostname) {
            return true;
        }
        let listed = self.config.cluster_local.iter().filter(|(host, _)| covers(host, hostname));
        let best = listed.min_by(|(a, _), (b, _)| match a == b {
            // Of two settings for one host the later is the better one.
            true => Ordering::Greater,
            false => by_specificity(a, b),
        });
        best.is_some_and(|(_, local)| *local)
    }

    /// A host that is built in is no more once a setting says that it is not local; the names of a namespace are
    /// one host.
    fn is_built_in(&self, hostname: &str) -> bool {
        let denied = |is: &dyn Fn(&str) -> bool| {
            self.config.cluster_local.iter().any(|(host, local)| !local && is(host))
        };
        let in_system = |host: &str| self.short(host).is_some_and(|h| h.ends_with(".kube-system"));
        let discovery = &*self.config.discovery_host;
        let relative = hostname.strip_suffix(self.domain).and_then(|h| h.strip_suffix('.'));
        let is_discovery =
            !discovery.is_empty() && (discovery == hostname || relative == Some(discovery));
        if in_system(hostname) {
            return !denied(&in_system);
        }
        (self.short(hostname) == Some("kubernetes.default") || is_discovery)
            && !denied(&|host| host == hostname)
    }

    /// `NAME.NAMESPACE` of a service of Kubernetes.
    fn short<'b>(&self, hostname: &'b str) -> Option<&'b str> {
        hostname.strip_suffix(self.domain)?.strip_suffix(".svc.")
    }
}
