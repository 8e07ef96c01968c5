//! Which traffic an extension sees.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::enumeration::enumeration;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::common::is_default;

/// Some traffic of a workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficSelector {
    /// On which side of a connection the workload is.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: WorkloadMode,
    /// To which ports; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["number"]))]
    pub ports: Vec<MatchedPort>,
}

/// A port of traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["number"]))]
pub struct MatchedPort {
    /// Its number.
    #[schemars(range(min = 1, max = 65535))]
    pub number: u32,
}

enumeration! {
    /// On which side of a connection a workload is.
    pub enum WorkloadMode {
        /// On either.
        #[default]
        Undefined = 0 "UNDEFINED",
        /// It opened the connection.
        Client = 1 "CLIENT",
        /// It took the connection.
        Server = 2 "SERVER",
        /// On either.
        ClientAndServer = 3 "CLIENT_AND_SERVER",
    }
}

/// What traffic is selected by must exist.
pub(super) fn validate(selectors: &[TrafficSelector], at: &Place<'_>, issues: &mut Issues) {
    for (index, selector) in selectors.iter().enumerate() {
        let at = at.index(index);
        let ports = at.key("ports");
        for (index, port) in selector.ports.iter().enumerate() {
            if !(1..=65535).contains(&port.number) {
                let message =
                    format!("port {} is out of range: give one from 1 to 65535", port.number);
                issues.error(ports.index(index).key("number"), message);
            }
        }
    }
}
