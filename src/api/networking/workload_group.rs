//! WorkloadGroup: what the WorkloadEntries of instances that register themselves have in common.

pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::is_default;
use super::workload_entry::WorkloadEntry;
use crate::api::config::{Config, Spec};
use crate::api::issue::Issues;
use crate::api::schema;
use crate::api::{Kind, Labels, Meta, Object, Str};

/// The spec of a WorkloadGroup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["template"]))]
pub struct WorkloadGroup {
    /// Labels and annotations of the WorkloadEntries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ObjectMeta>,
    /// Their specs; `address` and `labels` come from the instance and from `metadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::template_rules()))]
    pub template: Option<WorkloadEntry>,
    /// How an instance's agent checks its application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<ReadinessProbe>,
}

/// Labels and annotations of WorkloadEntries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    pub labels: Labels,
    /// Annotations.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    pub annotations: Labels,
}

/// How an application is checked. Times are in seconds; 0 means the agent's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["httpGet", "tcpSocket", "exec", "grpc"])))]
pub struct ReadinessProbe {
    /// Before the first check.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub initial_delay_seconds: i32,
    /// How long a check may take.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub timeout_seconds: i32,
    /// Between checks.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub period_seconds: i32,
    /// How many successes make it ready.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub success_threshold: i32,
    /// How many failures make it unready.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub failure_threshold: i32,
    /// By an HTTP request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_get: Option<HttpGet>,
    /// By a TCP connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_socket: Option<TcpSocket>,
    /// By a command's success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<Exec>,
    /// By gRPC's health service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Grpc>,
}

/// A check by an HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["port"]))]
pub struct HttpGet {
    /// The path.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub path: Str,
    /// The port.
    #[schemars(schema_with = "schema::port")]
    pub port: u32,
    /// The host; empty for the instance itself.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub host: Str,
    /// `HTTP` or `HTTPS`.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(extend("x-kubernetes-validations" = schema::probe_scheme()))]
    pub scheme: Str,
    /// Headers of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http_headers: Vec<HttpHeader>,
}

/// A header of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpHeader {
    /// Its name.
    #[schemars(regex(pattern = "^[-_A-Za-z0-9]+$"))]
    pub name: Str,
    /// Its value.
    pub value: Str,
}

/// A check by a TCP connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["port"]))]
pub struct TcpSocket {
    /// The host; empty for the instance itself.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub host: Str,
    /// The port.
    #[schemars(schema_with = "schema::port")]
    pub port: u32,
}

/// A check by a command's success.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["command"]))]
pub struct Exec {
    /// The command and its arguments.
    #[schemars(inner(length(min = 1)))]
    pub command: Vec<Str>,
}

/// A check by gRPC's health service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Grpc {
    /// The port.
    #[schemars(schema_with = "schema::port")]
    pub port: u32,
    /// The service to ask for; empty for the server as a whole.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub service: Str,
}

impl Spec for WorkloadGroup {
    const KIND: Kind = Kind::WorkloadGroup;
    type Status = ();

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::WorkloadGroup(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::WorkloadGroup(config) => Some(config),
            _ => None,
        }
    }
}
