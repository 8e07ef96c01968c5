//! Which parts of which proxies an EnvoyFilter changes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::enumeration::enumeration;
use crate::api::networking::common::is_default;
use crate::api::{Str, schema};

/// Conditions on what is changed; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend(
    "oneOf" = schema::at_most_one(&["listener", "routeConfiguration", "cluster", "waypoint"]),
    "x-kubernetes-validations" = schema::waypoint_context(),
))]
pub struct ObjectMatch {
    /// For which traffic it is made.
    #[serde(skip_serializing_if = "is_default")]
    pub context: PatchContext,
    /// Of which proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyMatch>,
    /// Of which listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerMatch>,
    /// Of which route configurations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_configuration: Option<RouteConfigurationMatch>,
    /// Which clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterMatch>,
    /// What of waypoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waypoint: Option<WaypointMatch>,
}

enumeration! {
    /// For which traffic something is made.
    pub enum PatchContext {
        /// For any in sidecars and gateways.
        #[default]
        Any = 0 "ANY",
        /// For what comes to a sidecar's workload.
        SidecarInbound = 1 "SIDECAR_INBOUND",
        /// For what a sidecar's workload sends.
        SidecarOutbound = 2 "SIDECAR_OUTBOUND",
        /// For that of gateways.
        Gateway = 3 "GATEWAY",
        /// For that of waypoints.
        Waypoint = 4 "WAYPOINT",
    }
}

/// Conditions on a proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyMatch {
    /// A regular expression (RE2) that its Istio version has to match.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub proxy_version: Str,
    /// What its metadata must say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<Str, Str>,
}

/// Conditions on a listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerMatch {
    /// The port of the service or gateway that it is for; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    pub port_number: u32,
    /// The name of that port; has no effect.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub port_name: Str,
    /// One of its filter chains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_chain: Option<FilterChainMatch>,
    /// The name of one of its listener filters.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub listener_filter: Str,
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
}

/// Conditions on a filter chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterChainMatch {
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
    /// The server name of TLS that it matches.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub sni: Str,
    /// The transport that it matches: `tls` or `raw_buffer`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub transport_protocol: Str,
    /// The protocols (ALPN) that it matches, with commas between them.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub application_protocols: Str,
    /// One of its filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterMatch>,
    /// The destination port that it matches; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    pub destination_port: u32,
}

/// Conditions on a network filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterMatch {
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
    /// One of the HTTP filters in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_filter: Option<SubFilterMatch>,
}

/// Conditions on an HTTP filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SubFilterMatch {
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
}

/// Conditions on a route configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteConfigurationMatch {
    /// The port of the service or gateway that it is for; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    pub port_number: u32,
    /// The name of that port, in gateways.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub port_name: Str,
    /// The Gateway that it is for: `NAMESPACE/NAME`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub gateway: Str,
    /// One of its virtual hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vhost: Option<VirtualHostMatch>,
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
}

/// Conditions on a virtual host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualHostMatch {
    /// Its name: `HOST:PORT`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
    /// One of its domains.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub domain_name: Str,
    /// One of its routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteMatch>,
}

/// Conditions on a route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteMatch {
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
    /// What it does.
    #[serde(skip_serializing_if = "is_default")]
    pub action: RouteAction,
}

enumeration! {
    /// What a route does.
    pub enum RouteAction {
        /// Anything.
        #[default]
        Any = 0 "ANY",
        /// It leads to clusters.
        Route = 1 "ROUTE",
        /// It redirects.
        Redirect = 2 "REDIRECT",
        /// It answers itself.
        DirectResponse = 3 "DIRECT_RESPONSE",
    }
}

/// Conditions on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterMatch {
    /// The port of its service; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    pub port_number: u32,
    /// The full host name of its service.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub service: Str,
    /// Its subset.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub subset: Str,
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
}

/// Conditions on what a waypoint has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WaypointMatch {
    /// One of its filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterMatch>,
    /// The port of the service; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::port")]
    pub port_number: u32,
    /// One of its routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<WaypointRouteMatch>,
}

/// Conditions on a route of a waypoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WaypointRouteMatch {
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
}
