//! Routes that exist without any configuration: to a service, and for hosts that nobody knows.

use crate::model::{Port, Service};
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::route::v3::retry_policy::{
    RetryHostPredicate, retry_host_predicate::ConfigType,
};
use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::proto::envoy::envoy::config::route::v3::route_action::ClusterSpecifier;
use crate::proto::envoy::envoy::config::route::v3::route_match::PathSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{
    Decorator, DirectResponseAction, RetryPolicy, Route, RouteAction, RouteMatch,
};
use crate::proto::envoy::envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
use crate::translate::common::name::{PASSTHROUGH_CLUSTER, outbound_cluster};
use crate::translate::common::value::{seconds, uint32};

/// The name of the route that a service has when nothing is configured for it.
pub const NAME: &str = "default";

/// What is retried by default: only what did not reach the application, or what it said may be retried.
const RETRY_ON: &str =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// How often a request is retried by default.
const RETRIES: u32 = 2;

/// How often Envoy looks for a host that was not tried yet before it takes one that was.
const HOST_SELECTION_ATTEMPTS: i64 = 5;

/// The status of a request to a host that may not be called.
const BAD_GATEWAY: u32 = 502;

/// All requests, to all endpoints of a service's port.
pub fn to_service(service: &Service, port: &Port, previous_hosts: bool) -> Route {
    let host = &service.key.hostname;
    let action = RouteAction {
        retry_policy: Some(retry_policy(previous_hosts)),
        ..unlimited(&outbound_cluster(port.number, "", host))
    };
    Route {
        name: NAME.into(),
        decorator: Some(Decorator {
            operation: format!("{host}:{}/*", port.number),
            ..Decorator::default()
        }),
        ..everything(Action::Route(action))
    }
}

/// To where the client wanted.
pub fn pass_through() -> Action {
    Action::Route(unlimited(PASSTHROUGH_CLUSTER))
}

/// Nowhere.
pub fn refuse() -> Action {
    Action::DirectResponse(DirectResponseAction {
        status: BAD_GATEWAY,
        ..DirectResponseAction::default()
    })
}

/// A route of all requests.
pub fn everything(action: Action) -> Route {
    Route {
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix("/".into())),
            ..RouteMatch::default()
        }),
        action: Some(action),
        ..Route::default()
    }
}

/// To a cluster, for as long as the request takes.
#[allow(deprecated, reason = "Envoy's successor of max_grpc_timeout is not what Istio sends")]
fn unlimited(cluster: &str) -> RouteAction {
    RouteAction {
        timeout: Some(seconds(0)),
        max_grpc_timeout: Some(seconds(0)),
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.into())),
        ..RouteAction::default()
    }
}

/// How failed requests are retried by default; on another host where the proxy can tell which were tried.
fn retry_policy(previous_hosts: bool) -> RetryPolicy {
    let predicate = || RetryHostPredicate {
        name: "envoy.retry_host_predicates.previous_hosts".into(),
        config_type: Some(ConfigType::TypedConfig(any(&PreviousHostsPredicate {}))),
    };
    RetryPolicy {
        retry_on: RETRY_ON.into(),
        num_retries: Some(uint32(RETRIES)),
        retry_host_predicate: previous_hosts.then(predicate).into_iter().collect(),
        host_selection_retry_max_attempts: HOST_SELECTION_ATTEMPTS,
        ..RetryPolicy::default()
    }
}
