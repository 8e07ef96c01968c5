//! What is to be said of RequestAuthentications.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{KeysFrom, Policies, RequestPolicy};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::jwks::{Failure, KeySets};
use crate::api::{Diagnostic, Labels, Str};

/// The rules of one issuer: of which policy, at which place, with which keys.
type Rules<'a> = Vec<(&'a Arc<RequestPolicy>, usize, &'a KeysFrom)>;

/// What is to be said whatever was fetched.
pub(super) fn of_objects(by_namespace: &BTreeMap<Str, Policies>, root: &str) -> Vec<Diagnostic> {
    let all = by_namespace.values().flat_map(|list| list.iter());
    let mut told: Vec<Diagnostic> = all.flat_map(|policy| without_keys(policy)).collect();
    let of_root = by_namespace.get(root).map(|list| &**list).unwrap_or_default();
    for (namespace, own) in by_namespace {
        let others = if **namespace == *root { &[] } else { of_root };
        let mut issuers: BTreeMap<&Str, Rules<'_>> = BTreeMap::new();
        for policy in own.iter().chain(others) {
            for (index, keys) in policy.keys.iter().enumerate() {
                if let Some(rule) = policy.config.spec.jwt_rules.get(index) {
                    issuers.entry(&rule.issuer).or_default().push((policy, index, keys));
                }
            }
        }
        for (issuer, rules) in issuers {
            told.extend(rivals(issuer, &rules));
        }
    }
    told.sort();
    told.dedup();
    told
}

/// Rules whose keys come from nowhere. Of what is written wrongly validation tells.
fn without_keys(policy: &RequestPolicy) -> Vec<Diagnostic> {
    let told = policy.keys.iter().enumerate().filter_map(|(index, keys)| {
        let (field, why) = match keys {
            KeysFrom::Nowhere(why) if policy.asks_issuer(index) => ("issuer", why.to_string()),
            KeysFrom::Cluster { host, exists: false, .. } => (
                "jwksUri",
                format!(
                    "proxies are to fetch the keys (PILOT_JWT_ENABLE_REMOTE_JWKS is envoy), but no \
                     service, or those of several namespaces, have the host {host}: define it in \
                     one ServiceEntry, or let the control plane fetch (hybrid)"
                ),
            ),
            _ => return None,
        };
        let message = format!("no token of this issuer is accepted: {why}");
        Some(Issue::error(place(index).key(field), message).of(&policy.config.key()))
    });
    told.collect()
}

/// Rules of one issuer that may meet at a workload with different keys: a token that either verifies is accepted.
fn rivals(issuer: &str, rules: &Rules<'_>) -> Vec<Diagnostic> {
    let Some((_, _, first)) = rules.first() else { return Vec::new() };
    if rules.iter().all(|(_, _, keys)| keys == first) {
        return Vec::new();
    }
    let mut told = Vec::new();
    for (position, (policy, index, keys)) in rules.iter().enumerate() {
        let others = rules.iter().enumerate().filter(|(other, (rival, _, others))| {
            *other != position && others != keys && may_meet(policy, rival)
        });
        let Some((_, (rival, other, _))) = others.min_by_key(|(other, _)| *other) else { continue };
        let whose = match Arc::ptr_eq(policy, rival) {
            true => format!("jwtRules[{other}]"),
            false => format!("{} (jwtRules[{other}])", rival.config.key()),
        };
        let message = format!(
            "{whose} has other keys for the issuer {issuer:?}: tokens that either verifies are \
             accepted; give both the same keys, or remove one"
        );
        told.push(Issue::warning(place(*index), message).of(&policy.config.key()));
    }
    told
}

/// Whether a workload can have both.
fn may_meet(a: &RequestPolicy, b: &RequestPolicy) -> bool {
    let labels = |policy: &RequestPolicy| -> Labels {
        let selector = policy.config.spec.selector.as_ref();
        selector.map(|selector| selector.match_labels.clone()).unwrap_or_default()
    };
    let (own, others) = (labels(a), labels(b));
    own.iter().all(|(key, value)| others.get(key).is_none_or(|other| other == value))
}

/// What is to be said of keys that could not be fetched.
pub(super) fn of_keys(policy: &RequestPolicy, keys: &KeySets) -> Vec<Diagnostic> {
    let told = policy.keys.iter().enumerate().filter_map(|(index, from)| {
        let KeysFrom::Fetched(source) = from else { return None };
        let failure = keys.sets.get(source)?.failure.as_ref()?;
        let field = if source.is_discovered() { "issuer" } else { "jwksUri" };
        Some(failed(failure, place(index).key(field)).of(&policy.config.key()))
    });
    told.collect()
}

fn failed(failure: &Failure, at: FieldPath) -> Issue {
    let Failure { since, why, fetched } = failure;
    let since = second(*since);
    let what = format!("keys cannot be fetched since {since}: {why}");
    match fetched {
        Some(fetched) => {
            let message = format!("{what}; those of {} are used meanwhile", second(*fetched));
            Issue::warning(at, message)
        }
        None => Issue::error(at, format!("no token of this issuer is accepted: {what}")),
    }
}

/// To the second, as people read it.
fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The place of a rule.
fn place(index: usize) -> FieldPath {
    FieldPath::of("spec").key("jwtRules").index(index)
}
