//! HTTP filters that routes configure: CORS and fault injection. And those that may end a request on grounds that
//! are not simulated, which are told.

use std::collections::HashMap;

use prost::Message;

use super::explanation::Outcome;
use super::header;
use super::matchers::{holds, percent};
use super::policy::seconds;
use super::request::Http;
use crate::proto::Any;
use crate::proto::envoy::envoy::extensions::filters::common::fault::v3::fault_delay::FaultDelaySecifier;
use crate::proto::envoy::envoy::extensions::filters::http::cors::v3::CorsPolicy;
use crate::proto::envoy::envoy::extensions::filters::http::fault::v3::HttpFault;
use crate::proto::envoy::envoy::extensions::filters::http::fault::v3::fault_abort::ErrorType;

const CORS: &str = "envoy.filters.http.cors";
const FAULT: &str = "envoy.filters.http.fault";

/// Parts of the names of filters that answer or refuse by themselves.
const DECIDERS: [&str; 6] = ["jwt_authn", "ext_proc", "ratelimit", "wasm", "lua", "oauth2"];

/// Configuration of filters by name, of a route, a virtual host or a cluster.
pub(super) type PerFilter = HashMap<String, Any>;

/// Whether a filter may end a request or a connection on grounds that are not simulated.
pub(super) fn may_decide(name: &str) -> bool {
    DECIDERS.iter().any(|decider| name.contains(decider))
}

/// What CORS does with a request: the first of the configurations that has it counts. Preflights that are allowed
/// are answered.
pub(super) fn cors(
    configs: &[&PerFilter],
    http: &Http,
    facts: &mut Vec<String>,
) -> Result<(), Outcome> {
    let Some(policy) = find::<CorsPolicy>(configs, CORS) else { return Ok(()) };
    let Some(origin) = http.get("origin") else { return Ok(()) };
    let allowed = policy
        .allow_origin_string_match
        .iter()
        .any(|matcher| holds(matcher, origin).unwrap_or_default());
    let preflight = http.method == "OPTIONS" && http.get("access-control-request-method").is_some();
    match (allowed, preflight) {
        (true, true) => Err(Outcome::Answered { status: 200, body: String::new() }),
        (true, false) => {
            facts.push(format!("CORS allows the origin {origin}"));
            Ok(())
        }
        (false, _) => {
            facts.push(format!("CORS does not allow the origin {origin}"));
            let forwards = policy.forward_not_matching_preflights.as_ref();
            match preflight && forwards.is_some_and(|flag| !flag.value) {
                true => Err(Outcome::Answered { status: 200, body: String::new() }),
                false => Ok(()),
            }
        }
    }
}

/// What fault injection does with a request. A fault that hits all requests ends it.
pub(super) fn fault(
    configs: &[&PerFilter],
    http: &Http,
    facts: &mut Vec<String>,
) -> Result<(), Outcome> {
    let Some(fault) = find::<HttpFault>(configs, FAULT) else { return Ok(()) };
    if fault.headers.iter().any(|matcher| header::check(matcher, http).is_err()) {
        return Ok(());
    }
    if let Some(delay) = &fault.delay {
        let share = percent(delay.percentage.as_ref());
        let by = match &delay.fault_delay_secifier {
            Some(FaultDelaySecifier::FixedDelay(duration)) => seconds(duration),
            _ => "what a header says".to_owned(),
        };
        facts.push(format!("fault injection delays {share} % of requests by {by}"));
    }
    let Some(abort) = &fault.abort else { return Ok(()) };
    let share = percent(abort.percentage.as_ref());
    let (status, told) = match abort.error_type {
        Some(ErrorType::HttpStatus(status)) => (status, status.to_string()),
        Some(ErrorType::GrpcStatus(status)) => (200, format!("gRPC status {status}")),
        _ => (0, "the status that a header says".to_owned()),
    };
    if share >= 100.0 && status != 0 {
        let body = format!("fault injection aborts every request with {told}");
        return Err(Outcome::Answered { status, body });
    }
    facts.push(format!("fault injection aborts {share} % of requests with {told}"));
    Ok(())
}

fn find<M: Message + Default>(configs: &[&PerFilter], name: &str) -> Option<M> {
    let any = configs.iter().find_map(|config| config.get(name))?;
    M::decode(any.value.as_slice()).ok()
}
