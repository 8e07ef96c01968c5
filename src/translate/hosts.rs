//! Services by host name, for those who follow a name wherever it leads. One index for all clients that see the same
//! services.

use std::collections::HashMap;
use std::sync::Arc;

use crate::api::Str;
use crate::model::{Registry, Service};

/// See the module.
#[derive(Debug, Default)]
pub struct Hosts {
    by_host: HashMap<Str, Vec<Arc<Service>>, rapidhash::fast::RandomState>,
    /// Every namespace sees every service, and none has the host name of another.
    pub plain: bool,
    /// The services whose clients connect to endpoints, oldest first.
    pub at_endpoints: Vec<Arc<Service>>,
}

impl Hosts {
    /// Of these services, oldest first.
    pub fn new(services: &[Arc<Service>]) -> Hosts {
        let mut hosts = Hosts { plain: true, ..Hosts::default() };
        for service in services {
            let same = hosts.by_host.entry(service.key.hostname.clone()).or_default();
            same.push(service.clone());
            hosts.plain &= same.len() == 1 && service.visibility.is_public();
            if service.is_at_endpoints() {
                hosts.at_endpoints.push(service.clone());
            }
        }
        hosts
    }

    /// The service of this full host name; the first of several.
    pub fn find(&self, host: &str) -> Option<&Arc<Service>> {
        self.of_host(host).first()
    }

    /// The services of a host name, oldest first.
    pub fn of_host(&self, host: &str) -> &[Arc<Service>] {
        self.by_host.get(host).map_or(&[], Vec::as_slice)
    }

    /// The service that a client in `namespace` means who names no other namespace: that of its own, whoever may
    /// see it, else the `best` that it sees: one of Kubernetes, else the oldest. Not the best is the first by name
    /// of namespace.
    pub fn meant(&self, host: &str, namespace: &str, best: bool) -> Option<&Arc<Service>> {
        let all = self.of_host(host);
        let kubernetes = |s: &&Arc<Service>| s.registry == Registry::Kubernetes;
        let own = || all.iter().filter(|s| *s.key.namespace == *namespace);
        if let Some(own) = own().find(kubernetes).or_else(|| own().next()) {
            return Some(own);
        }
        let seen = || all.iter().filter(|s| s.visibility.includes(namespace));
        if !best {
            return seen().min_by(|a, b| a.key.namespace.cmp(&b.key.namespace));
        }
        seen().find(kubernetes).or_else(|| seen().next())
    }
}
