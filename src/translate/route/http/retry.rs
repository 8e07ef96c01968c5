//! Retries: what a rule says, or the mesh, or by default only what did not reach the application or what it said may be
//! retried.

use crate::api::list::items;
use crate::api::networking::virtual_service::HttpRetry;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::route::v3::RetryPolicy;
use crate::proto::envoy::envoy::config::route::v3::retry_policy::{
    RetryBackOff, RetryHostPredicate, RetryPriority, retry_host_predicate, retry_priority,
};
use crate::proto::envoy::envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
use crate::proto::envoy::envoy::extensions::retry::priority::previous_priorities::v3::PreviousPrioritiesConfig;
use crate::translate::capability::{Capabilities, Capability};
use crate::translate::common::value::{duration, uint32};

/// What is retried by default.
const RETRY_ON: &str =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// The condition that lets status codes be retried.
const STATUS_CODES: &str = "retriable-status-codes";

/// How often a request is retried by default.
const RETRIES: u32 = 2;

/// How often Envoy looks for a host that was not tried yet before it takes one that was.
const HOST_SELECTION_ATTEMPTS: i64 = 5;

/// After how many tries Envoy looks again in which priority to try.
const PRIORITY_UPDATE_FREQUENCY: i32 = 2;

/// The policy; None for no retries. Where requests are `hashed`, another host than the one that was tried is no help,
/// unless the policy says so.
pub fn policy(
    retries: Option<&HttpRetry>,
    hashed: bool,
    capabilities: Capabilities,
) -> Option<RetryPolicy> {
    let mut policy = RetryPolicy {
        retry_on: RETRY_ON.into(),
        num_retries: Some(uint32(RETRIES)),
        host_selection_retry_max_attempts: HOST_SELECTION_ATTEMPTS,
        ..RetryPolicy::default()
    };
    let mut other_hosts = !hashed;
    if let Some(retries) = retries {
        if retries.attempts <= 0 {
            return None;
        }
        policy.num_retries = Some(uint32(retries.attempts.unsigned_abs()));
        if !retries.retry_on.is_empty() {
            (policy.retry_on, policy.retriable_status_codes) = conditions(&retries.retry_on);
        }
        policy.per_try_timeout = retries.per_try_timeout.map(|timeout| duration(timeout.0));
        other_hosts = retries.retry_ignore_previous_hosts.unwrap_or(other_hosts);
        if retries.retry_remote_localities == Some(true)
            && capabilities.has(Capability::PreviousPriorities)
        {
            policy.retry_priority = Some(other_priorities());
        }
        // Envoy takes no interval of zero.
        let backoff = retries.backoff.filter(|backoff| !backoff.0.is_zero());
        policy.retry_back_off = backoff.map(|backoff| RetryBackOff {
            base_interval: Some(duration(backoff.0)),
            ..RetryBackOff::default()
        });
    }
    if other_hosts && capabilities.has(Capability::PreviousHosts) {
        policy.retry_host_predicate = vec![not_tried()];
    }
    Some(policy)
}

/// Conditions as Envoy knows them, and status codes apart.
fn conditions(text: &str) -> (String, Vec<u32>) {
    let (mut names, mut codes) = (Vec::new(), Vec::new());
    for part in items(text) {
        match part.parse().ok().filter(|code| is_status(*code)) {
            Some(code) => codes.push(code),
            None => names.push(part),
        }
    }
    let mut names = names.join(",");
    if !codes.is_empty() && !names.contains(STATUS_CODES) {
        names.push(',');
        names.push_str(STATUS_CODES);
    }
    (names, codes)
}

/// The status codes that are registered with a name.
fn is_status(code: u32) -> bool {
    matches!(
        code,
        100..=103
            | 200..=208
            | 226
            | 300..=305
            | 307
            | 308
            | 400..=418
            | 421..=426
            | 428
            | 429
            | 431
            | 451
            | 500..=508
            | 510
            | 511
    )
}

fn not_tried() -> RetryHostPredicate {
    RetryHostPredicate {
        name: "envoy.retry_host_predicates.previous_hosts".into(),
        config_type: Some(retry_host_predicate::ConfigType::TypedConfig(any(
            &PreviousHostsPredicate {},
        ))),
    }
}

fn other_priorities() -> RetryPriority {
    let config = PreviousPrioritiesConfig { update_frequency: PRIORITY_UPDATE_FREQUENCY };
    RetryPriority {
        name: "envoy.retry_priorities.previous_priorities".into(),
        config_type: Some(retry_priority::ConfigType::TypedConfig(any(&config))),
    }
}
