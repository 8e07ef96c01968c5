//! Preferences for near endpoints (`trafficDistribution`).
//!
//! A service may ask that its clients prefer endpoints near them. What is near is a list of ranks, the coarsest
//! first: the more of its leading ranks an endpoint shares with the client, the higher its priority. This is
//! Istio's failover priority by topology labels.
//! <https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting>

use std::collections::BTreeMap;

use crate::api::Str;
use crate::model::{Locality, Service, Workload};

/// What an endpoint may share with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rank {
    Network,
    Region,
    Zone,
    Subzone,
    Node,
}

/// A service's wish for near endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preference {
    /// `PreferClose` and `PreferSameZone`.
    SameZone,
    /// `PreferSameNode`.
    SameNode,
}

/// Where a client runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its network.
    pub network: Str,
    /// Region, zone and subzone.
    pub locality: Locality,
    /// Its node; empty where the preference does not ask for it.
    pub node: Str,
}

impl Preference {
    /// Of a service; None if it has none, or asks for what is unknown.
    pub fn of(service: &Service) -> Option<Preference> {
        let value = &*service.traffic_distribution;
        let is = |name: &str| value.eq_ignore_ascii_case(name);
        if is("PreferClose") || is("PreferSameZone") {
            Some(Preference::SameZone)
        } else if is("PreferSameNode") {
            Some(Preference::SameNode)
        } else {
            None
        }
    }

    /// Whether the client's node matters.
    pub fn needs_node(self) -> bool {
        self.ranks().contains(&Rank::Node)
    }

    fn ranks(self) -> &'static [Rank] {
        const ALL: [Rank; 5] = [Rank::Network, Rank::Region, Rank::Zone, Rank::Subzone, Rank::Node];
        match self {
            Preference::SameZone => ALL.split_at(3).0,
            Preference::SameNode => &ALL,
        }
    }

    /// How many ranks the endpoint behind `workload` is away from the client: 0 if it shares all.
    pub fn distance(self, client: &Place, workload: Option<&Workload>) -> u32 {
        let ranks = self.ranks();
        let shared = ranks.iter().take_while(|rank| rank.of(client) == rank.of_workload(workload));
        u32::try_from(ranks.len() - shared.count()).unwrap_or(u32::MAX)
    }
}

impl Rank {
    fn of(self, place: &Place) -> &str {
        match self {
            Rank::Network => &place.network,
            Rank::Region => &place.locality.region,
            Rank::Zone => &place.locality.zone,
            Rank::Subzone => &place.locality.subzone,
            Rank::Node => &place.node,
        }
    }

    fn of_workload(self, workload: Option<&Workload>) -> &str {
        let Some(workload) = workload else { return "" };
        match self {
            Rank::Network => &workload.network,
            Rank::Region => &workload.locality.region,
            Rank::Zone => &workload.locality.zone,
            Rank::Subzone => &workload.locality.subzone,
            Rank::Node => &workload.node_name,
        }
    }
}

/// Distances as priorities: in the same order and without gaps, as Envoy demands.
pub fn compact(distances: impl IntoIterator<Item = u32>) -> BTreeMap<u32, u32> {
    let mut priorities: BTreeMap<u32, u32> = distances.into_iter().map(|d| (d, 0)).collect();
    for (priority, slot) in (0..).zip(priorities.values_mut()) {
        *slot = priority;
    }
    priorities
}
