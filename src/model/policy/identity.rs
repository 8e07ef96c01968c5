//! AuthorizationPolicies that ask who a client is, for workloads that also take connections which do not tell.
//!
//! Over plain text there is no identity: what asks for one does not hold, and what excludes one does. So a rule that
//! denies lets through, and a rule that allows by exclusion lets in (Istio's advisory 2021-004).

use std::sync::Arc;

use super::peer::{Mode, Peers};
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::security::AuthorizationPolicy;
use crate::api::security::authorization_policy::{Action, Condition, Rule, Source};
use crate::api::{Diagnostic, Labels, ObjectKey, Str};

/// What is to be said of these objects. Those that name objects instead of workloads are for gateways and waypoints,
/// which no PeerAuthentication is for.
pub fn check<'a>(
    policies: impl Iterator<Item = &'a Arc<Config<AuthorizationPolicy>>>,
    peers: &Peers,
    root_namespace: &Str,
) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for policy in policies {
        let spec = &policy.spec;
        if spec.target_ref.is_some()
            || !spec.target_refs.is_empty()
            || spec.action == Action::Custom
        {
            continue;
        }
        let asks = asks(&spec.rules);
        if asks.is_empty() {
            continue;
        }
        let none = Labels::new();
        let labels = spec.selector.as_ref().map_or(&none, |selector| &selector.match_labels);
        let open = match policy.meta.namespace == *root_namespace {
            true => peers.loosest(labels),
            false => peers.of(&policy.meta.namespace).loosest(labels),
        };
        let Some((mode, by)) = open else { continue };
        let harmful = asks.into_iter().filter(|ask| is_harmful(spec.action, ask.excludes, mode));
        told.extend(harmful.map(|Ask { path, excludes }| {
            let message = message(spec.action, excludes, mode, by.as_ref());
            Issue::warning(path, message).of(&policy.key())
        }));
    }
    told
}

/// A place in a policy that asks for an identity.
#[derive(Clone, Debug, PartialEq)]
struct Ask {
    path: FieldPath,
    /// It must not be one of these.
    excludes: bool,
}

fn asks(rules: &[Rule]) -> Vec<Ask> {
    let mut asks = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let at = FieldPath::of("spec").key("rules").index(index);
        for (index, from) in rule.from.iter().enumerate() {
            let at = at.clone().key("from").index(index).key("source");
            asks.extend(from.source.iter().flat_map(|source| of_source(source, &at)));
        }
        for (index, condition) in rule.when.iter().enumerate() {
            asks.extend(of_condition(condition, &at.clone().key("when").index(index)));
        }
    }
    asks
}

fn of_source(source: &Source, at: &FieldPath) -> Vec<Ask> {
    let fields = [
        ("principals", &source.principals, false),
        ("notPrincipals", &source.not_principals, true),
        ("namespaces", &source.namespaces, false),
        ("notNamespaces", &source.not_namespaces, true),
        ("serviceAccounts", &source.service_accounts, false),
        ("notServiceAccounts", &source.not_service_accounts, true),
        ("trustDomains", &source.trust_domains, false),
        ("notTrustDomains", &source.not_trust_domains, true),
    ];
    let asking = fields.into_iter().filter(|(_, values, _)| !values.is_empty());
    asking.map(|(name, _, excludes)| Ask { path: at.clone().key(name), excludes }).collect()
}

fn of_condition(condition: &Condition, at: &FieldPath) -> Vec<Ask> {
    const KEYS: [&str; 4] =
        ["source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain"];
    if !KEYS.contains(&&*condition.key) {
        return Vec::new();
    }
    let fields = [("values", &condition.values, false), ("notValues", &condition.not_values, true)];
    let asking = fields.into_iter().filter(|(_, values, _)| !values.is_empty());
    asking.map(|(name, _, excludes)| Ask { path: at.clone().key(name), excludes }).collect()
}

/// That plain text is refused needs no word, unless nothing else ever comes.
fn is_harmful(action: Action, excludes: bool, mode: Mode) -> bool {
    mode == Mode::Disable || excludes == (action == Action::Allow)
}

fn message(action: Action, excludes: bool, mode: Mode, by: Option<&ObjectKey>) -> String {
    let why = match (mode, by) {
        (Mode::Disable, Some(by)) => format!("no mTLS is ended here ({by})"),
        (_, Some(by)) => format!("plain text is taken here too ({by})"),
        (_, None) => {
            "plain text is taken here too (no PeerAuthentication says otherwise)".to_owned()
        }
    };
    let so = match (action, excludes) {
        (Action::Deny, false) => "is let through by this rule",
        (Action::Deny, true) => "is refused by this rule, whoever it is from",
        (Action::Audit, false) => "is not logged by this rule",
        (Action::Audit, true) => "is logged by this rule, whoever it is from",
        (Action::Allow | Action::Custom, false) => "is not let in by this rule, whoever it is from",
        (Action::Allow | Action::Custom, true) => "is let in by this rule, whoever it is from",
    };
    format!(
        "asks for an identity, which only mTLS tells, and {why}: what comes in plain text {so}; use mode STRICT"
    )
}

#[cfg(test)]
mod tests;
