//! Proxies: who connects, as told by its node.
//!
//! Owns the parsed form of Envoy's `node`. What of it shapes the output is read by `translate::scope`.

use std::net::IpAddr;
use std::sync::Arc;

use super::Locality;
use crate::api::{Labels, Str};

/// A connected proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct Proxy {
    /// The node id: `KIND~IP~NAME.NAMESPACE~DNS_DOMAIN`.
    pub id: Str,
    /// What it is for.
    pub kind: ProxyKind,
    /// Its addresses, the first one preferred.
    pub ips: Vec<IpAddr>,
    /// `NAME.NAMESPACE`: the third part of the id, which debug endpoints call `proxyID`.
    pub workload_id: Str,
    /// The pod's name: metadata NAME, else what stands before the namespace in the id.
    pub name: Str,
    /// The namespace of its configuration: metadata NAMESPACE, else from the DNS domain.
    pub namespace: Str,
    /// The fourth part of the id.
    pub dns_domain: Str,
    /// Metadata CLUSTER_ID.
    pub cluster: Str,
    /// Metadata NETWORK.
    pub network: Str,
    /// Where it runs, as far as the node tells.
    pub locality: Locality,
    /// Metadata LABELS.
    pub labels: Labels,
    /// Metadata SERVICE_ACCOUNT; empty when it does not tell.
    pub service_account: Str,
    /// Metadata NODE_NAME.
    pub node_name: Str,
    /// Metadata ISTIO_VERSION; empty when it does not tell, which means the newest.
    pub istio_version: Str,
    /// The version of Envoy itself, such as `1.40.0`; empty when it does not tell.
    pub envoy_version: Str,
    /// All metadata as JSON, for settings that few proxies have and for debug output.
    pub metadata: serde_json::Value,
    /// The extensions that it has (name and type URLs of each), one list for all proxies of a build; None when it
    /// lists none.
    pub extensions: Option<Arc<[Extension]>>,
}

/// One extension of an Envoy (`node.extensions`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Such as `envoy.filters.http.router`.
    pub name: Str,
    /// The configuration types that it takes.
    pub type_urls: Vec<Str>,
}

/// What a proxy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyKind {
    /// Beside an application.
    Sidecar,
    /// A gateway.
    Router,
    /// A waypoint of an ambient mesh.
    Waypoint,
    /// The node proxy of an ambient mesh.
    Ztunnel,
}

impl ProxyKind {
    /// As the first part of a node id spells it.
    pub fn parse(text: &str) -> Option<ProxyKind> {
        Some(match text {
            "sidecar" => ProxyKind::Sidecar,
            "router" => ProxyKind::Router,
            "waypoint" => ProxyKind::Waypoint,
            "ztunnel" => ProxyKind::Ztunnel,
            _ => return None,
        })
    }

    /// As the first part of a node id spells it.
    pub fn name(self) -> &'static str {
        match self {
            ProxyKind::Sidecar => "sidecar",
            ProxyKind::Router => "router",
            ProxyKind::Waypoint => "waypoint",
            ProxyKind::Ztunnel => "ztunnel",
        }
    }
}
