//! PeerAuthentication: whether workloads take mTLS, anything else, or both.

pub mod validation;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::api::config::{Config, Spec};
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::networking::common::is_default;
use crate::api::target::WorkloadSelector;
use crate::api::{Kind, Meta, Object, schema};

/// The spec of a PeerAuthentication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::peer_authentication_rules()))]
pub struct PeerAuthentication {
    /// The workloads that it is for; None for all of the namespace, or of the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// What they take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtls: Option<MutualTls>,
    /// What they take on some ports, by the numbers on which they serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "port_level_mtls")]
    pub port_level_mtls: Option<BTreeMap<u32, MutualTls>>,
}

/// What is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MutualTls {
    /// Which connections.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: MutualTlsMode,
}

enumeration! {
    /// Which connections are taken.
    pub enum MutualTlsMode {
        /// Those that what is more general says.
        #[default]
        Unset = 0 "UNSET",
        /// All, and nobody's TLS is ended.
        Disable = 1 "DISABLE",
        /// mTLS and everything else.
        Permissive = 2 "PERMISSIVE",
        /// mTLS only.
        Strict = 3 "STRICT",
    }
}

fn port_level_mtls(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": generator.subschema_for::<MutualTls>(),
        "x-kubernetes-validations": schema::port_keys(),
    })
}

impl Spec for PeerAuthentication {
    const KIND: Kind = Kind::PeerAuthentication;
    type Status = ();

    fn validate(&self, _meta: &Meta, issues: &mut Issues) {
        validation::validate(self, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::PeerAuthentication(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::PeerAuthentication(config) => Some(config),
            _ => None,
        }
    }
}
