//! Endpoints in groups: what an assignment consists of, before it is a message.
//!
//! A group is of one locality and has one priority. Groups come in the order of their localities' texts, and keep it
//! through all that is done with them: gateways put in place of endpoints, priorities given, weights set. A group may
//! be empty where a locality lost its endpoints on the way; as in Istio it stays.

use std::collections::{BTreeMap, BTreeSet};

use super::balancing::{Balancing, Failover, matches};
use super::place::{CLUSTER, NETWORK};
use crate::api::Str;
use crate::model::{Endpoint, Health, Locality, NetworkGateway};

/// How many priorities localities are told apart by.
const LOCALITY_RANKS: u32 = 5;

/// Endpoints of one locality and priority.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// The locality.
    pub locality: &'a Locality,
    /// The endpoints.
    pub members: Vec<Member<'a>>,
    /// 0 is the highest.
    pub priority: u32,
    /// Its share among its equals; None when it lost its endpoints.
    pub weight: Option<u32>,
}

/// One endpoint of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Member<'a> {
    /// What it is.
    pub target: Target<'a>,
    /// Its share in the group.
    pub weight: u32,
    /// It is spoken to in mTLS.
    pub mtls: bool,
}

/// What traffic is sent to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    /// An endpoint itself.
    Endpoint(&'a Endpoint, Health),
    /// The gateway of a network, in place of all endpoints there.
    Gateway {
        /// The network.
        network: &'a str,
        /// Its gateway.
        gateway: &'a NetworkGateway,
    },
}

impl Member<'_> {
    /// The value of a label; empty when there is none.
    pub fn label(&self, key: &str) -> &str {
        let (network, cluster) = match &self.target {
            Target::Endpoint(Endpoint { workload: Some(workload), .. }, _) => {
                return workload.all_labels.get(key).map_or("", |value| value);
            }
            Target::Endpoint(endpoint, _) => (endpoint.network(), endpoint.cluster()),
            Target::Gateway { network, gateway } => (*network, &*gateway.cluster),
        };
        match key {
            NETWORK => network,
            CLUSTER => cluster,
            _ => "",
        }
    }
}

impl<'a> Group<'a> {
    /// The same without members.
    pub fn emptied(&self) -> Group<'a> {
        Group { members: Vec::new(), weight: None, ..*self }
    }

    /// Sets the weight to that of the members.
    pub fn weigh(&mut self) {
        let sum = self.members.iter().fold(0, |sum: u32, member| sum.saturating_add(member.weight));
        self.weight = (!self.members.is_empty()).then_some(sum);
    }
}

/// The members by locality.
pub fn by_locality<'a>(members: impl Iterator<Item = Member<'a>>) -> Vec<Group<'a>> {
    static NOWHERE: std::sync::LazyLock<Locality> = std::sync::LazyLock::new(Locality::default);
    let mut groups: BTreeMap<&Locality, Vec<Member<'a>>> = BTreeMap::new();
    for member in members {
        let locality = match member.target {
            Target::Endpoint(endpoint, _) => endpoint.workload.as_ref().map(|w| &w.locality),
            Target::Gateway { .. } => None,
        };
        groups.entry(locality.unwrap_or(&NOWHERE)).or_default().push(member);
    }
    let groups = groups.into_iter().map(|(locality, members)| {
        let mut group = Group { locality, members, priority: 0, weight: None };
        group.weigh();
        group
    });
    groups.collect()
}

/// Gives the groups the priorities and weights that are asked for.
pub fn balance<'a>(mut groups: Vec<Group<'a>>, how: &Balancing) -> Vec<Group<'a>> {
    match how {
        Balancing::Even => {}
        Balancing::Shares(shares) => share(&mut groups, shares),
        Balancing::Priorities { labels, failover } => {
            if !labels.is_empty() {
                groups = groups.iter().flat_map(|group| split(group, labels)).collect();
                compact(&mut groups);
            }
            if let Some(failover) = failover {
                for group in &mut groups {
                    let above = group.priority.saturating_mul(LOCALITY_RANKS);
                    group.priority = above + rank(failover, group.locality);
                }
                compact(&mut groups);
            }
        }
    }
    groups
}

/// Gives each locality its share. Localities that match one pattern divide its share by their weights; those that
/// match none lose their endpoints.
fn share(groups: &mut [Group<'_>], shares: &BTreeMap<Str, u32>) {
    let mut open: BTreeSet<usize> = (0..groups.len()).collect();
    for (pattern, share) in shares {
        let own: Vec<(usize, u64)> = groups
            .iter()
            .enumerate()
            .filter(|(index, group)| open.contains(index) && matches(group.locality, pattern))
            .map(|(index, group)| (index, group.weight.unwrap_or(1).into()))
            .collect();
        let total: u64 = own.iter().map(|(_, weight)| weight).sum();
        for (index, weight) in own {
            open.remove(&index);
            let part = (weight * u64::from(*share)).checked_div(total).map(|floor| {
                // Rounded up, so that nobody who has a share is left without.
                let exact = floor * total == weight * u64::from(*share);
                if exact { floor } else { floor + 1 }
            });
            let part = part.and_then(|part| u32::try_from(part).ok()).filter(|part| *part > 0);
            if let (Some(group), Some(part)) = (groups.get_mut(index), part) {
                group.weight = Some(part);
            }
        }
    }
    for index in open {
        if let Some(group) = groups.get_mut(index) {
            group.members.clear();
        }
    }
}

/// The members of a group by how many leading labels they share with the client, the nearest first.
fn split<'a>(group: &Group<'a>, labels: &[(Str, Str)]) -> Vec<Group<'a>> {
    let mut by_distance: BTreeMap<usize, Vec<Member<'a>>> = BTreeMap::new();
    for member in &group.members {
        let shared = labels.iter().take_while(|(key, want)| member.label(key) == &**want);
        let distance = labels.len() - shared.count();
        by_distance.entry(distance).or_default().push(member.clone());
    }
    let parts = by_distance.into_iter().map(|(distance, members)| {
        let priority = u32::try_from(distance).unwrap_or(u32::MAX);
        let mut part = Group { members, priority, ..group.emptied() };
        part.weigh();
        part
    });
    parts.collect()
}

/// How far a locality is from the client's.
fn rank(failover: &Failover, other: &Locality) -> u32 {
    let own = &failover.from;
    if own.region != other.region {
        return match &failover.to {
            Some(to) if *to != other.region => 4,
            _ => 3,
        };
    }
    match (own.zone == other.zone, own.subzone == other.subzone) {
        (true, true) => 0,
        (true, false) => 1,
        (false, _) => 2,
    }
}

/// Keeps the order of priorities and takes out the gaps, as Envoy demands.
fn compact(groups: &mut [Group<'_>]) {
    let mut places: BTreeMap<u32, u32> = groups.iter().map(|g| (g.priority, 0)).collect();
    for (place, slot) in (0..).zip(places.values_mut()) {
        *slot = place;
    }
    for group in groups {
        group.priority = places.get(&group.priority).copied().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
