//! The services of all egress listeners together: each host name once.
//!
//! Of two services with one host name the first that was imported stays, but for those of Kubernetes, which
//! replace others: nobody shall take a name over before its Service is there. Two parts of a service, or two
//! services that differ in their ports only, become one with all ports.

use std::collections::HashMap;
use std::sync::Arc;

use super::parts::Parts;
use crate::api::{Diagnostic, Str};
use crate::model::rivals::{alike, between};
use crate::model::{Registry, Service};

/// See the module.
#[derive(Debug, Default)]
pub struct Union {
    /// In the order in which they were first imported.
    pub services: Vec<Arc<Service>>,
    by_host: HashMap<Str, usize, rapidhash::fast::RandomState>,
    /// What owners of services that lost are told.
    pub diagnostics: Vec<Diagnostic>,
}

impl Union {
    /// Adds a service.
    pub fn add(&mut self, service: &Arc<Service>, parts: &mut Parts) {
        let Union { services, by_host, diagnostics } = self;
        let index = *by_host.entry(service.key.hostname.clone()).or_insert(services.len());
        let Some(slot) = services.get_mut(index) else {
            services.push(service.clone());
            return;
        };
        if Arc::ptr_eq(slot, service) {
            return;
        }
        let kubernetes = |service: &Service| service.registry == Registry::Kubernetes;
        match (kubernetes(slot), kubernetes(service)) {
            (true, false) => diagnostics.extend(between(slot, service)),
            (false, true) => {
                diagnostics.extend(between(service, slot));
                *slot = service.clone();
            }
            _ if slot.ports == service.ports => diagnostics.extend(between(slot, service)),
            _ if !alike(slot, service) => diagnostics.extend(between(slot, service)),
            _ => *slot = parts.joined(slot, service),
        }
    }
}
