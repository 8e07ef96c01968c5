//! Filters that refuse requests and connections, from the policies that apply to a workload.
//!
//! What applies is found once for each proxy and snapshot; what follows from it is memoised on the policies, so that
//! the workloads of a policy share its filters, and what did not change is the same by pointer. A policy that changes
//! makes anew the listeners of those workloads only that it applies to.

pub mod authentication;
pub mod authorization;

use std::sync::Arc;

use self::authentication::Authentication;
use super::memo::{Memo, Recent, Same};
use crate::api::config::Config;
use crate::api::security::AuthorizationPolicy;
use crate::api::{Diagnostic, ObjectKey};
use crate::model::Proxy;
use crate::model::policy::attach::Workload;
use crate::proto::envoy::envoy::config::listener::v3::Filter;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use crate::snapshot::Snapshot;

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {
    authentication: Recent<authentication::Key, Authentication>,
    authorization: authorization::Memos,
    policies: Memo<authorization::Policies, authorization::Policies>,
}

impl Memos {
    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        self.authentication.sweep();
        self.authorization.sweep();
        self.policies.sweep();
    }

    /// The AuthorizationPolicies that apply to a proxy. Equal lists are one.
    pub fn policies(&mut self, snapshot: &Snapshot, proxy: &Proxy) -> Arc<authorization::Policies> {
        let workload = Workload::of(proxy, &snapshot.features);
        let policies = &snapshot.authorization_policies;
        let found = policies.of(&workload, &snapshot.mesh.root_namespace);
        self.policies.get(found.into_iter().map(Same).collect(), Clone::clone)
    }
}

/// The lists that the AuthorizationPolicies of a proxy are found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near([Option<Same<[Arc<Config<AuthorizationPolicy>>]>>; 2]);

impl Near {
    /// Of a proxy.
    pub fn of(snapshot: &Snapshot, proxy: &Proxy) -> Near {
        let root = &snapshot.mesh.root_namespace;
        let near = snapshot.authorization_policies.near(&proxy.namespace, root);
        Near(near.map(|list| list.cloned().map(Same)))
    }
}

/// The filters of a workload, or of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Guards {
    /// Which tokens of requests are believed; None if nobody asks.
    pub authentication: Option<Same<Authentication>>,
    /// Who may do what; None if everybody may do everything.
    pub authorization: Option<Same<authorization::Filters>>,
}

impl Guards {
    /// Those of a proxy, to which these AuthorizationPolicies apply.
    pub fn of(
        proxy: &Proxy,
        applying: &authorization::Policies,
        snapshot: &Snapshot,
        memos: &mut Memos,
    ) -> Guards {
        let root = &snapshot.mesh.root_namespace;
        let workload = Workload::of(proxy, &snapshot.features);
        let policies = snapshot.request_policies.of(&workload, root);
        let key = authentication::Key::of(policies, &snapshot.key_sets, proxy.kind);
        let authentication =
            key.map(|key| Same(memos.authentication.get(key, Authentication::new)));
        let authorization = authorization::filters(snapshot, applying, &mut memos.authorization);
        Guards { authentication, authorization }
    }

    /// Those of HTTP, in their order.
    pub fn http(&self) -> impl Iterator<Item = HttpFilter> {
        let tokens = self.authentication.iter().map(|Same(authentication)| &authentication.filter);
        let before = self.authorization.iter().flat_map(|Same(filters)| &filters.before_tokens);
        let after = self.authorization.iter().flat_map(|Same(filters)| &filters.after_tokens);
        before.chain(tokens).chain(after).cloned()
    }

    /// Those of byte streams, in their order.
    pub fn tcp(&self) -> impl Iterator<Item = Filter> {
        self.authorization.iter().flat_map(|Same(filters)| &filters.tcp).cloned()
    }

    /// The objects that they come from.
    pub fn origins(&self) -> impl Iterator<Item = &ObjectKey> {
        let tokens = self.authentication.iter().flat_map(|Same(own)| &own.origins);
        tokens.chain(self.authorization.iter().flat_map(|Same(own)| &own.origins))
    }

    /// What is to be said of these.
    pub fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> {
        self.authorization.iter().flat_map(|Same(own)| &own.diagnostics).cloned()
    }
}
