//! Clusters that resolve names: the ones that they are told, or those that requests ask for.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery>

#[cfg(test)]
mod tests;

use serde_json::json;

use super::origination::trusts_all;
use super::outbound::Key;
use super::protocol::HttpOptions;
use crate::api::networking::destination_rule::ClientTls;
use crate::model::Service;
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CustomClusterType, DnsLookupFamily, LbPolicy,
};
use crate::proto::envoy::envoy::config::core::v3::{
    TypedExtensionConfig, UpstreamHttpProtocolOptions,
};
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
/// that name, by the name of the cache. `tls` is what the cluster was secured by.
pub fn forward(
    cluster: &mut Cluster,
    http: &mut HttpOptions,
    service: &Service,
    tls: Option<&ClientTls>,
) {
    let config = ClusterConfig {
        allow_insecure_cluster_options: !verify_names(cluster, http, tls),
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

/// Has TLS ask for the name of the request, and verify it, where the user does not say otherwise. Returns whether
/// that is what Envoy wants of such a cluster. It wants it of HTTP options without TLS too, where it means nothing.
fn verify_names(cluster: &Cluster, http: &mut HttpOptions, tls: Option<&ClientTls>) -> bool {
    let secured =
        cluster.transport_socket.is_some() || !cluster.transport_socket_matches.is_empty();
    let tls = tls.filter(|_| secured);
    if tls.is_none() && !http.is_said() {
        return true;
    }
    let auto_sni = tls.is_none_or(|tls| tls.sni.is_empty());
    let auto_san_validation = tls.is_none_or(|tls| !trusts_all(tls));
    http.upstream = (auto_sni || auto_san_validation).then(|| UpstreamHttpProtocolOptions {
        auto_sni,
        auto_san_validation,
        ..UpstreamHttpProtocolOptions::default()
    });
    auto_sni && auto_san_validation
}

/// The cache of the names that a service of this host stands for. Envoy refuses two of one name that differ.
pub fn dns_cache(host: &str) -> DnsCacheConfig {
    DnsCacheConfig {
        name: format!("{host}_dfp_dns_cache"),
        dns_lookup_family: DnsLookupFamily::V4Only.into(),
        ..DnsCacheConfig::default()
    }
}
