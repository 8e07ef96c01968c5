//! WorkloadEntry: an instance that is no pod, a virtual machine for instance.

pub mod validation;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::common::is_default;
use crate::api::config::{Config, Spec};
use crate::api::issue::Issues;
use crate::api::schema;
use crate::api::{Kind, Labels, Meta, Object, Str};

/// The spec of a WorkloadEntry; also an endpoint of a ServiceEntry and the template of a WorkloadGroup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::entry_rules()))]
pub struct WorkloadEntry {
    /// An IP address, a host name or `unix:///PATH`; empty when the network's gateway stands for it.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(schema_with = "schema::address")]
    pub address: Str,
    /// Its ports by the names of the service's; those of the service where it names none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::named_ports")]
    pub ports: BTreeMap<Str, u32>,
    /// Labels that services and subsets select on.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    pub labels: Labels,
    /// The network; empty for the default one.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(max = 2048))]
    pub network: Str,
    /// `REGION/ZONE/SUBZONE`, of which the tail may be missing.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(max = 2048))]
    pub locality: Str,
    /// Its share among the endpoints of a service; 0 means 1.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: u32,
    /// The account behind its identity; empty when it has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(max = 253))]
    pub service_account: Str,
}

/// What is read of the status.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// What was observed, as far as it is read: other conditions may come and go without a change of the object.
    #[serde(deserialize_with = "read")]
    pub conditions: Vec<Condition>,
}

/// Something that was observed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What, such as `Healthy`.
    #[serde(rename = "type")]
    pub kind: Str,
    /// `True`, `False` or `Unknown`.
    pub status: Str,
}

impl Condition {
    /// The condition of workloads that answer.
    pub const HEALTHY: &str = "Healthy";
}

fn read<'de, D: Deserializer<'de>>(conditions: D) -> Result<Vec<Condition>, D::Error> {
    let mut conditions: Vec<Condition> = Deserialize::deserialize(conditions)?;
    conditions.retain(|condition| &*condition.kind == Condition::HEALTHY);
    Ok(conditions)
}

impl Spec for WorkloadEntry {
    const KIND: Kind = Kind::WorkloadEntry;
    type Status = Status;

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::WorkloadEntry(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::WorkloadEntry(config) => Some(config),
            _ => None,
        }
    }
}
