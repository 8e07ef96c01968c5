//! EnvoyFilter: changes to what proxies are served.

pub mod matching;
pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::matching::ObjectMatch;
use super::common::{WorkloadSelector, is_default};
use crate::api::config::{Config, Spec};
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::target::TargetReference;
use crate::api::{Kind, Meta, Object, schema};

/// The spec of an EnvoyFilter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::one_workload_target()))]
pub struct EnvoyFilter {
    /// The workloads that it is for; None for all of the namespace, in the root namespace for all of the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
    /// The objects whose proxies it is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub target_refs: Vec<TargetReference>,
    /// What is changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config_patches: Vec<ConfigPatch>,
    /// The order of objects, the lowest first.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: i32,
}

/// One change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigPatch {
    /// What is changed.
    #[serde(skip_serializing_if = "is_default")]
    pub apply_to: ApplyTo,
    /// Which of these; None for all.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<ObjectMatch>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
}

enumeration! {
    /// What of a proxy's configuration is changed.
    pub enum ApplyTo {
        /// Nothing is named.
        #[default]
        Invalid = 0 "INVALID",
        /// A listener.
        Listener = 1 "LISTENER",
        /// A filter chain of a listener.
        FilterChain = 2 "FILTER_CHAIN",
        /// A network filter of a filter chain.
        NetworkFilter = 3 "NETWORK_FILTER",
        /// An HTTP filter of a connection manager.
        HttpFilter = 4 "HTTP_FILTER",
        /// A route configuration.
        RouteConfiguration = 5 "ROUTE_CONFIGURATION",
        /// A virtual host of a route configuration.
        VirtualHost = 6 "VIRTUAL_HOST",
        /// A route of a virtual host.
        HttpRoute = 7 "HTTP_ROUTE",
        /// A cluster.
        Cluster = 8 "CLUSTER",
        /// The configuration of an extension that filters refer to.
        ExtensionConfig = 9 "EXTENSION_CONFIG",
        /// What a proxy is started with.
        Bootstrap = 10 "BOOTSTRAP",
        /// A listener filter.
        ListenerFilter = 11 "LISTENER_FILTER",
    }
}

impl ApplyTo {
    /// The message that is changed; None where nothing is named.
    pub fn message(self) -> Option<&'static str> {
        Some(match self {
            ApplyTo::Invalid => return None,
            ApplyTo::Listener => "envoy.config.listener.v3.Listener",
            ApplyTo::FilterChain => "envoy.config.listener.v3.FilterChain",
            ApplyTo::NetworkFilter => "envoy.config.listener.v3.Filter",
            ApplyTo::HttpFilter => {
                "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter"
            }
            ApplyTo::RouteConfiguration => "envoy.config.route.v3.RouteConfiguration",
            ApplyTo::VirtualHost => "envoy.config.route.v3.VirtualHost",
            ApplyTo::HttpRoute => "envoy.config.route.v3.Route",
            ApplyTo::Cluster => "envoy.config.cluster.v3.Cluster",
            ApplyTo::ExtensionConfig => "envoy.config.core.v3.TypedExtensionConfig",
            ApplyTo::Bootstrap => "envoy.config.bootstrap.v3.Bootstrap",
            ApplyTo::ListenerFilter => "envoy.config.listener.v3.ListenerFilter",
        })
    }
}

/// How something is changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Patch {
    /// What is done.
    #[serde(skip_serializing_if = "is_default")]
    pub operation: Operation,
    /// With what, in the JSON of the message that is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any_object")]
    pub value: Option<Map<String, Value>>,
    /// Where a filter that is added stands among Istio's own.
    #[serde(skip_serializing_if = "is_default")]
    pub filter_class: FilterClass,
}

enumeration! {
    /// What is done.
    pub enum Operation {
        /// Nothing is named.
        #[default]
        Invalid = 0 "INVALID",
        /// The value is merged into what is there.
        Merge = 1 "MERGE",
        /// The value is added at the end.
        Add = 2 "ADD",
        /// What is there is taken away.
        Remove = 3 "REMOVE",
        /// The value is added before what is there.
        InsertBefore = 4 "INSERT_BEFORE",
        /// The value is added behind what is there.
        InsertAfter = 5 "INSERT_AFTER",
        /// The value is added at the beginning.
        InsertFirst = 6 "INSERT_FIRST",
        /// The value takes the place of what is there.
        Replace = 7 "REPLACE",
    }
}

enumeration! {
    /// Where a filter stands among Istio's own.
    pub enum FilterClass {
        /// Where the operation says.
        #[default]
        Unspecified = 0 "UNSPECIFIED",
        /// Behind Istio's authentication.
        Authn = 1 "AUTHN",
        /// Behind Istio's authorization.
        Authz = 2 "AUTHZ",
        /// Before Istio's statistics.
        Stats = 3 "STATS",
    }
}

impl Spec for EnvoyFilter {
    const KIND: Kind = Kind::EnvoyFilter;
    type Status = ();

    fn validate(&self, _meta: &Meta, issues: &mut Issues) {
        validation::validate(self, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::EnvoyFilter(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::EnvoyFilter(config) => Some(config),
            _ => None,
        }
    }
}
