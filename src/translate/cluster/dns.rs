//! Clusters that resolve names: the ones that they are told, or those that requests ask for.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery>

use serde_json::json;

use super::outbound::Key;
use crate::model::Service;
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CustomClusterType, DnsLookupFamily, LbPolicy,
};
use crate::proto::envoy::envoy::config::core::v3::TypedExtensionConfig;
use crate::proto::envoy::envoy::config::endpoint::v3::ClusterLoadAssignment;
use crate::proto::envoy::envoy::extensions::clusters::dynamic_forward_proxy::v3::ClusterConfig;
use crate::proto::envoy::envoy::extensions::clusters::dynamic_forward_proxy::v3::cluster_config::ClusterImplementationSpecifier;
use crate::proto::envoy::envoy::extensions::common::dynamic_forward_proxy::v3::DnsCacheConfig;
use crate::proto::envoy::envoy::extensions::network::dns_resolver::cares::v3::CaresDnsResolverConfig;
use crate::translate::common::metadata::{ISTIO, filter_metadata};
use crate::translate::common::value::{duration, uint32};
use crate::translate::endpoint::assignment;
use crate::translate::scope::Families;

/// The endpoints of a cluster that resolves names, and the families of those who do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Names {
    /// The endpoints.
    pub assignment: assignment::Key,
    /// The address families of the proxy.
    pub families: Families,
}

/// Has a cluster resolve the names of its endpoints, which are part of it.
#[allow(deprecated, reason = "Istio sends these fields, and Envoys of all ages read them")]
pub fn resolve(cluster: &mut Cluster, key: &Key) {
    let Some(names) = key.names.as_deref() else { return };
    let policy = &key.policy.0;
    cluster.dns_lookup_family = match (key.service.0.race_addresses, names.families) {
        (true, _) | (_, Families { v4: true, v6: true }) => DnsLookupFamily::All,
        (_, Families { v6: true, .. }) => DnsLookupFamily::V6Only,
        _ => DnsLookupFamily::V4Only,
    }
    .into();
    cluster.dns_refresh_rate = Some(duration(policy.dns_refresh_rate));
    cluster.dns_jitter = Some(duration(policy.dns_jitter));
    cluster.respect_dns_ttl = true;
    cluster.typed_dns_resolver_config = key.client.cares.then(|| TypedExtensionConfig {
        name: "envoy.network.dns_resolver.cares".into(),
        typed_config: Some(encode::any(&CaresDnsResolverConfig {
            udp_max_queries: Some(uint32(policy.dns_udp_queries)),
            ..CaresDnsResolverConfig::default()
        })),
    });
    cluster.load_assignment = Some(ClusterLoadAssignment {
        cluster_name: cluster.name.clone(),
        endpoints: names.assignment.localities(),
        ..ClusterLoadAssignment::default()
    });
}

/// Has a cluster resolve the name that a request asks for. What it finds out is shared with the filters that read
/// that name, by the name of the cache.
pub fn forward(cluster: &mut Cluster, service: &Service) {
    let config = ClusterConfig {
        cluster_implementation_specifier: Some(ClusterImplementationSpecifier::DnsCacheConfig(
            dns_cache(&service.key.hostname),
        )),
        ..ClusterConfig::default()
    };
    cluster.cluster_discovery_type = Some(ClusterDiscoveryType::ClusterType(CustomClusterType {
        name: "envoy.clusters.dynamic_forward_proxy".into(),
        typed_config: Some(encode::any(&config)),
    }));
    cluster.lb_policy = LbPolicy::ClusterProvided.into();
    // It has no endpoints that localities could prefer, and Istio tells of such clusters only whether they leave
    // the mesh.
    cluster.common_lb_config = None;
    cluster.metadata =
        service.mesh_external.then(|| filter_metadata([(ISTIO, json!({ "external": true }))]));
}

/// The cache of the names that a service of this host stands for. Envoy refuses two of one name that differ.
pub fn dns_cache(host: &str) -> DnsCacheConfig {
    DnsCacheConfig {
        name: format!("{host}_dfp_dns_cache"),
        dns_lookup_family: DnsLookupFamily::V4Only.into(),
        ..DnsCacheConfig::default()
    }
}
