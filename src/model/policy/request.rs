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

/// Those of a namespace, the oldest first.
pub type Policies = Arc<[Arc<RequestPolicy>]>;

/// All RequestAuthentications.
#[derive(Clone, Debug, Default)]
pub struct RequestPolicies {
    /// By namespace. A list that stays the same is the same by pointer.
    by_namespace: BTreeMap<Str, Policies>,
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
        let made = before.by_namespace.values().flat_map(|list| list.iter());
        let made: HashMap<ObjectKey, &Arc<RequestPolicy>> =
            made.map(|policy| (policy.config.key(), policy)).collect();
        let mut lists: BTreeMap<Str, Vec<Arc<RequestPolicy>>> = BTreeMap::new();
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
            lists.entry(config.meta.namespace.clone()).or_default().push(policy);
        }
        let keep = |(namespace, list): (Str, Vec<Arc<RequestPolicy>>)| {
            let old = before.by_namespace.get(&namespace);
            let old = old.filter(|old| {
                old.len() == list.len() && old.iter().zip(&list).all(|(a, b)| Arc::ptr_eq(a, b))
            });
            (namespace, old.cloned().unwrap_or_else(|| list.into()))
        };
        let by_namespace = lists.into_iter().map(keep).collect();
        RequestPolicies {
            diagnostics: told::of_objects(&by_namespace, root),
            by_namespace,
            wanted: match *before.wanted == wanted {
                true => before.wanted.clone(),
                false => Arc::new(wanted),
            },
        }
    }

    /// The lists that a workload of a namespace finds its policies in: its own, and that of the root namespace.
    pub fn near(&self, namespace: &str, root: &str) -> [Option<&Policies>; 2] {
        let of_root = (*namespace != *root).then(|| self.by_namespace.get(root));
        [self.by_namespace.get(namespace), of_root.flatten()]
    }

    /// Those that apply to a workload: of its namespace, then of the root namespace, each the oldest first.
    pub fn of(&self, workload: &Workload<'_>, root: &str) -> Vec<Arc<RequestPolicy>> {
        let near = self.near(workload.namespace, root).into_iter().flatten();
        let all = near.flat_map(|list| list.iter());
        all.filter(|policy| policy.attachment().is_to(workload)).cloned().collect()
    }

    /// What is to be said of the keys that were to be fetched for them.
    pub fn of_keys(&self, keys: &KeySets) -> Vec<Diagnostic> {
        let all = self.by_namespace.values().flat_map(|list| list.iter());
        all.flat_map(|policy| told::of_keys(policy, keys)).collect()
    }
}

#[cfg(test)]
mod tests;
