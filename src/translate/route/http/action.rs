//! The action of a route that leads to destinations: timeout, rewrite, mirrors, clusters, hashing and retries.

use super::destination::Resolver;
use super::text::Refused;
use super::{headers, mirror, retry, rewrite, weighted};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{HttpDestination, HttpRetry, HttpRoute};
use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::proto::envoy::envoy::config::route::v3::route_action::ClusterSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{Route, RouteAction};
use crate::translate::capability::Capabilities;
use crate::translate::common::value::duration;

/// What an action depends on beside its rule.
pub(super) struct Surroundings<'a> {
    /// Finds clusters.
    pub resolver: &'a Resolver<'a>,
    /// Regular expressions that are not sent.
    pub refused: &'a Refused,
    /// What is retried where the rule does not say.
    pub retries: Option<&'a HttpRetry>,
    /// What the proxies have.
    pub capabilities: Capabilities,
    /// Requests that are rewritten tell for which host they were.
    pub forwarded_host: bool,
    /// Copies keep their host without a mark.
    pub mirror_as_is: bool,
}

/// The action of a rule whose changes of headers ask for the host `authority`. Changes of headers of a single
/// destination are put into the route. None, with an issue, when Envoy would not take it.
pub(super) fn convert(
    rule: &HttpRoute,
    authority: Option<String>,
    surroundings: &Surroundings<'_>,
    route: &mut Route,
    issues: &mut Vec<Issue>,
) -> Option<Action> {
    let resolver = surroundings.resolver;
    let mut action = limited(rule);
    if let Some(host) = authority {
        rewrite::put_host(host, &mut action);
    }
    if let Some(rewrite) = &rule.rewrite {
        rewrite::put(rewrite, surroundings.refused, &mut action, issues)?;
        action.append_x_forwarded_host = surroundings.forwarded_host;
    }
    action.request_mirror_policies = mirror::convert(rule, surroundings.mirror_as_is, resolver);
    let mut hashed = false;
    if let [to] = rule.route.as_slice() {
        single(to, resolver, route, &mut action, issues);
        hashed = resolver.is_hashed(to);
    } else {
        match weighted::convert(&rule.route, resolver, issues) {
            Ok(clusters) => {
                action.cluster_specifier = Some(ClusterSpecifier::WeightedClusters(clusters));
            }
            Err(why) => {
                let why = format!("the route is left out: {why}");
                issues.push(Issue::error(FieldPath::of("route"), why));
                return None;
            }
        }
        let weighted = rule.route.iter().filter(|to| weighted::weight(to).is_some());
        action.hash_policy = weighted.filter_map(|to| resolver.hash_policy(to)).collect();
    }
    let retries = rule.retries.as_ref().or(surroundings.retries);
    action.retry_policy = retry::policy(retries, hashed, surroundings.capabilities);
    Some(Action::Route(action))
}

/// An action with the rule's timeout, which gRPC's own may not exceed.
#[allow(deprecated, reason = "Envoy's successor of max_grpc_timeout is not what Istio sends")]
fn limited(rule: &HttpRoute) -> RouteAction {
    let timeout = duration(rule.timeout.unwrap_or_default().0);
    RouteAction {
        timeout: Some(timeout),
        max_grpc_timeout: Some(timeout),
        ..RouteAction::default()
    }
}

fn single(
    to: &HttpDestination,
    resolver: &Resolver<'_>,
    route: &mut Route,
    action: &mut RouteAction,
    issues: &mut Vec<Issue>,
) {
    action.cluster_specifier = Some(ClusterSpecifier::Cluster(resolver.cluster(&to.destination)));
    action.hash_policy.extend(resolver.hash_policy(to));
    if let Some(headers) = &to.headers {
        let mut changes = headers::convert(headers, headers::of_destination(0), issues);
        changes.put(route);
        // What the rule says of the host counts before.
        if let Some(host) = changes.authority.filter(|_| action.host_rewrite_specifier.is_none()) {
            rewrite::put_host(host, action);
        }
    }
}
