//! What PeerAuthentications contradict: ports of workloads, and rules of clients.
//!
//! Looked at again when something changed that it was found from: a policy, the workloads of a namespace that has
//! policies for ports, or the endpoints of a service whose clients are told to speak plain text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::selected::Remotes;
use crate::api::config::Config;
use crate::api::host::{covers, is_wildcard, resolve};
use crate::api::networking::DestinationRule;
use crate::api::security::PeerAuthentication;
use crate::api::{Diagnostic, Kind, ObjectKey, Str};
use crate::model::policy::peer::Policies;
use crate::model::policy::{plaintext, ports};
use crate::model::references::HostIndex;
use crate::model::{Peers, Service, ServiceEndpoints, ServiceKey};
use crate::snapshot::{NamespaceState, Objects};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Clashes {
    /// The policies that have modes for ports.
    policies: BTreeMap<ObjectKey, OfPolicy>,
    /// The rules by which clients present no certificate, with the services that they are for.
    rules: BTreeMap<(ObjectKey, ServiceKey), OfRule>,
    /// The services that rules were looked up among.
    services: Arc<[Arc<Service>]>,
    /// What is to be said.
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Debug)]
struct OfPolicy {
    policy: Arc<Config<PeerAuthentication>>,
    /// What was looked at.
    seen: Option<Arc<NamespaceState>>,
    told: Vec<Diagnostic>,
}

#[derive(Debug)]
struct OfRule {
    rule: Arc<Config<DestinationRule>>,
    service: Arc<Service>,
    /// What was looked at.
    seen: Option<(Arc<ServiceEndpoints>, Arc<Policies>)>,
    told: Vec<Diagnostic>,
}

/// What else is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) namespaces: &'a BTreeMap<Str, Arc<NamespaceState>>,
    pub(super) services: &'a Arc<[Arc<Service>]>,
    pub(super) domain: &'a str,
    /// The workloads of the other clusters.
    pub(super) remotes: &'a Remotes,
}

impl Clashes {
    /// Looks at what changed. Whether there is something else to say now.
    pub(super) fn refresh(
        &mut self,
        kinds: &BTreeSet<Kind>,
        objects: &Objects,
        around: Around<'_>,
        peers: &Peers,
        hosts: &HostIndex,
    ) -> bool {
        if kinds.contains(&Kind::PeerAuthentication) {
            self.list_policies(objects);
        }
        if kinds.contains(&Kind::DestinationRule) || !Arc::ptr_eq(&self.services, around.services) {
            self.services = around.services.clone();
            self.find_rules(objects, hosts, around.domain);
        }
        let mut changed = !kinds.is_empty();
        for of in self.policies.values_mut() {
            changed |= of.look(around);
        }
        for of in self.rules.values_mut() {
            changed |= of.look(around, peers);
        }
        if !changed {
            return false;
        }
        let of_policies = self.policies.values().flat_map(|of| &of.told);
        let of_rules = self.rules.values().flat_map(|of| &of.told);
        let all: Vec<Diagnostic> = of_policies.chain(of_rules).cloned().collect();
        let differs = all != self.diagnostics;
        self.diagnostics = all;
        differs
    }

    /// Lists the policies that have modes for ports. What was found out of one that did not change stays.
    fn list_policies(&mut self, objects: &Objects) {
        let mut before = std::mem::take(&mut self.policies);
        for policy in objects.configs().filter(|policy| ports::has_ports(policy)) {
            let key = policy.key();
            let old = before.remove(&key).filter(|old| Arc::ptr_eq(&old.policy, policy));
            let new = || OfPolicy { policy: policy.clone(), seen: None, told: Vec::new() };
            self.policies.insert(key, old.unwrap_or_else(new));
        }
    }

    /// Finds the services of each rule by which clients present no certificate. Those outside of the mesh have no policies.
    fn find_rules(&mut self, objects: &Objects, hosts: &HostIndex, domain: &str) {
        let before = std::mem::take(&mut self.rules);
        for rule in objects.configs::<DestinationRule>().filter(|rule| plaintext::is_open(rule)) {
            let host = resolve(&rule.spec.host, &rule.meta.namespace, domain);
            let services: Vec<&Arc<Service>> = match is_wildcard(&host) {
                false => hosts.of(&host).iter().collect(),
                true => self.services.iter().filter(|s| covers(&host, &s.key.hostname)).collect(),
            };
            for service in services.into_iter().filter(|service| !service.mesh_external) {
                let key = (rule.key(), service.key.clone());
                let (rule, service) = (rule.clone(), service.clone());
                self.rules.insert(key, OfRule { rule, service, seen: None, told: Vec::new() });
            }
        }
        for (key, old) in before {
            if let Some(new) = self.rules.get_mut(&key)
                && Arc::ptr_eq(&old.rule, &new.rule)
                && Arc::ptr_eq(&old.service, &new.service)
            {
                *new = old;
            }
        }
    }
}

impl OfPolicy {
    fn look(&mut self, around: Around<'_>) -> bool {
        let namespace = around.namespaces.get(&self.policy.meta.namespace);
        let same = match (&self.seen, namespace) {
            (Some(seen), Some(now)) => Arc::ptr_eq(seen, now),
            (None, None) => true,
            _ => false,
        };
        if same {
            return false;
        }
        self.seen = namespace.cloned();
        let workloads = namespace.into_iter().flat_map(|namespace| namespace.workloads.iter());
        let workloads = workloads.map(|(_, state)| (&state.workload.labels, &*state.targets));
        self.told = ports::unserved(&self.policy, workloads);
        true
    }
}

impl OfRule {
    fn look(&mut self, around: Around<'_>, peers: &Peers) -> bool {
        let key = &self.service.key;
        let namespace = around.namespaces.get(&key.namespace);
        let Some(endpoints) = namespace.and_then(|n| n.endpoints.get(&key.hostname)) else {
            self.seen = None;
            return !std::mem::take(&mut self.told).is_empty();
        };
        let policies = peers.of(&key.namespace);
        if let Some((a, b)) = &self.seen
            && Arc::ptr_eq(a, endpoints)
            && Arc::ptr_eq(b, policies)
        {
            return false;
        }
        self.told = plaintext::refused(&self.rule, &self.service, endpoints, policies);
        self.seen = Some((endpoints.clone(), policies.clone()));
        true
    }
}

#[cfg(test)]
mod tests;
