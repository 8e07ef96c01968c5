//! The network filters of byte streams.

use super::chain::{Forward, Stream};
use super::connection_manager::Side;
use super::http_filters::{STATS, stats};
use super::profile::Profile;
use crate::proto::Any;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::listener::v3::{Filter, filter::ConfigType};
use crate::proto::envoy::envoy::extensions::filters::network::mongo_proxy::v3::MongoProxy;
use crate::proto::envoy::envoy::extensions::filters::network::sni_dynamic_forward_proxy::v3::FilterConfig as ForwardSni;
use crate::proto::envoy::envoy::extensions::filters::network::sni_dynamic_forward_proxy::v3::filter_config::PortSpecifier;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::weighted_cluster::ClusterWeight;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::{
    ClusterSpecifier, TunnelingConfig, WeightedCluster,
};
use crate::proto::envoy::envoy::r#type::v3::HashPolicy;
use crate::proto::envoy::envoy::r#type::v3::hash_policy::{PolicySpecifier, SourceIp};
use crate::translate::capability::Capability;
use crate::translate::cluster::dns::dns_cache;
use crate::translate::common::extension::{METADATA_EXCHANGE, tcp_metadata_exchange};
use crate::translate::common::value::duration;

/// The name of the network filter.
const TCP_PROXY: &str = "envoy.filters.network.tcp_proxy";

/// What carries connections from the workload to a cluster.
pub fn to_cluster(profile: &Profile, cluster: &str) -> Vec<Filter> {
    let stats = stats_filter(profile, Side::Outbound);
    stats.into_iter().chain([tcp_proxy(profile, cluster)]).collect()
}

/// What carries byte streams from the workload to where they lead.
pub fn outbound(profile: &Profile, stream: &Stream) -> Vec<Filter> {
    carrying(profile, stream, Side::Outbound)
}

/// What carries byte streams through a gateway to where they lead. With `exchange` clients are of the mesh and tell
/// first who they are.
pub fn through_gateway(profile: &Profile, stream: &Stream, exchange: bool) -> Vec<Filter> {
    let told = exchange.then(|| metadata_exchange(profile)).flatten();
    told.into_iter().chain(carrying(profile, stream, Side::Gateway)).collect()
}

/// MongoDB's protocol is also counted. What resolves the server that TLS names comes before all that may connect to it.
fn carrying(profile: &Profile, stream: &Stream, side: Side) -> Vec<Filter> {
    let mut filters: Vec<Filter> = stats_filter(profile, side).into_iter().collect();
    if profile.capabilities.has(Capability::ForwardSni) {
        filters.extend(stream.forward.as_ref().map(|Forward { host, port }| {
            let config = ForwardSni {
                dns_cache_config: Some(dns_cache(host)),
                port_specifier: Some(PortSpecifier::PortValue(u32::from(*port))),
                ..ForwardSni::default()
            };
            filter("envoy.filters.network.sni_dynamic_forward_proxy", any(&config))
        }));
    }
    if stream.mongo && profile.capabilities.has(Capability::MongoProxy) {
        let stat_prefix = stream.stat_prefix.clone();
        let config = MongoProxy { stat_prefix, ..MongoProxy::default() };
        filters.push(filter("envoy.filters.network.mongo_proxy", any(&config)));
    }
    let config = TcpProxy {
        stat_prefix: stream.stat_prefix.clone(),
        idle_timeout: stream.idle_timeout.or(profile.idle_timeout).map(duration),
        max_downstream_connection_duration: stream.max_duration.map(duration),
        hash_policy: stream.hash_source_ip.then(source_ip).into_iter().collect(),
        tunneling_config: stream.tunnel.as_ref().map(|tunnel| TunnelingConfig {
            hostname: tunnel.target.clone(),
            use_post: tunnel.post,
            ..TunnelingConfig::default()
        }),
        cluster_specifier: Some(clusters(&stream.clusters)),
        ..TcpProxy::default()
    };
    filters.push(filter(TCP_PROXY, any(&config)));
    filters
}

fn clusters(clusters: &[(String, u32)]) -> ClusterSpecifier {
    if let [(only, 0)] = clusters {
        return ClusterSpecifier::Cluster(only.clone());
    }
    let share = |(name, weight): &(String, u32)| ClusterWeight {
        name: name.clone(),
        weight: *weight,
        ..ClusterWeight::default()
    };
    ClusterSpecifier::WeightedClusters(WeightedCluster {
        clusters: clusters.iter().map(share).collect(),
    })
}

fn source_ip() -> HashPolicy {
    HashPolicy { policy_specifier: Some(PolicySpecifier::SourceIp(SourceIp {})) }
}

/// What carries connections to the workload to a cluster.
pub fn inbound(profile: &Profile, cluster: &str) -> Vec<Filter> {
    let mut filters: Vec<Filter> = metadata_exchange(profile).into_iter().collect();
    filters.extend(stats_filter(profile, Side::Inbound));
    filters.push(tcp_proxy(profile, cluster));
    filters
}

/// By which the client's sidecar tells who it is, on all inbound connections.
pub fn metadata_exchange(profile: &Profile) -> Option<Filter> {
    profile
        .capabilities
        .has(Capability::TcpMetadataExchange)
        .then(|| filter(METADATA_EXCHANGE, tcp_metadata_exchange()))
}

fn stats_filter(profile: &Profile, side: Side) -> Option<Filter> {
    profile.stats.then(|| filter(STATS, stats(side)))
}

fn tcp_proxy(profile: &Profile, cluster: &str) -> Filter {
    let config = TcpProxy {
        stat_prefix: cluster.into(),
        idle_timeout: profile.idle_timeout.map(duration),
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.into())),
        ..TcpProxy::default()
    };
    filter(TCP_PROXY, any(&config))
}

fn filter(name: &str, config: Any) -> Filter {
    Filter { name: name.into(), config_type: Some(ConfigType::TypedConfig(config)) }
}
