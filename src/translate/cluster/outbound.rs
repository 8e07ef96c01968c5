//! The cluster of a service's port.

use std::collections::BTreeSet;

use super::base::{metadata_exchange_filter, service_cluster};
use super::discovery::Discovery;
use super::policy::Policy;
use super::protocol::HttpVersion;
use super::tls::{MutualTls, expand};
use crate::model::{EndpointTraits, Port, ProxyKind, Service};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::common_lb_config::{
    LocalityConfigSpecifier, LocalityWeightedLbConfig,
};
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    CommonLbConfig, DiscoveryType, EdsClusterConfig,
};
use crate::proto::envoy::envoy::r#type::v3::Percent;
use crate::translate::capability::Capability;
use crate::translate::common::config_source::ads;
use crate::translate::common::name::{outbound_cluster, sni};
use crate::translate::endpoint::preference::Preference;
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::scope::Scope;

/// What an outbound cluster is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The service.
    pub service: Same<Service>,
    /// Index of the port in `service.ports`.
    pub port: usize,
    /// What of the service's endpoints the cluster depends on.
    pub endpoints: Same<EndpointTraits>,
    /// What the mesh decides.
    pub policy: Same<Policy>,
    /// What of the proxy the cluster depends on.
    pub client: Client,
}

/// What of a proxy shapes its outbound clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// What it is for.
    pub kind: ProxyKind,
    /// It can exchange metadata over TCP.
    pub metadata_exchange: bool,
    /// See [`Scope::peer_alpn`].
    pub peer_alpn: bool,
}

impl Client {
    /// Of the proxies of a scope.
    pub fn of(scope: &Scope) -> Client {
        Client {
            kind: scope.kind,
            metadata_exchange: scope.capabilities.has(Capability::TcpMetadataExchange),
            peer_alpn: scope.peer_alpn(),
        }
    }
}

/// The cluster of a port, as a resource.
pub fn resource(key: &Key, port: &Port, discovery: Discovery) -> Resource {
    let service = &key.service.0;
    let name = outbound_cluster(port.number, "", &service.key.hostname);
    let cluster = cluster(key, port, discovery, &name);
    Resource::new(name.into(), encode::encode(&cluster), [service.origin.clone()])
}

fn cluster(key: &Key, port: &Port, discovery: Discovery, name: &str) -> Cluster {
    let Key { service: Same(service), policy: Same(policy), client, .. } = key;
    let kind = match discovery {
        Discovery::Eds => DiscoveryType::Eds,
        Discovery::OriginalDst => DiscoveryType::OriginalDst,
    };
    let mut cluster = service_cluster(name, kind, policy, [&**service]);
    if discovery == Discovery::Eds {
        cluster.eds_cluster_config =
            Some(EdsClusterConfig { eds_config: Some(ads()), service_name: name.into() });
    }
    if client.metadata_exchange {
        cluster.filters.push(metadata_exchange_filter());
    }
    if Preference::of(service).is_some() {
        cluster.common_lb_config = Some(failover_lb_config());
    }
    let version = match HttpVersion::of(port.protocol, client.kind == ProxyKind::Sidecar) {
        HttpVersion::Default if policy.h2_upgrade && port.protocol.is_http() => HttpVersion::Two,
        version => version,
    };
    version.apply(&mut cluster);
    if policy.auto_mtls && !service.mesh_external {
        let tls = mutual_tls(key, port, version);
        match discovery {
            Discovery::Eds => cluster.transport_socket_matches = tls.transport_socket_matches(),
            Discovery::OriginalDst if key.endpoints.0.all_mtls => {
                cluster.transport_socket = Some(tls.transport_socket());
            }
            Discovery::OriginalDst => {}
        }
    }
    cluster
}

/// Localities are used by the priorities that their assignment gives them, until the last endpoint of a
/// priority is gone: without a panic threshold, Envoy would spread the load over unhealthy ones at half.
fn failover_lb_config() -> CommonLbConfig {
    CommonLbConfig {
        healthy_panic_threshold: Some(Percent::default()),
        locality_config_specifier: Some(LocalityConfigSpecifier::LocalityWeightedLbConfig(
            LocalityWeightedLbConfig {},
        )),
        ..CommonLbConfig::default()
    }
}

fn mutual_tls(key: &Key, port: &Port, version: HttpVersion) -> MutualTls {
    let service = &key.service.0;
    let identities: BTreeSet<_> =
        key.endpoints.0.identities.iter().chain(&service.service_accounts).cloned().collect();
    MutualTls {
        sni: sni(port.number, "", &service.key.hostname),
        identities: expand(&identities, &key.policy.0.trust_domain_aliases),
        http2: version == HttpVersion::Two,
        peer_alpn: key.client.peer_alpn,
    }
}
