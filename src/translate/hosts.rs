//! Services by host name, for those who follow a destination. One index for all clients that see the same services.

use std::collections::HashMap;
use std::sync::Arc;

use super::memo::{Recent, Same};
use crate::api::Str;
use crate::model::Service;

/// See the module. Where several services have a host name, the first of the list counts.
#[derive(Debug, Default)]
pub struct Hosts(HashMap<Str, Arc<Service>>);

impl Hosts {
    /// The service of this full host name.
    pub fn find(&self, hostname: &str) -> Option<&Arc<Service>> {
        self.0.get(hostname)
    }
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Memos(Recent<Same<[Arc<Service>]>, Hosts>);

impl Memos {
    /// The index of these services.
    pub fn get(&mut self, services: &Arc<[Arc<Service>]>) -> Arc<Hosts> {
        self.0.get(Same(services.clone()), |Same(services)| {
            let mut hosts = HashMap::with_capacity(services.len());
            for service in services.iter() {
                hosts.entry(service.key.hostname.clone()).or_insert_with(|| service.clone());
            }
            Hosts(hosts)
        })
    }

    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        self.0.sweep();
    }
}
