//! Endpoints: where a service's ports are served.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::Workload;
use crate::api::{ObjectKey, Str};

/// The endpoints of one service, complete. Equal values keep their `Arc` from snapshot to snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceEndpoints {
    /// By the name of the service's port, each list without duplicates, in the order of the slices' names
    /// and of the endpoints in them. Endpoints that may not be used are in it, with their health.
    pub by_port: BTreeMap<Str, Arc<[Endpoint]>>,
    /// What clusters depend on, apart so that an address may change without its cluster.
    pub traits: Arc<EndpointTraits>,
    /// The objects that they come from (slices), sorted.
    pub origins: Arc<[ObjectKey]>,
}

/// What of a service's endpoints shapes its clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointTraits {
    /// The identities of all endpoints and of the service itself, sorted, without duplicates.
    pub identities: Arc<[Str]>,
    /// There are endpoints and all of them take mTLS.
    pub all_mtls: bool,
}

/// One address and port that serves a port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address; of a pod with several, the one that the pod prefers.
    pub address: Address,
    /// Its addresses of the other family, when slices of both families name its pod; mostly empty.
    pub additional: Vec<IpAddr>,
    /// Its port; 0 where the address has none.
    pub port: u16,
    /// Whether it may be used.
    pub health: Health,
    /// Its share among equals; 1 by default.
    pub weight: u32,
    /// The node that the slice names; empty when unknown.
    pub node_name: Str,
    /// The host name that the slice gives it, for headless services; empty when unset.
    pub hostname: Str,
    /// The workload behind it; None for addresses that nobody described.
    pub workload: Option<Arc<Workload>>,
    /// Where it is, if there is no workload that tells.
    pub bare: Option<Arc<Bare>>,
}

/// What is known of an address that nobody described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare {
    /// The cluster that names it.
    pub cluster: Str,
    /// The network that it is in; empty for the default one.
    pub network: Str,
}

/// Where an endpoint is. Kubernetes knows IP addresses only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// At an IP address.
    Ip(IpAddr),
    /// At a host name, which the proxy resolves.
    Host(Str),
    /// At the path of a Unix socket.
    Pipe(Str),
    /// Nowhere that is told: only the gateways of its network lead to it.
    Network,
}

impl Address {
    /// From what a user writes: an IP address, a host name, `unix:///PATH`, or nothing.
    pub fn parse(text: &str) -> Address {
        if text.is_empty() {
            return Address::Network;
        }
        match (text.strip_prefix("unix://"), text.parse()) {
            (Some(path), _) => Address::Pipe(path.into()),
            (None, Ok(ip)) => Address::Ip(ip),
            (None, Err(_)) => Address::Host(text.into()),
        }
    }

    /// The IP address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Address::Ip(ip) => Some(*ip),
            _ => None,
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Address {
        Address::Ip(ip)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => ip.fmt(f),
            Address::Host(text) | Address::Pipe(text) => f.write_str(text),
            Address::Network => Ok(()),
        }
    }
}

impl Endpoint {
    /// Its IP addresses, the preferred one first; none if it is at something else.
    pub fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.address.ip().into_iter().chain(self.additional.iter().copied())
    }

    /// The network that it is in; empty for the default one.
    pub fn network(&self) -> &str {
        self.place().map_or("", |(_, network)| network)
    }

    /// The cluster that it is in; empty when unknown.
    pub fn cluster(&self) -> &str {
        self.place().map_or("", |(cluster, _)| cluster)
    }

    fn place(&self) -> Option<(&str, &str)> {
        match (&self.workload, &self.bare) {
            (Some(workload), _) => Some((&workload.cluster, &workload.network)),
            (None, Some(bare)) => Some((&bare.cluster, &bare.network)),
            (None, None) => None,
        }
    }
}

/// Whether an endpoint may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Yes.
    #[default]
    Healthy,
    /// Not ready.
    Unhealthy,
    /// For sessions that exist only.
    Draining,
    /// Going away; not sent.
    Terminating,
    /// Nobody checks: it may be used until it fails.
    Unknown,
}
