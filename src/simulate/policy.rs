//! What a route does to requests besides sending them on, in a few words.

use super::matchers::runtime_percent;
use crate::proto::envoy::envoy::config::route::v3::{RetryPolicy, RouteAction, VirtualHost};
use crate::proto::envoy::google::protobuf::Duration;

/// Timeouts, retries, mirrors and hashing.
pub(super) fn facts(action: &RouteAction, host: &VirtualHost) -> Vec<String> {
    let mut facts = Vec::new();
    match &action.timeout {
        Some(timeout) if timeout.seconds == 0 && timeout.nanos == 0 => {}
        Some(timeout) => facts.push(format!("timeout {}", seconds(timeout))),
        None => facts.push("timeout 15s (Envoy's default)".to_owned()),
    }
    if let Some(policy) = action.retry_policy.as_ref().or(host.retry_policy.as_ref()) {
        facts.push(retries(policy));
    }
    for mirror in &action.request_mirror_policies {
        let percent = runtime_percent(mirror.runtime_fraction.as_ref());
        facts.push(format!("mirrors {percent} % of requests to {}", mirror.cluster));
    }
    if !action.hash_policy.is_empty() {
        facts.push("a hash of the request chooses the endpoint".to_owned());
    }
    facts
}

fn retries(policy: &RetryPolicy) -> String {
    let attempts = policy.num_retries.as_ref().map_or(1, |number| number.value);
    let mut conditions: Vec<String> =
        policy.retry_on.split(',').filter(|c| !c.is_empty()).map(str::to_owned).collect();
    conditions.extend(policy.retriable_status_codes.iter().map(ToString::to_string));
    let each = policy.per_try_timeout.as_ref().map(|t| format!(", {} each", seconds(t)));
    let each = each.unwrap_or_default();
    format!("retries up to {attempts} times{each} on {}", conditions.join(", "))
}

/// A duration as `1.5s`.
pub(super) fn seconds(duration: &Duration) -> String {
    let nanos = format!("{:09}", duration.nanos);
    match nanos.trim_end_matches('0') {
        "" => format!("{}s", duration.seconds),
        fraction => format!("{}.{fraction}s", duration.seconds),
    }
}
