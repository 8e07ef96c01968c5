//! The network filters of byte streams.

use super::connection_manager::Side;
use super::http_filters::{STATS, stats};
use super::profile::Profile;
use crate::proto::Any;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::listener::v3::{Filter, filter::ConfigType};
use crate::proto::envoy::envoy::extensions::filters::network::mongo_proxy::v3::MongoProxy;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::ClusterSpecifier;
use crate::translate::capability::Capability;
use crate::translate::common::extension::{METADATA_EXCHANGE, tcp_metadata_exchange};
use crate::translate::common::value::duration;

/// What carries connections from the workload to a cluster. `mongo` also counts what MongoDB's protocol says.
pub fn outbound(profile: &Profile, cluster: &str, mongo: bool) -> Vec<Filter> {
    let mut filters: Vec<Filter> = stats_filter(profile, Side::Outbound).into_iter().collect();
    if mongo && profile.capabilities.has(Capability::MongoProxy) {
        let config = MongoProxy { stat_prefix: cluster.into(), ..MongoProxy::default() };
        filters.push(filter("envoy.filters.network.mongo_proxy", any(&config)));
    }
    filters.push(tcp_proxy(profile, cluster));
    filters
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
    filter("envoy.filters.network.tcp_proxy", any(&config))
}

fn filter(name: &str, config: Any) -> Filter {
    Filter { name: name.into(), config_type: Some(ConfigType::TypedConfig(config)) }
}
