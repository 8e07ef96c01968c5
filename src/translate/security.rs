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
use crate::api::jwks::KeySets;
use crate::api::security::AuthorizationPolicy;
use crate::api::{Diagnostic, ObjectKey};
use crate::model::policy::attach::Workload;
use crate::model::policy::request::RequestPolicy;
use crate::model::{Proxy, ProxyKind};
use crate::proto::envoy::envoy::config::listener::v3::Filter;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use crate::snapshot::Snapshot;

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {
    authentication: Memo<authentication::Key, Authentication>,
    authorization: authorization::Memos,
    policies: Memo<authorization::Policies, authorization::Policies>,
    tokens: Memo<authentication::Policies, authentication::Policies>,
    of_tokens: Recent<OfTokens, Option<Same<Authentication>>>,
}

/// By what the filter for tokens is found again without looking at its policies.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfTokens {
    policies: Same<authentication::Policies>,
    keys: Same<KeySets>,
    kind: ProxyKind,
}

impl Memos {
    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        self.of_tokens.sweep();
        self.authentication.sweep();
        self.tokens.sweep();
        self.authorization.sweep();
        self.policies.sweep();
    }

    /// The policies that apply to a proxy.
    pub fn applying(&mut self, snapshot: &Snapshot, proxy: &Proxy) -> Applying {
        let workload = Workload::of(proxy, &snapshot.features);
        let root = &snapshot.mesh.root_namespace;
        let found = snapshot.authorization_policies.of(&workload, root);
        let authorization = self.policies.get(found.into_iter().map(Same).collect(), Clone::clone);
        let found = snapshot.request_policies.of(&workload, root);
        let tokens = self.tokens.get(found.into_iter().map(Same).collect(), Clone::clone);
        Applying { authorization, tokens }
    }

    fn authentication(
        &mut self,
        policies: &Arc<authentication::Policies>,
        keys: &Arc<KeySets>,
        kind: ProxyKind,
    ) -> Option<Same<Authentication>> {
        if policies.is_empty() {
            return None;
        }
        let of = OfTokens { policies: Same(policies.clone()), keys: Same(keys.clone()), kind };
        let built = &mut self.authentication;
        let found = self.of_tokens.get(of, |_| {
            let key = authentication::Key::of(policies, keys, kind);
            key.map(|key| Same(built.get(key, Authentication::new)))
        });
        Option::clone(&found)
    }
}

/// The policies that apply to a proxy. Equal lists are one.
#[derive(Clone, Debug)]
pub struct Applying {
    /// Who may do what.
    pub authorization: Arc<authorization::Policies>,
    /// Which tokens of requests are believed.
    pub tokens: Arc<authentication::Policies>,
}

/// The AuthorizationPolicies of a namespace.
type Rights = [Arc<Config<AuthorizationPolicy>>];

/// The lists that the policies of a proxy are found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    authorization: [Option<Same<Rights>>; 2],
    tokens: [Option<Same<[Arc<RequestPolicy>]>>; 2],
}

impl Near {
    /// Of a proxy.
    pub fn of(snapshot: &Snapshot, proxy: &Proxy) -> Near {
        let (namespace, root) = (&proxy.namespace, &snapshot.mesh.root_namespace);
        let authorization = snapshot.authorization_policies.near(namespace, root);
        let tokens = snapshot.request_policies.near(namespace, root);
        Near {
            authorization: authorization.map(|list| list.cloned().map(Same)),
            tokens: tokens.map(|list| list.cloned().map(Same)),
        }
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
    /// Those of a proxy of this kind, to which these policies apply.
    pub fn of(
        kind: ProxyKind,
        applying: &Applying,
        snapshot: &Snapshot,
        memos: &mut Memos,
    ) -> Guards {
        let Applying { authorization, tokens } = applying;
        Guards {
            authentication: memos.authentication(tokens, &snapshot.key_sets, kind),
            authorization: authorization::filters(
                snapshot,
                authorization,
                &mut memos.authorization,
            ),
        }
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

    /// What is to be said of these where nothing but byte streams is served.
    pub fn on_streams(&self) -> impl Iterator<Item = Diagnostic> {
        self.authorization.iter().flat_map(|Same(own)| &own.on_streams).cloned()
    }

    /// What is to be said of these.
    pub fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> {
        self.authorization.iter().flat_map(|Same(own)| &own.diagnostics).cloned()
    }
}
