//! What a policy of retries must satisfy.

use std::ops::RangeInclusive;

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::HttpRetry;
use crate::api::rules::durations;

/// What Envoy retries on, for HTTP and for gRPC.
const CONDITIONS: [&str; 16] = [
    "5xx",
    "cancelled",
    "connect-failure",
    "deadline-exceeded",
    "envoy-ratelimited",
    "gateway-error",
    "http3-post-connect-failure",
    "internal",
    "refused-stream",
    "reset",
    "reset-before-request",
    "resource-exhausted",
    "retriable-4xx",
    "retriable-headers",
    "retriable-status-codes",
    "unavailable",
];

/// The statuses of HTTP that have a meaning.
const STATUSES: [RangeInclusive<u16>; 12] = [
    100..=103,
    200..=208,
    226..=226,
    300..=305,
    307..=308,
    400..=418,
    421..=426,
    428..=429,
    431..=431,
    451..=451,
    500..=508,
    510..=511,
];

/// What is retried.
pub(super) fn validate(retries: &HttpRetry, at: &Place<'_>, issues: &mut Issues) {
    let configured = retries.per_try_timeout.is_some()
        || !retries.retry_on.is_empty()
        || retries.retry_remote_localities.is_some();
    match retries.attempts {
        ..0 => issues.error(
            at.key("attempts"),
            "attempts cannot be negative: 0 means that nothing is retried",
        ),
        0 if configured => {
            let message =
                "retries are configured although attempts are set to 0 (disabled): give attempts";
            issues.error(at.key("attempts"), message);
        }
        _ => {}
    }
    durations::positive(retries.per_try_timeout, &at.key("perTryTimeout"), issues);
    durations::positive(retries.backoff, &at.key("backoff"), issues);
    if retries.retry_on.is_empty() {
        return;
    }
    for condition in retries.retry_on.split(',') {
        let status =
            condition.parse().is_ok_and(|code| STATUSES.iter().any(|range| range.contains(&code)));
        if !status && !CONDITIONS.contains(&condition) {
            let message = format!(
                "{condition:?} is not a valid retryOn policy: use Envoy's conditions or a status"
            );
            issues.error(at.key("retryOn"), message);
        }
    }
}
