//! Filters of authorisation, from the AuthorizationPolicies that apply to a workload.
//!
//! For each action that policies have there is one filter of RBAC with the rules of them all, in the order in which
//! they are asked: CUSTOM, AUDIT, DENY, ALLOW. CUSTOM has one for each provider, and behind it the filter that asks the
//! provider. Tokens are verified behind CUSTOM and before the others, which read what is found in them.
//!
//! Whatever an Envoy lacks, these filters are sent: it is better that it refuses the listener than that it opens it.
//!
//! Matchers are made of typed values: [`text::Text`] for values of users, [`pattern::Pattern`] where they stand inside
//! a regular expression.

pub mod asked;
pub mod asker;
pub mod attribute;
pub mod ext_authz;
pub mod metadata;
pub mod node;
pub mod pattern;
pub mod provider;
pub mod rbac;
pub mod rule;
pub mod streams;
#[cfg(test)]
mod tests;
pub mod text;
pub mod trust_domain;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use self::ext_authz::policy_prefix;
use self::provider::Providers;
use self::rbac::{Chain, Compiler, Rules};
use crate::api::config::Config;
use crate::api::security::AuthorizationPolicy;
use crate::api::security::authorization_policy::Action;
use crate::api::{Code, Diagnostic, Features, MeshConfig, ObjectKey, Severity, Str};
use crate::model::Service;
use crate::proto::Any;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::listener::v3::{Filter, filter};
use crate::proto::envoy::envoy::config::rbac::v3::Rbac;
use crate::proto::envoy::envoy::config::rbac::v3::rbac::Action as Effect;
use crate::proto::envoy::envoy::extensions::filters::http::rbac::v3::Rbac as HttpRbac;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_filter;
use crate::proto::envoy::envoy::extensions::filters::network::rbac::v3::Rbac as TcpRbac;
use crate::snapshot::Snapshot;
use crate::translate::memo::{Recent, Same};

/// The filters, by name.
const HTTP_RBAC: &str = "envoy.filters.http.rbac";
const TCP_RBAC: &str = "envoy.filters.network.rbac";
const HTTP_EXT_AUTHZ: &str = "envoy.filters.http.ext_authz";
const TCP_EXT_AUTHZ: &str = "envoy.filters.network.ext_authz";

/// What the names of policies end with that refuse because nobody can be asked.
const NOBODY_TO_ASK: &str = "-deny-due-to-bad-CUSTOM-action";

/// Before the statistics of byte streams.
const TCP_STATISTICS: &str = "tcp.";

/// The filters of a workload.
#[derive(Debug, Default)]
pub struct Filters {
    /// Before tokens are verified.
    pub before_tokens: Vec<HttpFilter>,
    /// After that.
    pub after_tokens: Vec<HttpFilter>,
    /// Of byte streams.
    pub tcp: Vec<Filter>,
    /// The objects that they were made from.
    pub origins: Vec<ObjectKey>,
    /// What is to be said of the policies.
    pub diagnostics: Vec<Diagnostic>,
    /// What is to be said of them where nothing but byte streams is served.
    pub on_streams: Vec<Diagnostic>,
}

/// The policies that apply to a workload.
pub type Policies = Vec<Same<Config<AuthorizationPolicy>>>;

/// What providers are found from.
type World = (Same<MeshConfig>, Same<[Arc<Service>]>);

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {
    resolved: Recent<World, Same<Providers>>,
    providers: Recent<Providers, Providers>,
    filters: Recent<Key, Filters>,
}

/// What filters depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    policies: Policies,
    /// The trust domain of the mesh, and those that mean the same.
    trust_domains: Vec<Str>,
    /// None where nobody is asked.
    providers: Option<Same<Providers>>,
}

impl Memos {
    /// See [`Memo::sweep`](crate::translate::memo::Memo::sweep).
    pub fn sweep(&mut self) {
        self.filters.sweep();
        self.resolved.sweep();
        self.providers.sweep();
    }

    fn providers(&mut self, snapshot: &Snapshot) -> Same<Providers> {
        let Memos { resolved, providers, .. } = self;
        let key = (Same(snapshot.mesh.clone()), Same(snapshot.services.clone()));
        let found = resolved.get(key, |(Same(mesh), Same(services))| {
            Same(providers.get(Providers::of(mesh, services), Providers::clone))
        });
        (*found).clone()
    }
}

/// The filters for these policies; None if there are none.
pub fn filters(
    snapshot: &Snapshot,
    policies: &Policies,
    memos: &mut Memos,
) -> Option<Same<Filters>> {
    if policies.is_empty() {
        return None;
    }
    let asked = policies.iter().any(|Same(policy)| policy.spec.action == Action::Custom);
    let mesh = &snapshot.mesh;
    let own = std::iter::once(&mesh.trust_domain);
    let key = Key {
        policies: policies.clone(),
        trust_domains: own.chain(&mesh.trust_domain_aliases).cloned().collect(),
        providers: asked.then(|| memos.providers(snapshot)),
    };
    Some(Same(memos.filters.get(key, |key| key.build(&snapshot.features))))
}

impl Key {
    fn build(&self, features: &Features) -> Filters {
        let of = |action| {
            let all = self.policies.iter().map(|Same(policy)| &**policy);
            all.filter(move |policy| policy.spec.action == action)
        };
        let mut filters = Filters::default();
        self.ask(of(Action::Custom), features, &mut filters);
        let actions = [
            (Action::Audit, Effect::Log),
            (Action::Deny, Effect::Deny),
            (Action::Allow, Effect::Allow),
        ];
        for (action, effect) in actions {
            let compile = |chain| {
                let mut rules = Rules::default();
                of(action)
                    .for_each(|policy| self.compiler(chain).add(policy, "", effect, &mut rules));
                rules
            };
            if of(action).next().is_some() {
                filters.after_tokens.push(http_rbac(compile(Chain::Http)));
                filters.tcp.push(tcp_rbac(compile(Chain::Tcp)));
            }
        }
        let all = self.policies.iter().map(|Same(policy)| &**policy);
        filters.on_streams = all.flat_map(streams::check).collect();
        filters.origins.extend(self.policies.iter().map(|Same(policy)| policy.key()));
        filters
    }

    fn compiler(&self, chain: Chain) -> Compiler<'_> {
        Compiler { chain, trust_domains: &self.trust_domains }
    }

    /// What asks providers about the requests that these policies describe. Where nobody can be asked, they are
    /// refused.
    fn ask<'a>(
        &self,
        policies: impl Iterator<Item = &'a Config<AuthorizationPolicy>>,
        features: &Features,
        filters: &mut Filters,
    ) {
        let mut by_provider: BTreeMap<&str, Vec<&Config<AuthorizationPolicy>>> = BTreeMap::new();
        for policy in policies {
            let name = policy.spec.provider.as_ref().map_or("", |provider| &provider.name);
            by_provider.entry(name).or_default().push(policy);
        }
        let too_many = by_provider.len() > 1 && !features.several_ext_authz;
        if too_many {
            let names: Vec<&str> = by_provider.keys().copied().collect();
            let all = by_provider.values().flatten();
            filters.diagnostics.extend(all.map(|policy| several_providers(policy, &names)));
        }
        for (name, policies) in by_provider {
            let compile = |chain| {
                let mut rules = Rules::default();
                let (compiler, prefix) = (self.compiler(chain), policy_prefix(name));
                policies.iter().for_each(|p| compiler.add(p, &prefix, Effect::Deny, &mut rules));
                rules
            };
            let known = self.providers.as_ref().and_then(|Same(all)| all.get(name));
            match known.filter(|_| !too_many) {
                None => {
                    let rules = |chain| Some(refusing(compile(chain).enforced));
                    let rbac = HttpRbac { rules: rules(Chain::Http), ..HttpRbac::default() };
                    filters.before_tokens.push(http(HTTP_RBAC, any(&rbac)));
                    let rules = rules(Chain::Tcp);
                    filters.tcp.push(tcp(TCP_RBAC, any(&TcpRbac { rules, ..counted() })));
                }
                Some(provider) => {
                    filters.before_tokens.push(http(HTTP_RBAC, any(&noting(compile(Chain::Http)))));
                    let check = ext_authz::http(provider, HTTP_RBAC);
                    filters.before_tokens.push(http(HTTP_EXT_AUTHZ, any(&check)));
                    if let Some(check) = ext_authz::tcp(provider, TCP_RBAC) {
                        let HttpRbac { rules, shadow_rules, shadow_rules_stat_prefix, .. } =
                            noting(compile(Chain::Tcp));
                        let rbac =
                            TcpRbac { rules, shadow_rules, shadow_rules_stat_prefix, ..counted() };
                        filters.tcp.push(tcp(TCP_RBAC, any(&rbac)));
                        filters.tcp.push(tcp(TCP_EXT_AUTHZ, any(&check)));
                    }
                    filters.origins.push(provider.origin.clone());
                }
            }
        }
    }
}

/// What notes which policy describes a request. A policy that is only to tell what it would do refuses: Istio takes no
/// such policy of the action CUSTOM.
fn noting(rules: Rules) -> HttpRbac {
    let none = || Rbac { action: Effect::Deny.into(), ..Rbac::default() };
    HttpRbac {
        rules: rules.dry,
        shadow_rules: Some(rules.enforced.unwrap_or_else(none)),
        shadow_rules_stat_prefix: ext_authz::NOTES.into(),
        ..HttpRbac::default()
    }
}

/// The same rules, under names that tell why they refuse.
fn refusing(rules: Option<Rbac>) -> Rbac {
    let policies = rules.unwrap_or_default().policies.into_iter();
    let policies: HashMap<_, _> =
        policies.map(|(name, policy)| (name + NOBODY_TO_ASK, policy)).collect();
    Rbac { action: Effect::Deny.into(), policies, ..Rbac::default() }
}

fn http_rbac(rules: Rules) -> HttpFilter {
    let rbac = HttpRbac {
        shadow_rules_stat_prefix: dry_run_prefix(&rules).into(),
        rules: rules.enforced,
        shadow_rules: rules.dry,
        ..HttpRbac::default()
    };
    http(HTTP_RBAC, any(&rbac))
}

fn tcp_rbac(rules: Rules) -> Filter {
    let rbac = TcpRbac {
        shadow_rules_stat_prefix: dry_run_prefix(&rules).into(),
        rules: rules.enforced,
        shadow_rules: rules.dry,
        ..counted()
    };
    tcp(TCP_RBAC, any(&rbac))
}

/// Before the statistics of policies that only tell what they would do. Istio says it where there are none too, and
/// says the same whatever the action then.
fn dry_run_prefix(rules: &Rules) -> &'static str {
    match rules.dry.as_ref().map_or(Effect::Allow, Rbac::action) {
        Effect::Allow => "istio_dry_run_allow_",
        Effect::Deny => "istio_dry_run_deny_",
        Effect::Log => "",
    }
}

fn counted() -> TcpRbac {
    TcpRbac { stat_prefix: TCP_STATISTICS.into(), ..TcpRbac::default() }
}

fn http(name: &str, config: Any) -> HttpFilter {
    HttpFilter {
        name: name.into(),
        config_type: Some(http_filter::ConfigType::TypedConfig(config)),
        ..HttpFilter::default()
    }
}

fn tcp(name: &str, config: Any) -> Filter {
    Filter { name: name.into(), config_type: Some(filter::ConfigType::TypedConfig(config)) }
}

fn several_providers(policy: &Config<AuthorizationPolicy>, names: &[&str]) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        location: None,
        object: Some(policy.key()),
        path: "spec.provider.name".into(),
        message: format!(
            "policies with other providers apply to the same workload ({}), so that the requests that they describe \
             are refused there: use one provider, or set PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS",
            names.join(", ")
        ),
        code: Code::Other,
    }
}
