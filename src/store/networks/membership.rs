//! The network of workloads that do not say it themselves.

use std::net::IpAddr;

use crate::api::cidr::Cidr;
use crate::api::{MeshNetworks, Str, core};
use crate::store::workload::NETWORK;

/// What says it: the first of the three that does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Membership {
    /// The label of the control plane's namespace; empty when unset.
    label: Str,
    /// The network that the cluster belongs to (`fromRegistry`); empty when there is none.
    registry: Str,
    /// Those of ranges of addresses (`fromCidr`), the widest range first.
    ranges: Vec<(Cidr, Str)>,
}

impl Membership {
    pub(in crate::store) fn new(
        namespace: Option<&core::Namespace>,
        networks: &MeshNetworks,
        cluster: &str,
    ) -> Membership {
        let label = namespace.and_then(|namespace| namespace.meta.label(NETWORK));
        let mut ranges = Vec::new();
        let mut registry = Str::default();
        for (name, network) in &networks.networks {
            for endpoints in &network.endpoints {
                let cidr = endpoints.from_cidr.as_ref().and_then(|cidr| Cidr::parse(cidr));
                ranges.extend(cidr.map(|cidr| (cidr, name.clone())));
                let own = endpoints.from_registry.as_ref().is_some_and(|id| **id == *cluster);
                if own && registry.is_empty() {
                    registry = name.clone();
                }
            }
        }
        ranges.sort_by_key(|(cidr, _)| cidr.length());
        Membership { label: label.cloned().unwrap_or_default(), registry, ranges }
    }

    /// The network of a workload with this label of its own and this first address.
    pub(in crate::store) fn network(&self, label: Option<&Str>, ip: Option<IpAddr>) -> Str {
        let of_range = || {
            let ranges = &self.ranges;
            ip.and_then(|ip| ranges.iter().find(|(cidr, _)| cidr.contains(ip)))
                .map(|(_, network)| network)
        };
        let given = |network: &&Str| !network.is_empty();
        label
            .filter(given)
            .or_else(|| Some(&self.label).filter(given))
            .or_else(|| Some(&self.registry).filter(given))
            .or_else(of_range)
            .cloned()
            .unwrap_or_default()
    }
}
