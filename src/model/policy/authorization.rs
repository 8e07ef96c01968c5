//! AuthorizationPolicies by namespace: those of a workload's own and of the root namespace may apply to it.
//!
//! A list keeps its `Arc` as long as its policies keep theirs, so that whoever remembers the lists that it looked at
//! knows whether they changed.

pub mod providers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attach::{Attachment, Workload};
use crate::api::Str;
use crate::api::config::Config;
use crate::api::security::AuthorizationPolicy;

/// The policies of a namespace, oldest first.
pub type Policies = Arc<[Arc<Config<AuthorizationPolicy>>]>;

/// All policies.
#[derive(Clone, Debug, Default)]
pub struct AuthorizationPolicies {
    by_namespace: BTreeMap<Str, Policies>,
}

impl AuthorizationPolicies {
    /// Of these objects, oldest first. Lists that are the same as `before` are kept.
    pub fn new(
        configs: &[Arc<Config<AuthorizationPolicy>>],
        before: &AuthorizationPolicies,
    ) -> AuthorizationPolicies {
        let mut lists: BTreeMap<Str, Vec<Arc<Config<AuthorizationPolicy>>>> = BTreeMap::new();
        for config in configs {
            lists.entry(config.meta.namespace.clone()).or_default().push(config.clone());
        }
        let keep = |(namespace, list): (Str, Vec<_>)| {
            let old = before.by_namespace.get(&namespace).filter(|old| is_same(old, &list));
            (namespace, old.cloned().unwrap_or_else(|| list.into()))
        };
        AuthorizationPolicies { by_namespace: lists.into_iter().map(keep).collect() }
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.by_namespace.is_empty()
    }

    /// All of them, by namespace.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Config<AuthorizationPolicy>>> {
        self.by_namespace.values().flat_map(|list| list.iter())
    }

    /// The lists that a workload of a namespace finds its policies in: that of the root namespace, and its own.
    pub fn near(&self, namespace: &str, root_namespace: &str) -> [Option<&Policies>; 2] {
        let own = (*namespace != *root_namespace).then(|| self.by_namespace.get(namespace));
        [self.by_namespace.get(root_namespace), own.flatten()]
    }

    /// The policies that apply to a workload: those of the root namespace, then those of its own.
    pub fn of(
        &self,
        workload: &Workload<'_>,
        root_namespace: &str,
    ) -> Vec<Arc<Config<AuthorizationPolicy>>> {
        let near = self.near(workload.namespace, root_namespace).into_iter().flatten();
        let all = near.flat_map(|list| list.iter());
        all.filter(|policy| attachment(policy).is_to(workload)).cloned().collect()
    }
}

/// Whom a policy is for.
pub fn attachment(policy: &Config<AuthorizationPolicy>) -> Attachment<'_> {
    let AuthorizationPolicy { selector, target_ref, target_refs, .. } = &policy.spec;
    Attachment::new(&policy.meta, selector, target_ref, target_refs)
}

fn is_same<T>(old: &[Arc<T>], new: &[Arc<T>]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(a, b)| Arc::ptr_eq(a, b))
}
