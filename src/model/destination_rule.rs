//! DestinationRules as clients see them: found by client and service, and merged where several are for one host.
//!
//! Looking up goes host first: of the rules of a namespace, those of the most specific host that covers the service are
//! candidates, and only then it counts who may see them. A merged rule keeps its `Arc` as long as its sources keep
//! theirs. Host names are full names here.

mod index;
mod merge;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::index::HostIndex;
use self::merge::Merger;
pub use self::policy::{EffectivePolicy, TcpPolicy};
use super::{ServiceKey, Visibility};
use crate::api::config::Config;
use crate::api::networking::DestinationRule;
use crate::api::networking::destination_rule::Subset;
use crate::api::{Diagnostic, Features, Labels, MeshConfig, ObjectKey, Str};

/// The rules of one namespace for one host, merged.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedRule {
    /// The full host name, or a wildcard.
    pub host: Str,
    /// Who may see it.
    pub visibility: Visibility,
    /// What it says: subsets of all sources, the policy of the first that has one.
    pub spec: DestinationRule,
    /// The objects, in the order in which they were merged; at least one, which names the rule in resources.
    pub sources: Vec<Arc<Config<DestinationRule>>>,
    /// What is to be said of the objects because they were merged.
    pub diagnostics: Vec<Diagnostic>,
}

impl MergedRule {
    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.sources.first().map_or("", |first| &first.meta.namespace)
    }

    /// What resources name as their configuration.
    pub fn resource_path(&self) -> String {
        self.sources.first().map_or_else(String::new, |first| first.resource_path())
    }

    /// The objects that it was merged from.
    pub fn origins(&self) -> impl Iterator<Item = ObjectKey> {
        self.sources.iter().map(|source| source.key())
    }

    /// Whether it is for selected workloads only.
    pub fn has_selector(&self) -> bool {
        self.spec.workload_selector.is_some()
    }

    /// A subset by name.
    pub fn subset(&self, name: &str) -> Option<&Subset> {
        self.spec.subsets.iter().find(|subset| *subset.name == *name)
    }

    /// Whether it is for this workload of its own namespace in particular.
    fn selects(&self, client: Client<'_>) -> bool {
        let Some(selector) = &self.spec.workload_selector else { return false };
        let has = |(key, value): (&Str, &Str)| client.labels.get(key) == Some(value);
        self.namespace() == client.namespace && selector.match_labels.iter().all(has)
    }
}

/// Who asks for rules.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The namespace of its configuration.
    pub namespace: &'a str,
    /// The labels of its workload.
    pub labels: &'a Labels,
}

/// All rules.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    root_namespace: Str,
    /// By namespace: what its own clients follow.
    own: HashMap<Str, HostIndex>,
    /// By namespace: what clients of others may follow too.
    exported: HashMap<Str, HostIndex>,
    /// What only clients in the root namespace see there.
    root_private: HostIndex,
    label_keys: BTreeSet<Str>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

impl Rules {
    /// Of these objects, oldest first. What `before` merged from the same sources is kept.
    pub fn new(
        configs: &[Arc<Config<DestinationRule>>],
        mesh: &MeshConfig,
        domain: &str,
        features: &Features,
        before: &Rules,
    ) -> Rules {
        // Those with a selector come first: they decide what those without are merged with.
        let (selected, general): (Vec<_>, Vec<_>) =
            configs.iter().partition(|config| config.spec.workload_selector.is_some());
        let mut merger = Merger::new(mesh, domain, features, before.all());
        let (mut own, mut exported) = (BTreeMap::new(), BTreeMap::new());
        let mut root_private = merge::Hosts::default();
        for config in selected.into_iter().chain(general) {
            let namespace = &config.meta.namespace;
            let visibility = merger.visibility(config);
            if visibility.includes(namespace) {
                merger.add(own.entry(namespace.clone()).or_default(), config);
            }
            if !merge::is_private(&visibility, namespace) {
                merger.add(exported.entry(namespace.clone()).or_default(), config);
            } else if *namespace == mesh.root_namespace {
                merger.add(&mut root_private, config);
            }
        }
        let mut index = |hosts: BTreeMap<Str, merge::Hosts>| {
            let indexed =
                hosts.into_iter().map(|(namespace, hosts)| (namespace, merger.index(hosts)));
            indexed.collect()
        };
        let (own, exported) = (index(own), index(exported));
        let selectors = configs.iter().filter_map(|config| config.spec.workload_selector.as_ref());
        Rules {
            root_namespace: mesh.root_namespace.clone(),
            own,
            exported,
            root_private: merger.index(root_private),
            label_keys: selectors.flat_map(|s| s.match_labels.keys().cloned()).collect(),
            diagnostics: merger.diagnostics(),
        }
    }

    /// The rule that a client follows for a service.
    pub fn find(&self, client: Client<'_>, service: &ServiceKey) -> Option<&Arc<MergedRule>> {
        let candidates = self.candidates(client.namespace, service);
        let selected = candidates.iter().find(|rule| rule.selects(client)).copied();
        selected.or_else(|| general(&candidates))
    }

    /// The rule that a server in `namespace` follows for traffic to itself. Those that select workloads select clients.
    pub fn find_inbound(&self, namespace: &str, service: &ServiceKey) -> Option<&Arc<MergedRule>> {
        general(&self.candidates(namespace, service))
    }

    /// The rules that clients of a namespace may follow for a service, be it some of them: those of the first place
    /// that has one: the client's namespace, the service's, the root namespace. In the client's own namespace a rule
    /// counts even if it is not for this client.
    pub fn candidates(&self, namespace: &str, service: &ServiceKey) -> Vec<&Arc<MergedRule>> {
        let own = match *namespace == *self.root_namespace {
            // What the root namespace exports is for everybody: rules nearer to the service come first.
            true => self.root_private.find(&service.hostname),
            false => self.own.get(namespace).and_then(|own| own.find(&service.hostname)),
        };
        if let Some(own) = own {
            return own.iter().collect();
        }
        for place in [&service.namespace, &self.root_namespace] {
            let exported = self.exported.get(place).and_then(|rules| rules.find(&service.hostname));
            let visible = exported.into_iter().flatten();
            let visible: Vec<_> = visible.filter(|r| r.visibility.includes(namespace)).collect();
            if !visible.is_empty() {
                return visible;
            }
        }
        Vec::new()
    }

    /// The rules that there are for a service in all namespaces, whoever follows them.
    pub fn everywhere(&self, service: &ServiceKey) -> impl Iterator<Item = &Arc<MergedRule>> {
        self.indexes().filter_map(|rules| rules.find(&service.hostname)).flatten()
    }

    /// There is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// The keys of labels by which rules select clients.
    pub fn label_keys(&self) -> &BTreeSet<Str> {
        &self.label_keys
    }

    /// Every merged rule; one that is in several indexes comes several times.
    fn all(&self) -> impl Iterator<Item = &Arc<MergedRule>> {
        self.indexes().flat_map(HostIndex::all)
    }

    fn indexes(&self) -> impl Iterator<Item = &HostIndex> {
        self.own.values().chain(self.exported.values()).chain([&self.root_private])
    }
}

/// The rule for everybody. Where several could not be merged, the last one counts.
fn general<'a>(candidates: &[&'a Arc<MergedRule>]) -> Option<&'a Arc<MergedRule>> {
    candidates.iter().rfind(|rule| !rule.has_selector()).copied()
}
