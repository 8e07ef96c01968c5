//! MeshNetworks: which networks the mesh spans, whose workloads are in them, and what leads into them.
//!
//! The values only; reading them is the business of the sources, and what follows from them the store's.
//! <https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks>

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Str;
use super::cidr::Cidr;
use super::field_path::FieldPath;
use super::issue::Issues;

/// The networks by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshNetworks {
    /// The networks.
    pub networks: BTreeMap<Str, Network>,
}

/// One network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// The workloads in it.
    pub endpoints: Vec<NetworkEndpoints>,
    /// What leads into it from other networks.
    pub gateways: Vec<Gateway>,
}

/// Some workloads of a network. One of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkEndpoints {
    /// Those with an address in this range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_cidr: Option<Str>,
    /// Those of this cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_registry: Option<Str>,
}

/// A gateway into a network. One of `registry_service_name` and `address`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Gateway {
    /// The full host name of a Kubernetes Service of a cluster that belongs to the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_service_name: Option<Str>,
    /// An IP address, or a host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Str>,
    /// The port that takes mTLS by server name.
    pub port: u32,
    /// Where it is; not used.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub locality: Str,
}

impl MeshNetworks {
    /// The ranges of addresses (`fromCidr`) of all networks, sorted; one that two networks name is there twice.
    pub fn ranges(&self) -> Vec<Cidr> {
        let endpoints = self.networks.values().flat_map(|network| &network.endpoints);
        let mut ranges: Vec<Cidr> =
            endpoints.filter_map(|some| Cidr::parse(some.from_cidr.as_ref()?)).collect();
        ranges.sort();
        ranges
    }

    /// Says what makes the whole document invalid, with paths that begin at it.
    pub fn validate(&self) -> Issues {
        let mut issues = Issues::default();
        for (name, network) in &self.networks {
            let base = FieldPath::of("networks").key(name);
            for (index, endpoints) in network.endpoints.iter().enumerate() {
                endpoints.validate(&base.clone().key("endpoints").index(index), &mut issues);
            }
            for (index, gateway) in network.gateways.iter().enumerate() {
                gateway.validate(&base.clone().key("gateways").index(index), &mut issues);
            }
        }
        issues
    }
}

impl NetworkEndpoints {
    fn validate(&self, path: &FieldPath, issues: &mut Issues) {
        if self.from_cidr.is_some() && self.from_registry.is_some() {
            issues.error(path.clone(), "has fromCidr and fromRegistry: give one of them");
        }
        if let Some(cidr) = &self.from_cidr
            && Cidr::parse(cidr).is_none()
        {
            let message = format!("{cidr:?} is no range of addresses: write it as 10.0.0.0/8");
            issues.error(path.clone().key("fromCidr"), message);
        }
        if let Some(cluster) = &self.from_registry
            && !is_label(cluster)
        {
            let message = format!(
                "{cluster:?} is no id of a cluster: use letters, digits and -, at most 63 of them"
            );
            issues.error(path.clone().key("fromRegistry"), message);
        }
    }
}

impl Gateway {
    fn validate(&self, path: &FieldPath, issues: &mut Issues) {
        if self.registry_service_name.is_some() && self.address.is_some() {
            issues.error(path.clone(), "has registryServiceName and address: give one of them");
        }
        if let Some(host) = &self.registry_service_name
            && !is_host_name(host)
        {
            let message =
                format!("{host:?} is no host name: write it as gw.default.svc.cluster.local");
            issues.error(path.clone().key("registryServiceName"), message);
        }
        if let Some(address) = &self.address
            && address.parse::<IpAddr>().is_err()
            && !is_host_name(address)
        {
            let message = format!("{address:?} is neither an IP address nor a host name");
            issues.error(path.clone().key("address"), message);
        }
        if !(1..=65535).contains(&self.port) {
            let message = format!("{} is no port: use one of 1 to 65535", self.port);
            issues.error(path.clone().key("port"), message);
        }
    }
}

fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    !name.is_empty() && name.len() <= 253 && name.split('.').all(is_label)
}

/// A label of DNS.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;
