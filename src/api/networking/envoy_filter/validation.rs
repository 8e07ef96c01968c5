//! What an EnvoyFilter must satisfy, as far as it does not take Envoy's types to tell: whether a value is what Envoy
//! takes is for those to say who know them (`translate::envoy_filter`).

mod names;

use super::matching::{FilterMatch, ObjectMatch, PatchContext};
use super::{ApplyTo, ConfigPatch, EnvoyFilter, Operation};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::re2;
use crate::api::rules::{at_most_one, labels};

/// The filter that HTTP filters are in, by its name and by its old one.
const CONNECTION_MANAGER: [&str; 2] =
    ["envoy.filters.network.http_connection_manager", "envoy.http_connection_manager"];

/// Says what in it cannot be used, or not as it was meant.
pub(super) fn validate(spec: &EnvoyFilter, issues: &mut Issues) {
    let at = Place::of("spec");
    if let Some(selector) = &spec.workload_selector {
        let at = at.key("workloadSelector");
        let what = "it is for all workloads of the namespace, as if there were none";
        match selector.labels.is_empty() {
            true => labels::selector(&selector.labels, what, &at, issues),
            false => labels::selector(&selector.labels, what, &at.key("labels"), issues),
        }
    }
    let list = at.key("configPatches");
    for (index, patch) in spec.config_patches.iter().enumerate() {
        validate_patch(patch, &list.index(index), issues);
    }
}

/// Whether a patch says what is done to what; those of waypoints are never judged.
pub fn is_judged(patch: &ConfigPatch) -> bool {
    patch.matches.as_ref().is_none_or(|matched| matched.context != PatchContext::Waypoint)
}

fn validate_patch(one: &ConfigPatch, at: &Place<'_>, issues: &mut Issues) {
    if !is_judged(one) {
        return;
    }
    if one.apply_to == ApplyTo::Invalid {
        issues.error(at.key("applyTo"), "missing applyTo: say what is changed");
        return;
    }
    let Some(patch) = &one.patch else {
        issues.error(at.key("patch"), "missing patch: say how it is changed");
        return;
    };
    let patch_at = at.key("patch");
    if patch.operation == Operation::Invalid {
        issues.error(patch_at.key("operation"), "missing patch operation: say what is done");
        return;
    }
    if patch.operation != Operation::Remove && patch.value.is_none() {
        let message = format!(
            "missing patch value for the non-remove operation {}: say with what",
            patch.operation.name()
        );
        issues.error(patch_at.key("value"), message);
        return;
    }
    if let Some(matched) = &one.matches {
        validate_match(one.apply_to, matched, &at.key("match"), issues);
    }
}

fn validate_match(to: ApplyTo, matched: &ObjectMatch, at: &Place<'_>, issues: &mut Issues) {
    let ObjectMatch { proxy, listener, route_configuration, cluster, waypoint, .. } = matched;
    let version = proxy.as_ref().map_or("", |proxy| &*proxy.proxy_version);
    if let Err(error) = re2::compile(version) {
        let at = at.key("proxy");
        issues.error(
            at.key("proxyVersion"),
            format!("invalid regular expression for a proxy version: {error}"),
        );
    }
    let set = [
        ("listener", listener.is_some()),
        ("routeConfiguration", route_configuration.is_some()),
        ("cluster", cluster.is_some()),
        ("waypoint", waypoint.is_some()),
    ];
    at_most_one(&set, at, issues);
    let Some((other, _)) = set.iter().find(|(_, set)| *set) else { return };
    let (class, wanted) = match to {
        ApplyTo::Listener | ApplyTo::FilterChain | ApplyTo::NetworkFilter | ApplyTo::HttpFilter => {
            ("listener class objects", "listener")
        }
        ApplyTo::RouteConfiguration | ApplyTo::VirtualHost | ApplyTo::HttpRoute => {
            ("http route class objects", "routeConfiguration")
        }
        ApplyTo::Cluster => ("cluster class objects", "cluster"),
        _ => return,
    };
    if !set.contains(&(wanted, true)) {
        let message = format!(
            "applyTo {} is for {class}, which cannot have a non {wanted} match: use match.{wanted}",
            to.name()
        );
        issues.error(at.key(other), message);
    }
    let filter = listener.as_ref().and_then(|listener| listener.filter_chain.as_ref());
    if let (Some(filter), "listener") = (filter.and_then(|chain| chain.filter.as_ref()), wanted) {
        let at = at.key("listener");
        let at = at.key("filterChain");
        validate_filter(to, filter, &at.key("filter"), issues);
    }
}

fn validate_filter(to: ApplyTo, filter: &FilterMatch, at: &Place<'_>, issues: &mut Issues) {
    if matches!(to, ApplyTo::Listener | ApplyTo::FilterChain) {
        let message =
            format!("the filter match has no effect when used with {}: remove it", to.name());
        issues.warn(*at, message);
    }
    if filter.name.is_empty() {
        issues.error(at.key("name"), "the filter match has no name to match on: name the filter");
        return;
    }
    if let Some(sub) = &filter.sub_filter {
        let at = at.key("subFilter");
        if to != ApplyTo::HttpFilter {
            let message = format!(
                "a subfilter match can be used with applyTo HTTP_FILTER only, and this is {}: remove it",
                to.name()
            );
            issues.error(at, message);
            return;
        }
        if !CONNECTION_MANAGER.contains(&&*filter.name) {
            let message = format!(
                "a subfilter match requires a filter match with {}, and this is {}",
                CONNECTION_MANAGER.first().copied().unwrap_or_default(),
                filter.name
            );
            issues.error(at, message);
            return;
        }
        if sub.name.is_empty() {
            let message = "the subfilter match has no name to match on: name the HTTP filter";
            issues.error(at.key("name"), message);
            return;
        }
        names::warn_of_old(&sub.name, &at.key("name"), issues);
    }
    names::warn_of_old(&filter.name, &at.key("name"), issues);
}

#[cfg(test)]
mod tests;
