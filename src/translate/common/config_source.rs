//! Where a proxy gets further configuration and secrets from.

use crate::proto::envoy::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use crate::proto::envoy::envoy::config::core::v3::grpc_service::{EnvoyGrpc, TargetSpecifier};
use crate::proto::envoy::envoy::config::core::v3::{
    AggregatedConfigSource, ApiConfigSource, ApiVersion, ConfigSource, GrpcService,
    api_config_source::ApiType,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;

use super::value::seconds;

/// The cluster of the proxy's own bootstrap on which its agent serves secrets.
pub const SDS_CLUSTER: &str = "sds-grpc";

/// The secret that holds the workload's certificate and key.
pub const WORKLOAD_CERTIFICATE: &str = "default";

/// The secret that holds the root certificates of the mesh.
pub const ROOT_CERTIFICATE: &str = "ROOTCA";

/// The stream that the resource itself came on. The proxy waits for the answer as long as it takes: going on
/// without it would mean a cluster without endpoints, or a listener without routes.
pub fn ads() -> ConfigSource {
    source(ConfigSourceSpecifier::Ads(AggregatedConfigSource {}))
}

/// A secret that the proxy's agent serves, [`WORKLOAD_CERTIFICATE`] or [`ROOT_CERTIFICATE`].
pub fn sds_secret_config(name: &str) -> SdsSecretConfig {
    SdsSecretConfig { name: name.into(), sds_config: Some(source(local(SDS_CLUSTER))) }
}

/// A secret that the proxy's agent reads from files. Unlike those of the mesh it may never be there, so that it is not
/// waited for.
pub fn file_secret(name: &str) -> SdsSecretConfig {
    unawaited(name, local(SDS_CLUSTER))
}

/// A secret that somebody else beside the proxy serves, on a cluster of this name. It is not waited for.
pub fn local_secret(name: &str, cluster: &str) -> SdsSecretConfig {
    unawaited(name, local(cluster))
}

/// A secret that the control plane serves. It may never be there, so that it is not waited for.
pub fn credential(name: &str) -> SdsSecretConfig {
    unawaited(name, ConfigSourceSpecifier::Ads(AggregatedConfigSource {}))
}

fn unawaited(name: &str, specifier: ConfigSourceSpecifier) -> SdsSecretConfig {
    let source = ConfigSource { initial_fetch_timeout: None, ..source(specifier) };
    SdsSecretConfig { name: name.into(), sds_config: Some(source) }
}

/// A server of secrets beside the proxy.
fn local(cluster: &str) -> ConfigSourceSpecifier {
    ConfigSourceSpecifier::ApiConfigSource(ApiConfigSource {
        api_type: ApiType::Grpc.into(),
        transport_api_version: ApiVersion::V3.into(),
        grpc_services: vec![GrpcService {
            target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
                cluster_name: cluster.into(),
                ..EnvoyGrpc::default()
            })),
            ..GrpcService::default()
        }],
        set_node_on_first_message_only: true,
        ..ApiConfigSource::default()
    })
}

fn source(specifier: ConfigSourceSpecifier) -> ConfigSource {
    ConfigSource {
        initial_fetch_timeout: Some(seconds(0)),
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(specifier),
        ..ConfigSource::default()
    }
}
