//! Rules by host, found by the most specific one that covers a name.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::MergedRule;
use crate::api::Str;
use crate::api::host::is_wildcard;

/// The rules of one namespace. Looking up costs one access for each length that a wildcard has.
#[derive(Clone, Debug, Default)]
pub(super) struct HostIndex {
    exact: HashMap<Str, Vec<Arc<MergedRule>>>,
    /// By what follows the asterisk.
    wildcards: HashMap<Str, Vec<Arc<MergedRule>>>,
    lengths: BTreeSet<usize>,
}

impl HostIndex {
    /// Of the rules of each host.
    pub(super) fn new(hosts: impl IntoIterator<Item = (Str, Vec<Arc<MergedRule>>)>) -> HostIndex {
        let mut index = HostIndex::default();
        for (host, rules) in hosts {
            match host.strip_prefix('*') {
                Some(suffix) => {
                    index.lengths.insert(suffix.len());
                    index.wildcards.insert(suffix.into(), rules);
                }
                None => {
                    index.exact.insert(host, rules);
                }
            }
        }
        index
    }

    /// The rules of the most specific host that covers this one, which may be a wildcard itself.
    pub(super) fn find(&self, host: &str) -> Option<&[Arc<MergedRule>]> {
        if !is_wildcard(host)
            && let Some(rules) = self.exact.get(host)
        {
            return Some(rules);
        }
        let name = host.strip_prefix('*').unwrap_or(host);
        self.lengths.iter().rev().find_map(|length| {
            let suffix = name.get(name.len().checked_sub(*length)?..)?;
            self.wildcards.get(suffix).map(Vec::as_slice)
        })
    }

    /// All rules, in any order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<MergedRule>> {
        self.exact.values().chain(self.wildcards.values()).flatten()
    }
}
