//! Where the outbound listener of a service's port binds, and which routes it refers to. An egress listener of a
//! Sidecar may bring a port, an address and a way of its own to take traffic.
//!
//! Listeners and routes must agree on both, so this is the one place that decides. Knows nothing of Envoy's
//! messages.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::plan::of_families;
use crate::api::Str;
use crate::api::networking::sidecar::{CaptureMode, EgressListener};
use crate::model::{Block, Endpoint, Protocol, Registry, Service};
use crate::translate::Scope;
use crate::translate::scope::Interception;

/// What the address of a unix socket begins with.
const UNIX: &str = "unix://";

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

/// What a listener binds to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A port of addresses, the first of which names the listener.
    Addresses(Vec<IpAddr>),
    /// A unix socket, as it was written: `unix:///run/app.sock`, or `unix://@NAME`.
    Socket(Str),
}

impl Place {
    /// Of an address or a socket, as a Sidecar writes it.
    pub fn parse(text: &str) -> Option<Place> {
        if text.starts_with(UNIX) {
            return Some(Place::Socket(text.into()));
        }
        Some(Place::Addresses(vec![text.parse().ok()?]))
    }

    /// It stands for all addresses, so that traffic for others arrives here too.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Place::Addresses(list) if list.iter().any(IpAddr::is_unspecified))
    }

    /// The path of a unix socket.
    pub fn path(&self) -> Option<&str> {
        match self {
            Place::Socket(text) => Some(text.strip_prefix(UNIX).unwrap_or(text)),
            Place::Addresses(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Socket(text) => f.write_str(text),
            Place::Addresses(list) => list.first().map_or(Ok(()), |ip| ip.fmt(f)),
        }
    }
}

/// How an egress listener takes traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Only on this port, and as this protocol.
    pub port: Option<(u16, Protocol)>,
    /// Only there; None for the addresses of services.
    pub place: Option<Place>,
    /// It binds its port itself: nothing is redirected to it.
    pub bound: bool,
}

impl Manner {
    /// Of a listener that a Sidecar describes, or of one for everything. None if it binds to what is no address.
    pub fn of(listener: Option<&EgressListener>, scope: &Scope) -> Option<Manner> {
        let unintercepted = scope.interception == Interception::None;
        let bind = listener.map_or("", |listener| &*listener.bind);
        let bound = unintercepted
            || bind.starts_with(UNIX)
            || listener.is_some_and(|listener| listener.capture_mode == CaptureMode::None);
        let loopback = || of_families(scope.families, Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        let place = match bind {
            "" => bound.then(|| Place::Addresses(loopback())),
            text => Some(Place::parse(text)?),
        };
        let port = listener.and_then(|listener| listener.port.as_ref()).map(|port| {
            let protocol = Protocol::parse(&port.protocol).unwrap_or(Protocol::Unsupported);
            (u16::try_from(port.number).unwrap_or_default(), protocol)
        });
        Some(Manner { port, place, bound })
    }
}

/// Where the listener of a service's port binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Together with other services on the wildcard address of the port.
    Shared,
    /// On addresses of its own.
    Addresses {
        /// One listener for each element, which all its addresses lead to.
        groups: Vec<Vec<IpAddr>>,
        /// Blocks of addresses, told apart on the wildcard address of the port.
        blocks: Vec<Block>,
    },
    /// On the address of each of its endpoints, as it has none itself, and the proxy goes where the
    /// application connects.
    Endpoints,
    /// Where the egress listener says.
    At {
        /// There.
        place: Place,
        /// The routes of HTTP are those of the service alone, as the listener is.
        alone: bool,
    },
    /// Nowhere: the proxy reaches none of its addresses.
    Nowhere,
}

impl Bind {
    /// Of a port that is read so, for the proxies of a scope, through an egress listener for everything.
    pub fn of(service: &Service, speech: Speech, scope: &Scope) -> Bind {
        match Manner::of(None, scope) {
            Some(manner) => Bind::through(&manner, service, speech, scope),
            None => Bind::Nowhere,
        }
    }

    /// Of a port that is read so, for the proxies of a scope, through an egress listener.
    pub fn through(manner: &Manner, service: &Service, speech: Speech, scope: &Scope) -> Bind {
        if let Some(place) = &manner.place {
            let alone = speech == Speech::Auto && !place.is_wildcard();
            return Bind::At { place: place.clone(), alone };
        }
        if speech == Speech::Http {
            return Bind::Shared;
        }
        // A port of a Sidecar's own is one listener, wherever endpoints are.
        if manner.port.is_none() && is_at_endpoints(service, scope) {
            return Bind::Endpoints;
        }
        if !has_addresses(service, scope) {
            return Bind::Shared;
        }
        let reached = reachable_addresses(service, scope);
        let blocks = service.blocks.iter().filter(|block| block.single().is_none());
        let blocks = blocks.filter(|block| scope.families.reach(block.address)).copied();
        let blocks: Vec<Block> = blocks.collect();
        let groups = match service.registry {
            _ if reached.is_empty() && blocks.is_empty() => return Bind::Nowhere,
            // The addresses of one Kubernetes service differ in family only: one listener takes them all.
            Registry::Kubernetes => vec![reached],
            Registry::External => reached.into_iter().map(|ip| vec![ip]).collect(),
        };
        Bind::Addresses { groups, blocks }
    }

    /// Some of its listeners refer to the route configuration of the port.
    pub fn has_shared_routes(&self) -> bool {
        match self {
            Bind::Shared | Bind::At { alone: false, .. } => true,
            Bind::Addresses { blocks, .. } => !blocks.is_empty(),
            Bind::At { .. } | Bind::Endpoints | Bind::Nowhere => false,
        }
    }

    /// Some of its listeners refer to a route configuration of the service alone.
    pub fn has_own_routes(&self) -> bool {
        match self {
            Bind::Endpoints | Bind::At { alone: true, .. } => true,
            Bind::Addresses { groups, .. } => !groups.is_empty(),
            Bind::At { .. } | Bind::Shared | Bind::Nowhere => false,
        }
    }
}

/// The name of the route configuration of a port's listener. A unix socket has no port: it is its own name.
pub fn shared_route_name(place: Option<&Place>, port: u16) -> String {
    match place {
        Some(place) if port == 0 => place.to_string(),
        _ => port.to_string(),
    }
}

/// The name of the route configuration of a listener that stands for one service alone.
pub fn own_route_name(service: &Service, port: u16) -> String {
    format!("{}:{port}", service.key.hostname)
}

/// Whether clients find a service at the addresses of its endpoints only.
fn is_at_endpoints(service: &Service, scope: &Scope) -> bool {
    match service.registry {
        Registry::Kubernetes => service.is_headless() && !scope.features.headless_eds,
        Registry::External => {
            service.at_endpoints && reachable_addresses(service, scope).is_empty()
        }
    }
}

/// Whether a service has addresses at all, reached or not.
fn has_addresses(service: &Service, scope: &Scope) -> bool {
    !service.addresses_in(&scope.cluster).is_empty()
        || !service.blocks.is_empty()
        || scope.dns_capture && !service.allocated.is_empty()
}

/// The virtual addresses of a service that proxies of the scope reach. Those that were allocated count where it has
/// no others, and only for clients that resolve names by our table.
pub fn reachable_addresses(service: &Service, scope: &Scope) -> Vec<IpAddr> {
    let reached = |list: &[IpAddr]| -> Vec<IpAddr> {
        list.iter().copied().filter(|ip| scope.families.reach(*ip)).collect()
    };
    // What a user wrote counts for all: where applications connect is what they mean by it.
    if !service.blocks.is_empty() {
        return service.blocks.iter().filter_map(|block| block.single()).collect();
    }
    match service.addresses_in(&scope.cluster) {
        [] if scope.dns_capture => reached(&service.allocated),
        own => reached(own),
    }
}

/// The addresses by which requests may name a service, as they stand in a URL. An allocated one stands for its
/// host, so that one is enough.
pub fn addresses_in_urls(service: &Service, scope: &Scope) -> Vec<String> {
    let bracketed = |text: String| if text.contains(':') { format!("[{text}]") } else { text };
    if !service.blocks.is_empty() {
        return service.blocks.iter().map(|block| bracketed(block.to_string())).collect();
    }
    let all = reachable_addresses(service, scope).into_iter().map(|ip| bracketed(ip.to_string()));
    match service.registry {
        Registry::Kubernetes => all.collect(),
        Registry::External => all.take(1).collect(),
    }
}

/// The addresses of an endpoint that proxies of the scope can connect to themselves: none of another network,
/// which only a gateway leads to, and none of a family that they lack.
pub fn direct_addresses(endpoint: &Endpoint, scope: &Scope) -> impl Iterator<Item = IpAddr> {
    let (families, same) = (scope.families, same_or_unknown(endpoint.network(), &scope.network));
    endpoint.ips().filter(move |ip| same && families.reach(*ip))
}

/// Whether an endpoint is in the cluster of the scope's proxies.
pub fn in_cluster(endpoint: &Endpoint, scope: &Scope) -> bool {
    same_or_unknown(endpoint.cluster(), &scope.cluster)
}

/// Who does not tell where it is may be anywhere.
fn same_or_unknown(a: &str, b: &str) -> bool {
    a == b || a.is_empty() || b.is_empty()
}
