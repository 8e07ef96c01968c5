//! From the rules of policies to those of Envoy's RBAC.
//!
//! What cannot be said on a filter chain must not open it: a rule that lets requests through is left out whole, one
//! that refuses or logs them loses the term and is about more requests.

use super::attribute::{Alternatives, Attribute};
use super::node::Node;
use super::rule::{Rule, Term};
use crate::api::Str;
use crate::api::config::Config;
use crate::api::security::AuthorizationPolicy;
use crate::api::security::authorization_policy::dry_run;
use crate::proto::envoy::envoy::config::rbac::v3::rbac::Action;
use crate::proto::envoy::envoy::config::rbac::v3::{Permission, Policy, Principal, Rbac};

/// What a filter chain reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// HTTP requests.
    Http,
    /// Byte streams, of which only the connection is known.
    Tcp,
}

/// What the rules of one action become, as long as there is a policy of the sort.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Of policies that count.
    pub enforced: Option<Rbac>,
    /// Of those that only tell what they would do.
    pub dry: Option<Rbac>,
}

/// Makes rules.
#[derive(Clone, Copy, Debug)]
pub struct Compiler<'a> {
    /// For which chain.
    pub chain: Chain,
    /// The trust domain of the mesh, and those that mean the same.
    pub trust_domains: &'a [Str],
}

impl Compiler<'_> {
    /// The rules of a policy with others, under names that begin with `prefix`.
    pub fn add(
        self,
        policy: &Config<AuthorizationPolicy>,
        prefix: &str,
        action: Action,
        rules: &mut Rules,
    ) {
        let observed = dry_run(&policy.meta).unwrap_or_default();
        let place = if observed { &mut rules.dry } else { &mut rules.enforced };
        let all = place.get_or_insert_with(|| Rbac { action: action.into(), ..Rbac::default() });
        let meta = &policy.meta;
        let name = |rule: usize| {
            format!("{prefix}ns[{}]-policy[{}]-rule[{rule}]", meta.namespace, meta.name)
        };
        if policy.spec.rules.is_empty() {
            all.policies.insert(name(0), never());
        }
        for (index, written) in policy.spec.rules.iter().enumerate() {
            let rule = Rule::of(written, &meta.namespace, self.trust_domains);
            let made = rule.and_then(|rule| self.policy(&rule, action != Action::Allow));
            all.policies.extend(made.map(|made| (name(index), made)));
        }
    }

    /// A rule; None if it is left out.
    fn policy(self, rule: &Rule<'_>, lenient: bool) -> Option<Policy> {
        let permissions = rule.asked.iter().map(|terms| self.set(terms, lenient));
        let principals = rule.askers.iter().map(|terms| self.set(terms, lenient));
        Some(Policy {
            permissions: permissions.collect::<Option<_>>()?,
            principals: principals.collect::<Option<_>>()?,
            ..Policy::default()
        })
    }

    /// All terms of a set together.
    fn set<A: Attribute>(self, terms: &[Term<'_, A>], lenient: bool) -> Option<A::Node> {
        let mut nodes = Vec::new();
        for term in terms {
            if self.chain == Chain::Tcp && term.attribute.is_http() {
                if lenient {
                    continue;
                }
                return None;
            }
            let of = |values: &[Str]| alternatives(&term.attribute, values, lenient);
            nodes.extend(of(&term.values)?);
            nodes.extend(of(&term.not_values)?.map(Node::not));
        }
        if nodes.is_empty() {
            nodes.push(Node::any());
        }
        Some(Node::all(nodes))
    }
}

/// One of these values; nothing if none is left. None outside if the rule cannot be.
fn alternatives<A: Attribute>(
    attribute: &A,
    values: &[Str],
    lenient: bool,
) -> Option<Option<A::Node>> {
    if values.is_empty() {
        return Some(None);
    }
    match attribute.alternatives(values) {
        Alternatives::Whole(node) => (node.is_some() || lenient).then_some(node),
        Alternatives::Each(nodes) => {
            if !lenient && nodes.iter().any(Option::is_none) {
                return None;
            }
            let known: Vec<A::Node> = nodes.into_iter().flatten().collect();
            Some((!known.is_empty()).then(|| Node::one(known)))
        }
    }
}

/// What describes no request.
fn never() -> Policy {
    Policy {
        permissions: vec![Permission::not(Permission::any())],
        principals: vec![Principal::not(Principal::any())],
        ..Policy::default()
    }
}
