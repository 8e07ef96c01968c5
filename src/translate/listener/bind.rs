//! Where the outbound listener of a service's port binds, and which routes it refers to.
//!
//! Listeners and routes must agree on both, so this is the one place that decides. Knows nothing of Envoy's
//! messages.

use std::net::IpAddr;

use crate::model::{Endpoint, Protocol, Registry, Service};
use crate::translate::Scope;
use crate::translate::scope::Interception;

/// How the traffic of a port is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speech {
    /// As HTTP.
    Http,
    /// As a byte stream.
    Tcp,
    /// The proxy looks at the first bytes.
    Auto,
}

impl Speech {
    /// Of a declared protocol; None for UDP, which gets no listener.
    pub fn of(protocol: Protocol) -> Option<Speech> {
        match protocol {
            Protocol::Udp => None,
            Protocol::Unsupported => Some(Speech::Auto),
            other if other.is_http() => Some(Speech::Http),
            _ => Some(Speech::Tcp),
        }
    }

    /// Some of the traffic may be HTTP.
    pub fn may_be_http(self) -> bool {
        self != Speech::Tcp
    }
}

/// Where the listener of a service's port binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Together with other services on the wildcard address of the port.
    Shared,
    /// On virtual addresses of its own: one listener for each element, which all its addresses lead to.
    Addresses(Vec<Vec<IpAddr>>),
    /// On the address of each of its endpoints, as it has none itself, and the proxy goes where the
    /// application connects.
    Endpoints,
    /// Nowhere: the proxy reaches none of its addresses.
    Nowhere,
}

impl Bind {
    /// Of a port that is read so, for the proxies of a scope.
    pub fn of(service: &Service, speech: Speech, scope: &Scope) -> Bind {
        // Without interception nobody connects to virtual addresses: all that an application can use is the
        // port on its own host.
        if speech == Speech::Http || scope.interception == Interception::None {
            return Bind::Shared;
        }
        if service.is_headless() && !scope.features.headless_eds {
            return Bind::Endpoints;
        }
        let all = service.addresses_in(&scope.cluster);
        if all.is_empty() {
            return Bind::Shared;
        }
        let reached = reachable_addresses(service, scope);
        match service.registry {
            _ if reached.is_empty() => Bind::Nowhere,
            // The addresses of one Kubernetes service differ in family only: one listener takes them all.
            Registry::Kubernetes => Bind::Addresses(vec![reached]),
            Registry::External => Bind::Addresses(reached.into_iter().map(|ip| vec![ip]).collect()),
        }
    }

    /// The name of the route configuration that the listener of `port` refers to.
    pub fn route_name(&self, service: &Service, port: u16) -> String {
        match self {
            Bind::Shared => port.to_string(),
            _ => format!("{}:{port}", service.key.hostname),
        }
    }
}

/// The virtual addresses of a service that proxies of the scope reach.
pub fn reachable_addresses(service: &Service, scope: &Scope) -> Vec<IpAddr> {
    let all = service.addresses_in(&scope.cluster).iter().copied();
    all.filter(|ip| scope.families.reach(*ip)).collect()
}

/// The addresses of an endpoint that proxies of the scope can connect to themselves: none of another network,
/// which only a gateway leads to, and none of a family that they lack.
pub fn direct_addresses(endpoint: &Endpoint, scope: &Scope) -> impl Iterator<Item = IpAddr> {
    let (families, same) = (scope.families, same_or_unknown(endpoint.network(), &scope.network));
    endpoint.ips().filter(move |ip| same && families.reach(*ip))
}

/// Whether an endpoint is in the cluster of the scope's proxies.
pub fn in_cluster(endpoint: &Endpoint, scope: &Scope) -> bool {
    endpoint.workload.as_ref().is_none_or(|w| same_or_unknown(&w.cluster, &scope.cluster))
}

/// Who does not tell where it is may be anywhere.
fn same_or_unknown(a: &str, b: &str) -> bool {
    a == b || a.is_empty() || b.is_empty()
}
