//! What clusters have in common, whatever they are for.

use serde_json::{Value as Json, json};

use super::policy::Policy;
use super::pool::{Limits, connection_options};
use super::stat_name::ended;
use crate::model::{MergedRule, Service};
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CommonLbConfig, DiscoveryType, LbPolicy,
};
use crate::proto::envoy::envoy::config::cluster::v3::{Cluster, Filter};
use crate::proto::envoy::envoy::config::core::v3 as core;
use crate::translate::common::address::socket_address;
use crate::translate::common::extension::{METADATA_EXCHANGE, tcp_metadata_exchange};
use crate::translate::common::metadata::{ISTIO, filter_metadata};
use crate::translate::common::value::duration;
use crate::translate::scope::Families;

/// A cluster of this name and kind.
pub fn cluster(name: &str, kind: DiscoveryType, policy: &Policy) -> Cluster {
    Cluster {
        name: name.into(),
        alt_stat_name: ended(name),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind.into())),
        connect_timeout: Some(duration(policy.connect_timeout)),
        ..Cluster::default()
    }
}

/// A cluster through which traffic flows, without limits.
pub fn open_cluster(name: &str, kind: DiscoveryType, policy: &Policy) -> Cluster {
    let lb_policy = match kind {
        DiscoveryType::OriginalDst => LbPolicy::ClusterProvided,
        _ => LbPolicy::LeastRequest,
    };
    Cluster {
        lb_policy: lb_policy.into(),
        circuit_breakers: Some(Limits::default().circuit_breakers(policy)),
        upstream_connection_options: connection_options(policy.tcp_keepalive, None),
        ..cluster(name, kind, policy)
    }
}

/// What else a cluster tells of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The rule that it follows.
    pub rule: Option<&'a MergedRule>,
    /// The subset that it is of.
    pub subset: Option<&'a str>,
    /// It begins TLS that is not the mesh's: Istio's ALPN filter must leave its protocols alone.
    pub own_alpn: bool,
}

/// A cluster that serves these services, the first of which it is named for.
pub fn service_cluster<'a>(
    name: &str,
    kind: DiscoveryType,
    policy: &Policy,
    services: impl IntoIterator<Item = &'a Service>,
    facts: Facts<'_>,
) -> Cluster {
    let mut external = false;
    let services: Vec<_> = services
        .into_iter()
        .map(|service| {
            external |= service.mesh_external;
            json!({
                "host": &*service.key.hostname,
                "name": &*service.name,
                "namespace": &*service.key.namespace,
            })
        })
        .collect();
    let text = |text: &str| Json::String(text.to_owned());
    let fields = [
        ("services", policy.telemetry.then_some(Json::Array(services))),
        ("external", (external && facts.subset.is_none()).then_some(Json::Bool(true))),
        ("config", facts.rule.map(|rule| text(&rule.resource_path()))),
        ("subset", facts.subset.map(text)),
        ("alpn_override", facts.own_alpn.then(|| text("false"))),
    ];
    let istio = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let istio: serde_json::Map<_, _> = istio.collect();
    let metadata = (!istio.is_empty()).then(|| filter_metadata([(ISTIO, Json::Object(istio))]));
    Cluster {
        common_lb_config: Some(CommonLbConfig::default()),
        metadata,
        ..open_cluster(name, kind, policy)
    }
}

/// The filter by which a client tells a server who it is on connections that are not HTTP.
pub fn metadata_exchange_filter(policy: &Policy) -> Filter {
    Filter {
        name: METADATA_EXCHANGE.into(),
        typed_config: Some(tcp_metadata_exchange(policy.exchanged_labels)),
        ..Filter::default()
    }
}

/// Connections to the own workload come from this address, by which the redirection tells them from those of
/// the application and lets them through.
pub fn inbound_bind_config(families: Families) -> core::BindConfig {
    const V4: &str = "127.0.0.6";
    const V6: &str = "::6";
    let extra = || core::ExtraSourceAddress {
        address: Some(socket_address(V6, 0)),
        ..core::ExtraSourceAddress::default()
    };
    core::BindConfig {
        source_address: Some(socket_address(if families.v4 { V4 } else { V6 }, 0)),
        extra_source_addresses: (families.v4 && families.v6).then(extra).into_iter().collect(),
        ..core::BindConfig::default()
    }
}
