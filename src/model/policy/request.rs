//! RequestAuthentications: which apply to a workload, and where the keys of their issuers come from.
//!
//! All that apply are in force together. What was made from the same object, with the same places of its keys, keeps its
//! `Arc`.

mod keys;
mod told;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use self::keys::{KeysFrom, wanted_by};
use super::attach::{Attachment, Workload};
use crate::api::config::Config;
use crate::api::features::JwksFetcher;
use crate::api::jwks::{KeySets, Wanted};
use crate::api::security::RequestAuthentication;
use crate::api::{Diagnostic, ObjectKey, Str};
use crate::model::references::HostIndex;

/// An object of the kind.
type Object = Arc<Config<RequestAuthentication>>;

/// All RequestAuthentications.
#[derive(Clone, Debug, Default)]
pub struct RequestPolicies {
    /// Of each namespace the oldest first.
    by_namespace: BTreeMap<Str, Vec<Arc<RequestPolicy>>>,
    /// The key sets that are to be fetched for them.
    pub wanted: Arc<Wanted>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct RequestPolicy {
    /// The object.
    pub config: Object,
    /// Where the keys of each of its rules come from, in their order.
    pub keys: Vec<KeysFrom>,
}

impl RequestPolicy {
    /// Whether the issuer of a rule is asked where its keys are.
    fn asks_issuer(&self, rule: usize) -> bool {
        let rule = self.config.spec.jwt_rules.get(rule);
        rule.is_some_and(|rule| rule.jwks.is_empty() && rule.jwks_uri.is_empty())
    }

    fn attachment(&self) -> Attachment<'_> {
        let spec = &self.config.spec;
        let meta = &self.config.meta;
        Attachment::new(meta, &spec.selector, &spec.target_ref, &spec.target_refs)
    }
}

impl RequestPolicies {
    /// Of these objects, oldest first. What `before` made from the same objects is kept. `root` is the root namespace,
    /// whose objects are for all others.
    pub fn new(
        configs: &[Object],
        fetcher: JwksFetcher,
        hosts: &HostIndex,
        root: &str,
        before: &RequestPolicies,
    ) -> RequestPolicies {
        let made = before.by_namespace.values().flatten();
        let made: HashMap<ObjectKey, &Arc<RequestPolicy>> =
            made.map(|policy| (policy.config.key(), policy)).collect();
        let mut all = RequestPolicies::default();
        let mut wanted = Wanted::new();
        for config in configs {
            let rules = config.spec.jwt_rules.iter();
            let keys: Vec<KeysFrom> =
                rules.map(|rule| KeysFrom::of(rule, fetcher, hosts)).collect();
            keys::want(&config.spec.jwt_rules, &keys, &mut wanted);
            let same = made
                .get(&config.key())
                .filter(|policy| Arc::ptr_eq(&policy.config, config) && policy.keys == keys);
            let policy = same.map_or_else(
                || Arc::new(RequestPolicy { config: config.clone(), keys }),
                |same| Arc::clone(same),
            );
            all.by_namespace.entry(config.meta.namespace.clone()).or_default().push(policy);
        }
        all.wanted =
            if *before.wanted == wanted { before.wanted.clone() } else { Arc::new(wanted) };
        all.diagnostics = told::of_objects(&all.by_namespace, root);
        all
    }

    /// Those that apply to a workload: of its namespace, then of the root namespace, each the oldest first.
    pub fn of(&self, workload: &Workload<'_>, root: &str) -> Vec<Arc<RequestPolicy>> {
        let own = self.by_namespace.get(workload.namespace);
        let root = self.by_namespace.get(root).filter(|_| workload.namespace != root);
        let all = own.into_iter().chain(root).flatten();
        all.filter(|policy| policy.attachment().is_to(workload)).cloned().collect()
    }

    /// What is to be said of the keys that were to be fetched for them.
    pub fn of_keys(&self, keys: &KeySets) -> Vec<Diagnostic> {
        let all = self.by_namespace.values().flatten();
        all.flat_map(|policy| told::of_keys(policy, keys)).collect()
    }
}

#[cfg(test)]
mod tests;
