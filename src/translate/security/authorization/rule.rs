//! A rule of a policy as sets of terms: what is asked for, and who asks.
//!
//! Each `to` becomes a set of what is asked for, each `from` a set of who asks, and the conditions belong to every
//! set. All terms of a set have to hold, one set of each sort is enough.

use std::borrow::Cow;

use super::asked::Asked;
use super::asker::Asker;
use super::trust_domain;
use crate::api::Str;
use crate::api::security::authorization_policy::{Condition, Operation, Rule as Written, Source};

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule<'a> {
    /// What is asked for; at least one set, which may be empty.
    pub asked: Vec<Vec<Term<'a, Asked<'a>>>>,
    /// Who asks; likewise.
    pub askers: Vec<Vec<Term<'a, Asker<'a>>>>,
}

/// What is wanted of an attribute.
#[derive(Clone, Debug)]
pub struct Term<'a, A> {
    /// The attribute.
    pub attribute: A,
    /// It has one of these; empty for any.
    pub values: Cow<'a, [Str]>,
    /// It has none of these.
    pub not_values: Cow<'a, [Str]>,
}

impl<'a> Rule<'a> {
    /// Of a policy in a namespace. The first of `trust_domains` is that of the mesh, the others mean the same. None if a
    /// condition has a key that nobody knows.
    pub fn of(rule: &'a Written, namespace: &'a str, trust_domains: &[Str]) -> Option<Rule<'a>> {
        let (mut asked, mut askers) = (Vec::new(), Vec::new());
        for condition in &rule.when {
            let Condition { key, values, not_values } = condition;
            if let Some(attribute) = Asked::of_key(key) {
                add(&mut asked, attribute, values, not_values);
            } else {
                let attribute = Asker::of_key(key, namespace)?;
                add(&mut askers, attribute, values, not_values);
            }
        }
        let operations = rule.to.iter().map(|to| to.operation.as_ref());
        let sources = rule.from.iter().map(|from| from.source.as_ref());
        let mut rule = Rule {
            asked: sets(operations.map(|o| o.map(of_operation)), &asked),
            askers: sets(sources.map(|s| s.map(|s| of_source(s, namespace))), &askers),
        };
        for term in rule.askers.iter_mut().flatten() {
            trust_domain::migrate(term, trust_domains);
        }
        Some(rule)
    }
}

/// Each of these with the conditions behind it; the conditions alone where there are none.
fn sets<'a, A: Clone>(
    each: impl Iterator<Item = Option<Vec<Term<'a, A>>>>,
    conditions: &[Term<'a, A>],
) -> Vec<Vec<Term<'a, A>>> {
    let mut sets: Vec<_> = each
        .map(|own| own.into_iter().flatten().chain(conditions.iter().cloned()).collect())
        .collect();
    if sets.is_empty() {
        sets.push(conditions.to_vec());
    }
    sets
}

fn of_operation(operation: &Operation) -> Vec<Term<'_, Asked<'_>>> {
    let Operation { hosts, not_hosts, ports, not_ports, methods, not_methods, paths, not_paths } =
        operation;
    let mut terms = Vec::new();
    add(&mut terms, Asked::Host, hosts, not_hosts);
    add(&mut terms, Asked::Method, methods, not_methods);
    add(&mut terms, Asked::Path, paths, not_paths);
    add(&mut terms, Asked::DestinationPort, ports, not_ports);
    terms
}

fn of_source<'a>(source: &'a Source, namespace: &'a str) -> Vec<Term<'a, Asker<'a>>> {
    let Source { principals, not_principals, namespaces, not_namespaces, .. } = source;
    let Source { request_principals, not_request_principals, .. } = source;
    let Source { service_accounts, not_service_accounts, trust_domains, .. } = source;
    let Source { not_trust_domains, ip_blocks, not_ip_blocks, .. } = source;
    let Source { remote_ip_blocks, not_remote_ip_blocks, .. } = source;
    let account = Asker::ServiceAccount { namespace };
    let mut terms = Vec::new();
    add(&mut terms, Asker::Principal, principals, not_principals);
    let attribute = Asker::RequestPrincipal;
    add(&mut terms, attribute, request_principals, not_request_principals);
    add(&mut terms, account, service_accounts, not_service_accounts);
    add(&mut terms, Asker::TrustDomain, trust_domains, not_trust_domains);
    add(&mut terms, Asker::Namespace, namespaces, not_namespaces);
    add(&mut terms, Asker::RemoteIp, remote_ip_blocks, not_remote_ip_blocks);
    add(&mut terms, Asker::SourceIp, ip_blocks, not_ip_blocks);
    terms
}

fn add<'a, A>(
    terms: &mut Vec<Term<'a, A>>,
    attribute: A,
    values: &'a [Str],
    not_values: &'a [Str],
) {
    if !values.is_empty() || !not_values.is_empty() {
        let (values, not_values) = (Cow::Borrowed(values), Cow::Borrowed(not_values));
        terms.push(Term { attribute, values, not_values });
    }
}
