//! Routes that exist without any configuration: to a service, and for hosts that nobody knows.

use crate::model::{Port, Service};
use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::proto::envoy::envoy::config::route::v3::route_action::{ClusterSpecifier, HashPolicy};
use crate::proto::envoy::envoy::config::route::v3::route_match::PathSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{
    Decorator, DirectResponseAction, RetryPolicy, Route, RouteAction, RouteMatch,
};
use crate::translate::common::name::{PASSTHROUGH_CLUSTER, outbound_cluster};
use crate::translate::common::value::seconds;

/// The name of the route that a service has when nothing is configured for it.
pub const NAME: &str = "default";

/// The status of a request to a host that may not be called.
const BAD_GATEWAY: u32 = 502;

/// All requests, to all endpoints of a service's port.
pub fn to_service(
    service: &Service,
    port: &Port,
    retry_policy: Option<RetryPolicy>,
    hash_policy: Option<HashPolicy>,
) -> Route {
    let host = &service.key.hostname;
    let action = RouteAction {
        retry_policy,
        hash_policy: hash_policy.into_iter().collect(),
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

/// To where the client wanted, or to the cluster that stands for all of that. With `forwarded_host` requests tell for which
/// host they were.
pub fn pass_through(cluster: Option<&str>, forwarded_host: bool) -> Action {
    Action::Route(RouteAction {
        append_x_forwarded_host: forwarded_host,
        ..unlimited(cluster.unwrap_or(PASSTHROUGH_CLUSTER))
    })
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
