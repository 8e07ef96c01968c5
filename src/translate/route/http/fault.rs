//! Delays and errors on purpose, as configuration of Envoy's fault filter for one route.

use super::percent::{fraction, whole};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{FaultAbort, FaultDelay, FaultInjection};
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::route::v3::Route;
use crate::proto::envoy::envoy::extensions::filters::common::fault::v3 as common;
use crate::proto::envoy::envoy::extensions::filters::common::fault::v3::fault_delay::FaultDelaySecifier;
use crate::proto::envoy::envoy::extensions::filters::http::fault::v3 as filter;
use crate::proto::envoy::envoy::extensions::filters::http::fault::v3::fault_abort::ErrorType;
use crate::translate::capability::{Capabilities, Capability};
use crate::translate::common::value::duration;

/// The name of the filter in connection managers.
const FILTER: &str = "envoy.filters.http.fault";

/// The names of gRPC's status codes, by number.
const GRPC_STATUS: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Puts faults into a route. What Envoy would not take is left out, and an issue says so.
pub(super) fn put(
    fault: Option<&FaultInjection>,
    capabilities: Capabilities,
    route: &mut Route,
    issues: &mut Vec<Issue>,
) {
    let Some(fault) = fault.filter(|_| capabilities.has(Capability::Fault)) else { return };
    let mut keep = |part: Result<_, (&str, String)>, field: &str| {
        part.map_err(|(inner, why): (&str, String)| {
            let path = FieldPath::of("fault").key(field).key(inner);
            issues.push(Issue::error(path, format!("the {field} is left out: {why}")));
        })
        .ok()
    };
    let delay = fault.delay.as_ref().map(delay).transpose();
    let delay = keep(delay.map(|d| d.map(Kind::Delay)), "delay").flatten();
    let abort = fault.abort.as_ref().map(abort).transpose();
    let abort = keep(abort.map(|a| a.map(Kind::Abort)), "abort").flatten();
    let mut message = filter::HttpFault::default();
    for part in [delay, abort].into_iter().flatten() {
        match part {
            Kind::Delay(delay) => message.delay = Some(delay),
            Kind::Abort(abort) => message.abort = Some(abort),
        }
    }
    route.typed_per_filter_config.insert(FILTER.into(), any(&message));
}

enum Kind {
    Delay(common::FaultDelay),
    Abort(filter::FaultAbort),
}

fn delay(delay: &FaultDelay) -> Result<common::FaultDelay, (&'static str, String)> {
    let Some(fixed) = delay.fixed_delay else {
        return Err(("exponentialDelay", "only a fixedDelay is possible".to_owned()));
    };
    if fixed.0.is_zero() {
        return Err(("fixedDelay", "it must be longer than nothing".to_owned()));
    }
    let share = match delay.percentage {
        Some(percent) => fraction(percent),
        None => whole(u32::try_from(delay.percent).unwrap_or_default()),
    };
    Ok(common::FaultDelay {
        percentage: Some(share),
        fault_delay_secifier: Some(FaultDelaySecifier::FixedDelay(duration(fixed.0))),
    })
}

fn abort(abort: &FaultAbort) -> Result<filter::FaultAbort, (&'static str, String)> {
    let error = if let Some(status) = abort.http_status {
        let status = u32::try_from(status).unwrap_or_default();
        if !(200..600).contains(&status) {
            return Err(("httpStatus", "it must be from 200 to 599".to_owned()));
        }
        ErrorType::HttpStatus(status)
    } else if let Some(name) = &abort.grpc_status {
        let code = GRPC_STATUS.iter().position(|known| **known == **name);
        let code = code.and_then(|code| u32::try_from(code).ok());
        ErrorType::GrpcStatus(
            code.ok_or_else(|| ("grpcStatus", format!("{name} is no status of gRPC")))?,
        )
    } else {
        return Err(("http2Error", "only httpStatus and grpcStatus are possible".to_owned()));
    };
    Ok(filter::FaultAbort {
        percentage: abort.percentage.map(fraction),
        error_type: Some(error),
        ..filter::FaultAbort::default()
    })
}
