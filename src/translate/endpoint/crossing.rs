//! Traffic between networks: gateways take the place of the endpoints that only they lead to (split horizon).
//!
//! The weight of such endpoints is divided among the gateways of their network. So that it can be, all weights are
//! multiplied by a number that every count of gateways divides.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::groups::{Group, Member, Target};
use crate::api::Str;
use crate::model::{Endpoint, NetworkGateway, NetworkGateways, Networks};
use crate::translate::memo::Same;
use crate::translate::scope::Families;

/// What decides how a client reaches other networks. Only where there is a gateway at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Crossing {
    /// The client's network; empty when it does not tell.
    pub network: Str,
    /// All gateways.
    pub networks: Same<Networks>,
    /// The client itself asks DNS, so that gateways may be host names.
    pub asks_dns: bool,
}

/// Gateways in the order of their addresses, with the weight that they carry.
type Weights<'a> = BTreeMap<(&'a Str, Option<u16>, &'a Str), (&'a str, &'a NetworkGateway, u32)>;

impl Crossing {
    fn gateways(&self) -> &NetworkGateways {
        let Same(networks) = &self.networks;
        if self.asks_dns { &networks.all } else { &networks.resolved }
    }

    /// The group as the client reaches it. `is_direct` tells which endpoints have an address that it can connect to.
    pub fn cross<'a>(
        &'a self,
        group: &Group<'a>,
        families: Families,
        is_direct: impl Fn(&Endpoint) -> bool,
    ) -> Group<'a> {
        let scale = self.gateways().scale();
        let mut crossed = group.emptied();
        let mut weights = Weights::new();
        for member in &group.members {
            let Target::Endpoint(endpoint, _) = member.target else { continue };
            let network = endpoint.network();
            let to_network = self.gateways().to(network, endpoint.cluster());
            let to_network = to_network.filter(|gateway| gateway.port.is_some());
            let gateways: Vec<&NetworkGateway> = to_network.collect();
            let weight = member.weight.saturating_mul(scale);
            if gateways.is_empty() || self.is_own(network) {
                if is_direct(endpoint) {
                    crossed.members.push(Member { weight, ..member.clone() });
                }
                continue;
            }
            let reached = gateways.into_iter().filter(|gateway| reaches(families, gateway));
            let reached: Vec<&NetworkGateway> = reached.collect();
            let share =
                u32::try_from(reached.len()).ok().and_then(|count| weight.checked_div(count));
            // The gateway chooses by the server name of mTLS: to others it cannot lead.
            let (Some(share), true) = (share, member.mtls) else { continue };
            for gateway in reached {
                let key = (&gateway.address, gateway.port, &gateway.cluster);
                let entry = weights.entry(key).or_insert((network, gateway, 0));
                entry.2 = entry.2.saturating_add(share);
            }
        }
        crossed.members.extend(weights.into_values().map(|(network, gateway, weight)| Member {
            target: Target::Gateway { network, gateway },
            weight: weight.max(1),
            mtls: true,
        }));
        crossed.weigh();
        crossed
    }

    /// Whether endpoints of a network with gateways are reached without them. A client that does not tell its
    /// network is in none of those that are named.
    fn is_own(&self, network: &str) -> bool {
        network.is_empty() || *self.network == *network
    }
}

/// Whether a client can connect to a gateway. What a host name stands for is known only to clients of both families.
fn reaches(families: Families, gateway: &NetworkGateway) -> bool {
    if families.v4 && families.v6 {
        return true;
    }
    let ip = gateway.ip().map(|ip| match ip {
        IpAddr::V6(v6) => v6.to_canonical(),
        v4 => v4,
    });
    ip.is_some_and(|ip| families.reach(ip))
}

#[cfg(test)]
mod tests;
