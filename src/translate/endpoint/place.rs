//! Where a client is, as far as that decides which endpoints are near it.

use std::collections::BTreeSet;

use crate::api::{Labels, Str};
use crate::model::{Locality, Proxy, Workload};

/// The label of a workload that names its network.
pub const NETWORK: &str = "topology.istio.io/network";
/// Its region.
pub const REGION: &str = "topology.kubernetes.io/region";
/// Its zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// Its subzone.
pub const SUBZONE: &str = "topology.istio.io/subzone";
/// Its cluster.
pub const CLUSTER: &str = "topology.istio.io/cluster";
/// Its node.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Region, zone and subzone.
    pub locality: Locality,
    /// Of its labels, to which those of the topology belong, the ones that are asked for.
    pub labels: Labels,
}

impl Place {
    /// Of a proxy, the pod of which is `known` perhaps, on a node; `keys` are the labels that are asked for. What is
    /// known of its pod counts first: a node tells its locality, and an operator may name the network, without the
    /// proxy knowing.
    pub fn of(proxy: &Proxy, known: Option<&Workload>, node: &Str, keys: &BTreeSet<Str>) -> Place {
        let locality = known.map(|workload| &workload.locality).filter(|l| !l.is_empty());
        let locality = locality.unwrap_or(&proxy.locality).clone();
        let own = known.map_or(&proxy.labels, |workload| &workload.all_labels);
        let labels = keys.iter().filter_map(|key| {
            let own = own.get(key).filter(|value| !value.is_empty());
            let topology = match &**key {
                REGION => Some(&locality.region),
                ZONE => Some(&locality.zone),
                SUBZONE => Some(&locality.subzone),
                CLUSTER => Some(&proxy.cluster),
                HOSTNAME => Some(node),
                _ => None,
            };
            let value = topology
                .filter(|value| !value.is_empty())
                .or(own)
                .or_else(|| Some(&proxy.network).filter(|n| **key == *NETWORK && !n.is_empty()))?;
            Some((key.clone(), value.clone()))
        });
        let labels = labels.collect();
        Place { locality, labels }
    }

    /// The value of a label; empty when it has none.
    pub fn label(&self, key: &str) -> Str {
        self.labels.get(key).cloned().unwrap_or_default()
    }
}
