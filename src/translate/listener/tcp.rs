//! The network filters of byte streams.

use std::time::Duration;

use super::chain::{Database, Forward, Stream};
use super::connection_manager::Side;
use super::http_filters::{STATS, stats};
use super::profile::Profile;
use crate::proto::Any;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::listener::v3::{Filter, filter::ConfigType};
use crate::proto::envoy::envoy::extensions::filters::network::mongo_proxy::v3::MongoProxy;
use crate::proto::envoy::envoy::extensions::filters::network::redis_proxy::v3::RedisProxy;
use crate::proto::envoy::envoy::extensions::filters::network::redis_proxy::v3::redis_proxy::prefix_routes::Route;
use crate::proto::envoy::envoy::extensions::filters::network::redis_proxy::v3::redis_proxy::{
    ConnPoolSettings, PrefixRoutes,
};
use crate::proto::envoy::envoy::extensions::filters::network::sni_dynamic_forward_proxy::v3::FilterConfig as ForwardSni;
use crate::proto::envoy::envoy::extensions::filters::network::sni_dynamic_forward_proxy::v3::filter_config::PortSpecifier;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::weighted_cluster::ClusterWeight;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::{
    ClusterSpecifier, TunnelingConfig, WeightedCluster,
};
use crate::proto::envoy::envoy::r#type::v3::HashPolicy;
use crate::proto::envoy::envoy::r#type::v3::hash_policy::{PolicySpecifier, SourceIp};
use crate::proto::mysql_proxy::MySqlProxy;
use crate::translate::capability::Capability;
use crate::translate::cluster::dns::dns_cache;
use crate::translate::common::extension::{METADATA_EXCHANGE, tcp_metadata_exchange};
use crate::translate::common::value::duration;
use crate::translate::security::Guards;

/// How long a Redis server may take to answer.
const REDIS_TIMEOUT: Duration = Duration::from_secs(5);

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
pub fn through_gateway(
    profile: &Profile,
    guards: &Guards,
    stream: &Stream,
    exchange: bool,
) -> Vec<Filter> {
    let told = exchange.then(|| metadata_exchange(profile)).flatten();
    let before = told.into_iter().chain(guards.tcp());
    before.chain(carrying(profile, stream, Side::Gateway)).collect()
}

/// What resolves the server that TLS names comes before all that may connect to it.
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
    let first = stream.clusters.first().map_or("", |(cluster, _)| cluster);
    let (reader, ends) = reader(profile, stream.protocol, &stream.stat_prefix, first);
    filters.extend(reader);
    if ends {
        return filters;
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

/// What reads the protocol of a database, and whether it carries the requests on itself: then to one cluster only.
fn reader(
    profile: &Profile,
    protocol: Option<Database>,
    stat_prefix: &str,
    cluster: &str,
) -> (Option<Filter>, bool) {
    let stat_prefix = stat_prefix.to_owned();
    let has = |capability| profile.capabilities.has(capability);
    match protocol {
        Some(Database::Mongo) if has(Capability::MongoProxy) => {
            let config = MongoProxy { stat_prefix, ..MongoProxy::default() };
            (Some(filter("envoy.filters.network.mongo_proxy", any(&config))), false)
        }
        Some(Database::Mysql) if has(Capability::MysqlProxy) => {
            let config = MySqlProxy { stat_prefix, ..MySqlProxy::default() };
            (Some(filter("envoy.filters.network.mysql_proxy", any(&config))), false)
        }
        Some(Database::Redis) if has(Capability::RedisProxy) => {
            let config = redis(stat_prefix, cluster.to_owned());
            (Some(filter("envoy.filters.network.redis_proxy", any(&config))), true)
        }
        _ => (None, false),
    }
}

fn redis(stat_prefix: String, cluster: String) -> RedisProxy {
    RedisProxy {
        stat_prefix,
        latency_in_micros: true,
        settings: Some(ConnPoolSettings {
            op_timeout: Some(duration(REDIS_TIMEOUT)),
            ..ConnPoolSettings::default()
        }),
        prefix_routes: Some(PrefixRoutes {
            catch_all_route: Some(Route { cluster, ..Route::default() }),
            ..PrefixRoutes::default()
        }),
        ..RedisProxy::default()
    }
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

/// What carries connections to the workload to a cluster. Who is refused is known by the metadata that were exchanged.
pub fn inbound(
    profile: &Profile,
    guards: &Guards,
    protocol: Option<Database>,
    cluster: &str,
) -> Vec<Filter> {
    let mut filters: Vec<Filter> = metadata_exchange(profile).into_iter().collect();
    filters.extend(guards.tcp());
    filters.extend(stats_filter(profile, Side::Inbound));
    let (reader, ends) = reader(profile, protocol, cluster, cluster);
    filters.extend(reader);
    filters.extend((!ends).then(|| tcp_proxy(profile, cluster)));
    filters
}

/// By which the client's sidecar tells who it is, on all inbound connections.
pub fn metadata_exchange(profile: &Profile) -> Option<Filter> {
    profile.capabilities.has(Capability::TcpMetadataExchange).then(|| {
        filter(METADATA_EXCHANGE, tcp_metadata_exchange(profile.features.exchanged_labels))
    })
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
