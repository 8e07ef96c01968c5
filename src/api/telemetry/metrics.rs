//! What is counted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ProviderRef, WorkloadMode};
use crate::api::duration::GoDuration;
use crate::api::enumeration::enumeration;
use crate::api::networking::common::is_default;
use crate::api::{Str, schema};

/// Which metrics there are, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// Who takes the metrics; empty for what is more general, or the mesh configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderRef>,
    /// What is different from the default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<MetricsOverride>,
    /// How often connections that stay open are counted; None for the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reporting_interval: Option<GoDuration>,
}

/// What is different of some metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricsOverride {
    /// The metrics; None for all.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<MetricSelector>,
    /// Whether there are none; None for what is more general.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub disabled: Option<bool>,
    /// Labels that they have or do not have, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tag_overrides: BTreeMap<Str, TagOverride>,
}

/// Selects metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["metric", "customMetric"])))]
pub struct MetricSelector {
    /// One of Istio's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<IstioMetric>,
    /// Any one, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub custom_metric: Option<Str>,
    /// On which side.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: WorkloadMode,
}

enumeration! {
    /// Istio's metrics.
    pub enum IstioMetric {
        /// All of them.
        #[default]
        AllMetrics = 0 "ALL_METRICS",
        /// `istio_requests_total`.
        RequestCount = 1 "REQUEST_COUNT",
        /// `istio_request_duration_milliseconds`.
        RequestDuration = 2 "REQUEST_DURATION",
        /// `istio_request_bytes`.
        RequestSize = 3 "REQUEST_SIZE",
        /// `istio_response_bytes`.
        ResponseSize = 4 "RESPONSE_SIZE",
        /// `istio_tcp_connections_opened_total`.
        TcpOpenedConnections = 5 "TCP_OPENED_CONNECTIONS",
        /// `istio_tcp_connections_closed_total`.
        TcpClosedConnections = 6 "TCP_CLOSED_CONNECTIONS",
        /// `istio_tcp_sent_bytes_total`.
        TcpSentBytes = 7 "TCP_SENT_BYTES",
        /// `istio_tcp_received_bytes_total`.
        TcpReceivedBytes = 8 "TCP_RECEIVED_BYTES",
        /// `istio_request_messages_total`.
        GrpcRequestMessages = 9 "GRPC_REQUEST_MESSAGES",
        /// `istio_response_messages_total`.
        GrpcResponseMessages = 10 "GRPC_RESPONSE_MESSAGES",
    }
}

/// What becomes of a label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::tag_override_rules()))]
pub struct TagOverride {
    /// Whether it is set or taken away.
    #[serde(skip_serializing_if = "is_default")]
    pub operation: TagOperation,
    /// An expression that gives its value.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub value: Str,
}

enumeration! {
    /// What is done with a label.
    pub enum TagOperation {
        /// It is set.
        #[default]
        Upsert = 0 "UPSERT",
        /// It is taken away.
        Remove = 1 "REMOVE",
    }
}
