//! The services of all egress listeners together: each host name once.
//!
//! Of two services with one host name the first that was imported stays, but for those of Kubernetes, which
//! replace others: nobody shall take a name over before its Service is there. Two parts of a service, or two
//! services that differ in their ports only, become one with all ports.

use std::collections::HashMap;
use std::sync::Arc;

use super::parts::Parts;
use crate::api::{Diagnostic, Severity, Str};
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
            (true, false) => diagnostics.extend(lost(slot, service)),
            (false, true) => {
                diagnostics.extend(lost(service, slot));
                *slot = service.clone();
            }
            _ if slot.ports == service.ports => diagnostics.extend(lost(slot, service)),
            _ if !alike(slot, service) => diagnostics.extend(lost(slot, service)),
            _ => *slot = parts.joined(slot, service),
        }
    }
}

/// Whether two services of one name may become one.
fn alike(a: &Service, b: &Service) -> bool {
    a.key == b.key
        && a.resolution == b.resolution
        && a.labels == b.labels
        && a.selector == b.selector
        && a.visibility == b.visibility
}

/// What both owners are told, whoever looks. Parts of one object do not compete.
pub fn lost(winner: &Service, loser: &Service) -> Vec<Diagnostic> {
    if winner.origin == loser.origin {
        return Vec::new();
    }
    let host = &winner.key.hostname;
    let say = |service: &Service, message: String| Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(service.origin.clone()),
        path: String::new(),
        message,
    };
    vec![
        say(
            loser,
            format!(
                "{host} is also a host of {}, to which some clients go instead: a client takes the service of \
                 its own namespace, then one of Kubernetes, then the oldest; use another host name",
                winner.origin
            ),
        ),
        say(
            winner,
            format!(
                "{host} is also a host of {}; some clients come here instead: a client takes the service of its \
                 own namespace, then one of Kubernetes, then the oldest; use another host name",
                loser.origin
            ),
        ),
    ]
}
