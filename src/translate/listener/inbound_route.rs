//! The routes of inbound HTTP: all requests to one cluster, held by the filter chain itself.

use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::proto::envoy::envoy::config::route::v3::route_action::{
    ClusterSpecifier, MaxStreamDuration,
};
use crate::proto::envoy::envoy::config::route::v3::{
    Decorator, RetryPolicy, Route, RouteAction, RouteConfiguration, VirtualHost,
};
use crate::translate::common::value::{boolean, seconds, uint32};
use crate::translate::route::default_route::{NAME, everything};

/// How often a request is sent again whose connection to the application broke before it was sent.
const RETRIES: u32 = 2;

/// What is said of a service's port in routes.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// The name of the service; empty for connections that no service stands for.
    pub host: &'a str,
    /// The number that clients use; 0 for such connections.
    pub port: u16,
}

/// The routes to a cluster, whose name they share. `retry` sends requests again that the application cannot
/// have seen.
pub fn routes(cluster: &str, labels: Labels<'_>, retry: bool) -> RouteConfiguration {
    let Labels { host, port } = labels;
    let action = RouteAction {
        timeout: Some(seconds(0)),
        max_stream_duration: Some(MaxStreamDuration {
            max_stream_duration: Some(seconds(0)),
            grpc_timeout_header_max: Some(seconds(0)),
            ..MaxStreamDuration::default()
        }),
        retry_policy: retry.then(|| RetryPolicy {
            retry_on: "reset-before-request".into(),
            num_retries: Some(uint32(RETRIES)),
            ..RetryPolicy::default()
        }),
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.into())),
        ..RouteAction::default()
    };
    let route = Route {
        name: NAME.into(),
        decorator: Some(Decorator {
            operation: format!("{host}:{port}/*"),
            ..Decorator::default()
        }),
        ..everything(Action::Route(action))
    };
    RouteConfiguration {
        name: cluster.into(),
        virtual_hosts: vec![VirtualHost {
            name: format!("inbound|http|{port}"),
            domains: vec!["*".into()],
            routes: vec![route],
            ..VirtualHost::default()
        }],
        validate_clusters: Some(boolean(false)),
        ..RouteConfiguration::default()
    }
}
