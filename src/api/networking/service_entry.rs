//! ServiceEntry: services that Kubernetes does not know.

pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{WorkloadSelector, is_default};
use super::workload_entry::WorkloadEntry;
use crate::api::config::{Config, Spec};
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::schema;
use crate::api::{Kind, Meta, Object, Str};

/// The spec of a ServiceEntry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::service_entry_rules()))]
#[schemars(extend("required" = ["hosts"]))]
pub struct ServiceEntry {
    /// The host names; a service for each.
    #[schemars(schema_with = "schema::service_hosts")]
    pub hosts: Vec<Str>,
    /// Virtual addresses, or networks in CIDR form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 64)))]
    pub addresses: Vec<Str>,
    /// The ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-kubernetes-validations" = schema::unique_ports()))]
    pub ports: Vec<ServicePort>,
    /// Whether its endpoints are part of the mesh.
    #[serde(skip_serializing_if = "is_default")]
    pub location: Location,
    /// How its endpoints are found.
    #[serde(skip_serializing_if = "is_default")]
    pub resolution: Resolution,
    /// Its endpoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096))]
    pub endpoints: Vec<WorkloadEntry>,
    /// Selects WorkloadEntries and pods of its namespace as endpoints, instead of `endpoints`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
    /// The namespaces that see it; empty for what the mesh says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub export_to: Vec<Str>,
    /// The identities that its endpoints may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subject_alt_names: Vec<Str>,
}

/// A port of a ServiceEntry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["number", "name"]))]
pub struct ServicePort {
    /// The number that clients use.
    #[schemars(schema_with = "schema::port")]
    pub number: u32,
    /// What is spoken, such as `HTTP`; found out where it is empty or unknown.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(max = 256))]
    pub protocol: Str,
    /// Its name.
    #[schemars(length(max = 256))]
    pub name: Str,
    /// The port of endpoints that name none; 0 for `number`.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::port")]
    pub target_port: u32,
}

enumeration! {
    /// Whether endpoints are part of the mesh.
    pub enum Location {
        /// They are not: no mTLS.
        #[default]
        MeshExternal = 0 "MESH_EXTERNAL",
        /// They are.
        MeshInternal = 1 "MESH_INTERNAL",
    }
}

enumeration! {
    /// How endpoints are found.
    pub enum Resolution {
        /// They are not: traffic goes where the client sent it.
        #[default]
        None = 0 "NONE",
        /// The object says.
        Static = 1 "STATIC",
        /// By DNS, all addresses.
        Dns = 2 "DNS",
        /// By DNS, the first address.
        DnsRoundRobin = 3 "DNS_ROUND_ROBIN",
        /// By DNS when a request comes, for wildcard hosts.
        DynamicDns = 4 "DYNAMIC_DNS",
    }
}

/// What is read of the status.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// Addresses that were allocated automatically.
    pub addresses: Vec<AllocatedAddress>,
}

/// An address that was allocated automatically.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AllocatedAddress {
    /// The address.
    pub value: Str,
    /// The host that it is for.
    pub host: Str,
}

impl Spec for ServiceEntry {
    const KIND: Kind = Kind::ServiceEntry;
    type Status = Status;

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::ServiceEntry(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::ServiceEntry(config) => Some(config),
            _ => None,
        }
    }
}
