//! What is known of names: which services there are of each host, what names nobody, and who competes.
//!
//! A change of services that those who name them cannot notice costs the change; any other one look-up for each name.

use std::collections::{BTreeMap, BTreeSet};

use super::derive::ServiceChange;
use crate::api::{Diagnostic, Str};
use crate::model::references::HostIndex;
use crate::model::rivals;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct References {
    pub(super) hosts: HostIndex,
    /// What objects name is to be looked at again.
    pub(super) stale: bool,
    /// What they name that is not there.
    pub(super) missing: Vec<Diagnostic>,
    /// What is to be said of hosts that several objects define.
    pub(super) rivals: BTreeMap<Str, BTreeSet<Diagnostic>>,
}

impl References {
    /// Takes changes of services in.
    pub(super) fn note(&mut self, changes: &[ServiceChange]) {
        let mut touched: BTreeSet<&Str> = BTreeSet::new();
        for ServiceChange { old, new } in changes {
            self.stale |= self.hosts.replace(old.as_ref(), new.as_ref());
            touched.extend(old.iter().chain(new).map(|service| &service.key.hostname));
        }
        for host in touched {
            let told = rivals::of_host(self.hosts.of(host));
            let changed = match told.is_empty() {
                true => self.rivals.remove(host).is_some(),
                false => self.rivals.insert(host.clone(), told.clone()) != Some(told),
            };
            self.stale |= changed;
        }
    }
}

#[cfg(test)]
mod tests;
