//! Sidecar: what the proxies of a namespace, or of some of its workloads, accept and reach.

pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Destination, WorkloadSelector, is_default};
use super::destination_rule::ConnectionPool;
use super::gateway::{Port, ServerTls};
use crate::api::config::{Config, Spec};
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::{Kind, Meta, Object, Str};

/// The spec of a Sidecar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Sidecar {
    /// The workloads that it is for; None for all of the namespace, in the root namespace for all of the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
    /// What the workload serves; empty for what its services say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ingress: Vec<IngressListener>,
    /// What the workload reaches; empty for everything that its namespace sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<EgressListener>,
    /// Limits of connections to the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound_connection_pool: Option<ConnectionPool>,
    /// What happens to traffic for unknown destinations; None for what the mesh says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// A port that the workload serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["port"]))]
pub struct IngressListener {
    /// The port.
    pub port: Port,
    /// The address to listen on; empty for those of the workload.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub bind: Str,
    /// How traffic reaches the listener.
    #[serde(skip_serializing_if = "is_default")]
    pub capture_mode: CaptureMode,
    /// Where the application listens: `127.0.0.1:PORT`, `0.0.0.0:PORT` (the workload's address) or `unix:///PATH`;
    /// empty for the port itself.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub default_endpoint: Str,
    /// TLS of clients outside the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
    /// Limits; instead of those for all ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
}

/// What the workload reaches through one listener, or through all that no other names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["hosts"]))]
pub struct EgressListener {
    /// The port; None for all that no other listener names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// The address, or `unix:///PATH`; empty for what services say.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub bind: Str,
    /// How traffic reaches the listener.
    #[serde(skip_serializing_if = "is_default")]
    pub capture_mode: CaptureMode,
    /// `NAMESPACE/HOST`: what is imported. The namespace may be `*`, `.` or `~` (nothing).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Str>,
}

/// What happens to traffic for unknown destinations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutboundTrafficPolicy {
    /// Whether it is let through.
    pub mode: OutboundMode,
    /// Where it goes instead of where it was meant to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_proxy: Option<Destination>,
}

enumeration! {
    /// What happens to traffic for unknown destinations.
    pub enum OutboundMode {
        /// It is refused.
        #[default]
        RegistryOnly = 0 "REGISTRY_ONLY",
        /// It is let through.
        AllowAny = 1 "ALLOW_ANY",
    }
}

enumeration! {
    /// How traffic reaches a listener.
    pub enum CaptureMode {
        /// As the proxy's environment says.
        #[default]
        Default = 0 "DEFAULT",
        /// By redirection.
        Iptables = 1 "IPTABLES",
        /// The application connects to it.
        None = 2 "NONE",
    }
}

impl Spec for Sidecar {
    const KIND: Kind = Kind::Sidecar;
    type Status = ();

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::Sidecar(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::Sidecar(config) => Some(config),
            _ => None,
        }
    }
}
