//! Services by host name, kept up to date with each that comes, changes or goes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::api::Str;
use crate::api::host::is_wildcard;
use crate::model::service::{by_age, sort_by_age};
use crate::model::{Port, Registry, Service};

/// See the module.
#[derive(Debug, Default)]
pub struct HostIndex {
    /// Of each host, the oldest first.
    by_host: HashMap<Str, Vec<Arc<Service>>>,
    /// The hosts spelled backwards, so that those with one ending are together.
    backwards: BTreeSet<String>,
    /// The hosts of Kubernetes Services by the name of the object.
    by_name: HashMap<Str, BTreeSet<Str>>,
}

impl HostIndex {
    /// A service comes, changes or goes. Whether that can matter to those who name hosts.
    pub fn replace(&mut self, old: Option<&Arc<Service>>, new: Option<&Arc<Service>>) -> bool {
        if let Some(old) = old {
            self.remove(old);
        }
        if let Some(new) = new {
            self.insert(new);
        }
        match (old, new) {
            (Some(old), Some(new)) => {
                let numbers = |ports: &[Port]| ports.iter().map(|p| p.number).collect::<Vec<_>>();
                old.key != new.key
                    || old.visibility != new.visibility
                    || numbers(&old.ports) != numbers(&new.ports)
                    || old.resolution != new.resolution
            }
            _ => true,
        }
    }

    /// The services of a host, the oldest first.
    pub fn of(&self, host: &str) -> &[Arc<Service>] {
        self.by_host.get(host).map_or(&[], Vec::as_slice)
    }

    /// Whether a pattern covers the host of any service.
    pub(super) fn any_under(&self, pattern: &str) -> bool {
        let suffix = pattern.strip_prefix('*').unwrap_or(pattern);
        let ending: String = suffix.chars().rev().collect();
        let mut from = self.backwards.range(ending.clone()..);
        from.next().is_some_and(|host| host.starts_with(&ending))
    }

    /// The service whose pattern covers a host that nobody has, the most specific one.
    pub(super) fn over(&self, host: &str) -> Option<&Arc<Service>> {
        let dots = host.match_indices('.').map(|(at, _)| at);
        let mut patterns = dots.filter_map(|at| Some(format!("*{}", host.get(at..)?)));
        patterns.find_map(|pattern| self.of(&pattern).first())
    }

    /// The hosts of Kubernetes Services of this name in all namespaces.
    pub(super) fn of_name(&self, name: &str) -> impl Iterator<Item = &Str> {
        self.by_name.get(name).into_iter().flatten()
    }

    fn insert(&mut self, service: &Arc<Service>) {
        let host = &service.key.hostname;
        let all = self.by_host.entry(host.clone()).or_default();
        if all.is_empty() {
            self.backwards.insert(host.chars().rev().collect());
        }
        all.push(service.clone());
        sort_by_age(all);
        if service.registry == Registry::Kubernetes && !is_wildcard(host) {
            self.by_name.entry(service.name.clone()).or_default().insert(host.clone());
        }
    }

    fn remove(&mut self, service: &Arc<Service>) {
        let host = &service.key.hostname;
        let Some(all) = self.by_host.get_mut(host) else { return };
        all.retain(|other| by_age(other, service).is_ne());
        let kubernetes = all.iter().any(|other| other.registry == Registry::Kubernetes);
        if all.is_empty() {
            self.by_host.remove(host);
            self.backwards.remove(&host.chars().rev().collect::<String>());
        }
        if !kubernetes && let Some(hosts) = self.by_name.get_mut(&service.name) {
            hosts.remove(host);
            if hosts.is_empty() {
                self.by_name.remove(&service.name);
            }
        }
    }
}
