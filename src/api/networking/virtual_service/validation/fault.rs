//! What delays and errors on purpose must satisfy.

use super::answers;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::common::Percent;
use crate::api::networking::virtual_service::{FaultAbort, FaultDelay, FaultInjection};
use crate::api::rules::{at_most_one, durations, percent};

/// The smallest share that Envoy can tell from nothing, in percent.
const SMALLEST_SHARE: f64 = 0.0001;

/// The statuses of gRPC.
const GRPC_STATUSES: [&str; 17] = [
    "ABORTED",
    "ALREADY_EXISTS",
    "CANCELLED",
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "FAILED_PRECONDITION",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OK",
    "OUT_OF_RANGE",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "UNIMPLEMENTED",
    "UNKNOWN",
];

/// Delays and errors on purpose.
pub(super) fn validate(fault: &FaultInjection, at: &Place<'_>, issues: &mut Issues) {
    if fault.abort.is_none() && fault.delay.is_none() {
        issues.error(*at, "a fault needs an abort or a delay");
    }
    if let Some(abort) = &fault.abort {
        validate_abort(abort, &at.key("abort"), issues);
    }
    if let Some(delay) = &fault.delay {
        validate_delay(delay, &at.key("delay"), issues);
    }
}

fn validate_share(share: Option<Percent>, at: &Place<'_>, issues: &mut Issues) {
    let Some(Percent { value }) = share else { return };
    let at = at.key("percentage");
    let at = at.key("value");
    if value > 0.0 && value < SMALLEST_SHARE {
        issues.error(
            at,
            format!("the percentage {value} is too small: give 0, or {SMALLEST_SHARE} and more"),
        );
    } else {
        percent(value, &at, issues);
    }
}

fn validate_abort(abort: &FaultAbort, at: &Place<'_>, issues: &mut Issues) {
    validate_share(abort.percentage, at, issues);
    let kinds = [
        ("httpStatus", abort.http_status.is_some()),
        ("grpcStatus", abort.grpc_status.is_some()),
        ("http2Error", abort.http2_error.is_some()),
    ];
    at_most_one(&kinds, at, issues);
    if kinds.iter().all(|(_, set)| !set) {
        issues.warn(*at, "aborts nothing, as no error type is set: give httpStatus or grpcStatus");
    }
    if let Some(status) = abort.http_status {
        answers::status(status.into(), &at.key("httpStatus"), issues);
    }
    if let Some(status) = &abort.grpc_status
        && !GRPC_STATUSES.contains(&&**status)
    {
        issues.error(
            at.key("grpcStatus"),
            format!("gRPC status {status:?} is not supported: use one such as NOT_FOUND"),
        );
    }
    if abort.http2_error.is_some() {
        issues
            .error(at.key("http2Error"), "errors of HTTP/2 are not supported yet: use httpStatus");
    }
}

fn validate_delay(delay: &FaultDelay, at: &Place<'_>, issues: &mut Issues) {
    validate_share(delay.percentage, at, issues);
    let kinds = [
        ("fixedDelay", delay.fixed_delay.is_some()),
        ("exponentialDelay", delay.exponential_delay.is_some()),
    ];
    at_most_one(&kinds, at, issues);
    durations::positive(delay.fixed_delay, &at.key("fixedDelay"), issues);
    if delay.exponential_delay.is_some() {
        issues.error(
            at.key("exponentialDelay"),
            "exponential delays are not supported yet: use fixedDelay",
        );
    }
}
