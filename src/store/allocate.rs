//! Addresses for hosts of ServiceEntries that have none, so that clients that resolve names by our table get one
//! address for each host, by which their proxies tell hosts apart that share a port.
//!
//! Addresses that a status tells were allocated before and stay. The others follow from the host's name, so that they
//! are the same on all replicas and after a restart; of hosts whose names lead to one address the older keeps it, and
//! so does the older object of two that define one host. The result depends on the objects and not on the order of
//! events, and it is the same again when it is told in the objects' status.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Id;
use crate::api::{Block, Str};

/// What one ServiceEntry needs and has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) created: Option<jiff::Timestamp>,
    /// The hosts that addresses are for, each with those that its status tells.
    pub(super) hosts: Vec<(Str, Vec<IpAddr>)>,
    /// Addresses that the user wrote: nobody else gets them.
    pub(super) own: Vec<IpAddr>,
}

/// The addresses of an object's hosts.
pub(super) type Allocated = Vec<(Str, Vec<IpAddr>)>;

/// The addresses of all objects that need any, from these blocks.
pub(super) fn allocate(
    needs: &BTreeMap<Id, Need>,
    v4: Block,
    v6: Block,
) -> BTreeMap<Id, Allocated> {
    let mut oldest_first: Vec<(&Id, &Need)> = needs.iter().collect();
    oldest_first.sort_by_key(|(id, need)| (need.created, *id));
    let mut taken: HashSet<IpAddr> = needs.values().flat_map(|need| &need.own).copied().collect();
    let mut told: BTreeMap<(&Id, &Str), Vec<IpAddr>> = BTreeMap::new();
    for (id, need) in &oldest_first {
        for (host, addresses) in &need.hosts {
            let kept: Vec<IpAddr> =
                addresses.iter().copied().filter(|ip| taken.insert(*ip)).collect();
            // Half of a pair is of no use: the host gets a new one.
            if !kept.is_empty() && kept.len() == addresses.len() {
                told.insert((id, host), kept);
            }
        }
    }
    let mut all = BTreeMap::new();
    for (id, need) in oldest_first {
        let of_host = |(host, _): &'_ (Str, Vec<IpAddr>)| {
            let known = told.get(&(id, host)).cloned();
            (host.clone(), known.unwrap_or_default())
        };
        let mut allocated: Allocated = need.hosts.iter().map(of_host).collect();
        for (host, addresses) in allocated.iter_mut().filter(|(_, known)| known.is_empty()) {
            let blocks = [v4, v6].into_iter();
            *addresses = blocks.filter_map(|block| free(host, block, &mut taken)).collect();
        }
        if !allocated.is_empty() {
            all.insert(id.clone(), allocated);
        }
    }
    all
}

/// The first free address of a block, from the one that the host's name leads to. The first and the last address
/// of a block are nobody's.
fn free(host: &str, block: Block, taken: &mut HashSet<IpAddr>) -> Option<IpAddr> {
    let bits = if block.address.is_ipv4() { 32 } else { 128 };
    let size = 1u128.checked_shl(bits - u32::from(block.length)).unwrap_or(u128::MAX);
    let usable = size.checked_sub(2).filter(|usable| *usable > 0)?;
    let start = u128::from(hash(host)) % usable;
    let tries = usable.min(taken.len() as u128 + 1);
    (0..tries).find_map(|step| {
        let offset = 1 + (start + step) % usable;
        let ip = match block.address {
            IpAddr::V4(first) => {
                let first = u32::from(first)
                    & u32::MAX.checked_shl(32 - u32::from(block.length)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(first.wrapping_add(offset as u32)))
            }
            IpAddr::V6(first) => {
                let first = u128::from(first)
                    & u128::MAX.checked_shl(128 - u32::from(block.length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(first.wrapping_add(offset)))
            }
        };
        taken.insert(ip).then_some(ip)
    })
}

/// FNV-1a with its bits mixed once more: the same in all versions of the project, as addresses depend on it.
fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests;
