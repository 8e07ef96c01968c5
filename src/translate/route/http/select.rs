//! Which matches of a VirtualService are for an audience: those of its port, its gateway, its namespace and its labels.
//! Envoy never hears of these.

use super::Audience;
use crate::api::meta::selects;
use crate::api::networking::virtual_service::HttpMatch;
use crate::model::Routing;

/// A rule with one of its matches, or without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Selected {
    /// Index of the rule.
    pub rule: usize,
    /// Index of its match; None for a rule without matches.
    pub one: Option<usize>,
}

/// What of the rules is for the audience, in order. Nothing behind a rule without matches is ever reached.
pub(super) fn select(routing: &Routing, audience: &Audience<'_>) -> Vec<Selected> {
    let mut selected = Vec::new();
    for (rule, http) in routing.spec.http.iter().enumerate() {
        if http.matches.is_empty() {
            selected.push(Selected { rule, one: None });
            break;
        }
        let wanted = http.matches.iter().enumerate().filter(|(_, one)| is_for(one, audience));
        selected.extend(wanted.map(|(index, _)| Selected { rule, one: Some(index) }));
    }
    selected
}

/// Where a match names gateways, labels and namespace of the source do not count.
fn is_for(one: &HttpMatch, audience: &Audience<'_>) -> bool {
    if one.port != 0 && one.port != u32::from(audience.port) {
        return false;
    }
    if !one.gateways.is_empty() {
        return one.gateways.iter().any(|name| audience.gateways.contains(&&**name));
    }
    selects(&one.source_labels, audience.labels)
        && (one.source_namespace.is_empty() || *one.source_namespace == *audience.namespace)
}
