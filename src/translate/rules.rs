//! The DestinationRules that a client follows, service by service.
//!
//! Clients of different namespaces mostly follow the same rules; then they have the same `ServiceRules`, by pointer.

use std::collections::HashMap;
use std::sync::Arc;

use super::memo::{Recent, Same};
use super::scope::Scope;
use crate::api::{Labels, Str};
use crate::model::destination_rule::Client;
use crate::model::{MergedRule, Rules, Service, ServiceKey};
use crate::snapshot::Snapshot;

/// The rules of the services that have one.
#[derive(Debug, Default)]
pub struct ServiceRules(HashMap<ServiceKey, Arc<MergedRule>>);

impl ServiceRules {
    /// The rule of a service.
    pub fn of(&self, service: &ServiceKey) -> Option<&Arc<MergedRule>> {
        self.0.get(service)
    }

    /// The rule of a service, as a key of memos holds it.
    pub fn key(&self, service: &ServiceKey) -> Option<Same<MergedRule>> {
        self.of(service).cloned().map(Same)
    }
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Memos {
    by_inputs: Recent<Inputs, Arc<ServiceRules>>,
    by_content: Recent<Vec<Found>, ServiceRules>,
}

/// A service and its rule.
type Found = (ServiceKey, Same<MergedRule>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Inputs {
    services: Same<[Arc<Service>]>,
    rules: Same<Rules>,
    namespace: Str,
    labels: Labels,
}

impl Memos {
    /// The rules that the proxies of a scope follow for these services.
    pub fn find(
        &mut self,
        snapshot: &Snapshot,
        scope: &Scope,
        services: &Arc<[Arc<Service>]>,
    ) -> Arc<ServiceRules> {
        let inputs = Inputs {
            services: Same(services.clone()),
            rules: Same(snapshot.destination_rules.clone()),
            namespace: scope.namespace.clone(),
            labels: scope.labels.clone(),
        };
        let by_content = &mut self.by_content;
        let found = self.by_inputs.get(inputs, |inputs| {
            let client = Client { namespace: &inputs.namespace, labels: &inputs.labels };
            let found = services.iter().filter_map(|service| {
                let rule = snapshot.destination_rules.find(client, &service.key)?;
                Some((service.key.clone(), Same(rule.clone())))
            });
            by_content.get(found.collect(), |found| {
                let entries = found.iter().map(|(key, Same(rule))| (key.clone(), rule.clone()));
                ServiceRules(entries.collect())
            })
        });
        Arc::clone(&found)
    }

    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        self.by_inputs.sweep();
        self.by_content.sweep();
    }
}
