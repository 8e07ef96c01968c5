//! What clusters have in common, whatever they are for.

use serde_json::{Value as Json, json};

use super::policy::Policy;
use crate::api::mesh::TcpKeepalive;
use crate::model::Service;
use crate::proto::envoy::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CommonLbConfig, DiscoveryType, LbPolicy,
};
use crate::proto::envoy::envoy::config::cluster::v3::{
    CircuitBreakers, Cluster, Filter, UpstreamConnectionOptions,
};
use crate::proto::envoy::envoy::config::core::v3 as core;
use crate::translate::common::address::socket_address;
use crate::translate::common::extension::{METADATA_EXCHANGE, tcp_metadata_exchange};
use crate::translate::common::metadata::{ISTIO, filter_metadata};
use crate::translate::common::value::{duration, uint32};
use crate::translate::scope::Families;

/// A cluster of this name and kind. Statistics are kept under the name with `;` behind it, by which Istio's
/// dashboards tell where a name ends that may hold dots.
pub fn cluster(name: &str, kind: DiscoveryType, policy: &Policy) -> Cluster {
    Cluster {
        name: name.into(),
        alt_stat_name: format!("{name};"),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind.into())),
        connect_timeout: Some(duration(policy.connect_timeout)),
        ..Cluster::default()
    }
}

/// A cluster through which traffic flows: without limits, because the limits belong to destination rules,
/// and Envoy's defaults would throttle a busy service.
pub fn open_cluster(name: &str, kind: DiscoveryType, policy: &Policy) -> Cluster {
    let lb_policy = match kind {
        DiscoveryType::OriginalDst => LbPolicy::ClusterProvided,
        _ => LbPolicy::LeastRequest,
    };
    Cluster {
        lb_policy: lb_policy.into(),
        circuit_breakers: Some(CircuitBreakers {
            thresholds: vec![Thresholds {
                max_connections: Some(uint32(u32::MAX)),
                max_pending_requests: Some(uint32(u32::MAX)),
                max_requests: Some(uint32(u32::MAX)),
                max_retries: Some(uint32(u32::MAX)),
                track_remaining: policy.track_remaining,
                ..Thresholds::default()
            }],
            ..CircuitBreakers::default()
        }),
        upstream_connection_options: policy.tcp_keepalive.map(connection_options),
        ..cluster(name, kind, policy)
    }
}

/// A cluster that serves these services, the first of which it is named for.
pub fn service_cluster<'a>(
    name: &str,
    kind: DiscoveryType,
    policy: &Policy,
    services: impl IntoIterator<Item = &'a Service>,
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
    let fields = [
        policy.telemetry.then(|| ("services".to_owned(), Json::Array(services))),
        external.then(|| ("external".to_owned(), Json::Bool(true))),
    ];
    let istio: serde_json::Map<_, _> = fields.into_iter().flatten().collect();
    let metadata = (!istio.is_empty()).then(|| filter_metadata([(ISTIO, Json::Object(istio))]));
    Cluster {
        common_lb_config: Some(CommonLbConfig::default()),
        metadata,
        ..open_cluster(name, kind, policy)
    }
}

/// The filter by which a client tells a server who it is on connections that are not HTTP.
pub fn metadata_exchange_filter() -> Filter {
    Filter {
        name: METADATA_EXCHANGE.into(),
        typed_config: Some(tcp_metadata_exchange()),
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

fn connection_options(keepalive: TcpKeepalive) -> UpstreamConnectionOptions {
    let seconds =
        |time: std::time::Duration| uint32(u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
    UpstreamConnectionOptions {
        tcp_keepalive: Some(core::TcpKeepalive {
            keepalive_probes: keepalive.probes.map(uint32),
            keepalive_time: keepalive.time.map(seconds),
            keepalive_interval: keepalive.interval.map(seconds),
        }),
        ..UpstreamConnectionOptions::default()
    }
}
