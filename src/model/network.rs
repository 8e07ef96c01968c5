//! Networks: parts of the mesh whose workloads reach those of other parts through gateways only.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::api::{Diagnostic, ObjectKey, Str};

/// The gateways of all networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Those with an IP address.
    pub resolved: NetworkGateways,
    /// All of them: where Envoy itself asks DNS, a host name is as good as an address.
    pub all: NetworkGateways,
    /// What is to be said of those who name them.
    pub diagnostics: Vec<Diagnostic>,
}

impl Networks {
    /// Of these gateways, by network.
    pub fn new(
        gateways: impl IntoIterator<Item = (Str, NetworkGateway)>,
        diagnostics: Vec<Diagnostic>,
    ) -> Networks {
        let all = NetworkGateways::new(gateways);
        let resolved = all.by_network.iter().flat_map(|(network, list)| {
            let known = list.iter().filter(|gateway| gateway.ip().is_some());
            known.map(|gateway| (network.clone(), gateway.clone()))
        });
        Networks { resolved: NetworkGateways::new(resolved), all, diagnostics }
    }
}

/// Gateways by network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkGateways {
    /// Sorted by address and port, without duplicates; no list is empty.
    by_network: BTreeMap<Str, Vec<NetworkGateway>>,
    scale: u32,
}

/// An address through which the workloads of a network are reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkGateway {
    /// An IP address, or a host name.
    pub address: Str,
    /// The port that takes mTLS by server name; None where it takes only what ambient meshes send.
    pub port: Option<u16>,
    /// The cluster that it belongs to; empty when unknown.
    pub cluster: Str,
    /// The object that names it; None for the mesh networks.
    pub origin: Option<ObjectKey>,
}

impl NetworkGateway {
    /// The address; None for a host name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}

impl Default for NetworkGateways {
    fn default() -> NetworkGateways {
        NetworkGateways { by_network: BTreeMap::new(), scale: 1 }
    }
}

impl NetworkGateways {
    fn new(gateways: impl IntoIterator<Item = (Str, NetworkGateway)>) -> NetworkGateways {
        let mut by_network: BTreeMap<Str, Vec<NetworkGateway>> = BTreeMap::new();
        for (network, gateway) in gateways {
            by_network.entry(network).or_default().push(gateway);
        }
        let mut scale = 1;
        for list in by_network.values_mut() {
            list.sort();
            list.dedup_by(|a, b| {
                (&a.address, a.port, &a.cluster) == (&b.address, b.port, &b.cluster)
            });
            scale = least_common_multiple(scale, list.len());
            let mut by_cluster: BTreeMap<&Str, usize> = BTreeMap::new();
            for gateway in list.iter() {
                *by_cluster.entry(&gateway.cluster).or_default() += 1;
            }
            scale = by_cluster.into_values().fold(scale, least_common_multiple);
        }
        NetworkGateways { by_network, scale: u32::try_from(scale).unwrap_or(u32::MAX) }
    }

    /// There is none: every endpoint counts as reachable, as networks may be named for other reasons.
    pub fn is_empty(&self) -> bool {
        self.by_network.is_empty()
    }

    /// All of them, each with its network.
    pub fn iter(&self) -> impl Iterator<Item = (&Str, &NetworkGateway)> {
        let all = self.by_network.iter();
        all.flat_map(|(network, list)| list.iter().map(move |gateway| (network, gateway)))
    }

    /// What weights are multiplied by, so that any of them can be shared evenly among the gateways of a network.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Those that lead to the workloads of a cluster in a network: of the cluster itself, else all of the
    /// network.
    pub fn to(&self, network: &str, cluster: &str) -> impl Iterator<Item = &NetworkGateway> {
        let list = self.by_network.get(network).map_or(&[][..], Vec::as_slice);
        let has_own = list.iter().any(|gateway| *gateway.cluster == *cluster);
        list.iter().filter(move |gateway| !has_own || *gateway.cluster == *cluster)
    }
}

/// Counts are small: they are of gateways.
fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    a.checked_div(divisor).map_or(0, |part| part.saturating_mul(b))
}

#[cfg(test)]
mod tests;
