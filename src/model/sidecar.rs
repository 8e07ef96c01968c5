//! Sidecars, and which of them applies to a workload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::config::Config;
use crate::api::networking::Sidecar;
use crate::api::{Diagnostic, Labels, Str};

/// All Sidecars.
#[derive(Clone, Debug, Default)]
pub struct Sidecars {
    /// Of each namespace: those with a selector (be it empty), then those without, each the oldest first.
    by_namespace: BTreeMap<Str, Vec<Arc<Config<Sidecar>>>>,
    label_keys: BTreeSet<Str>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

impl Sidecars {
    /// Of these objects, oldest first.
    pub fn new(configs: &[Arc<Config<Sidecar>>]) -> Sidecars {
        let mut sidecars = Sidecars::default();
        for config in configs {
            sidecars
                .by_namespace
                .entry(config.meta.namespace.clone())
                .or_default()
                .push(config.clone());
            sidecars.label_keys.extend(labels(config).map(|(key, _)| key.clone()));
        }
        for list in sidecars.by_namespace.values_mut() {
            list.sort_by_key(|config| config.spec.workload_selector.is_none());
        }
        sidecars
    }

    /// The one that applies to a workload: of its own namespace, else of the root namespace without a selector.
    pub fn find(
        &self,
        namespace: &str,
        workload: &Labels,
        root_namespace: &str,
    ) -> Option<&Arc<Config<Sidecar>>> {
        let selects = |config: &&Arc<Config<Sidecar>>| {
            labels(config).all(|(key, value)| workload.get(key) == Some(value))
        };
        let own = self.by_namespace.get(namespace).into_iter().flatten().find(selects);
        own.or_else(|| {
            let mut root = self.by_namespace.get(root_namespace).into_iter().flatten();
            root.find(|config| config.spec.workload_selector.is_none())
        })
    }

    /// The keys of labels by which they select workloads.
    pub fn label_keys(&self) -> &BTreeSet<Str> {
        &self.label_keys
    }
}

fn labels(config: &Config<Sidecar>) -> impl Iterator<Item = (&Str, &Str)> {
    config.spec.workload_selector.iter().flat_map(|selector| &selector.labels)
}
