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
    let api = ApiConfigSource {
        api_type: ApiType::Grpc.into(),
        transport_api_version: ApiVersion::V3.into(),
        grpc_services: vec![GrpcService {
            target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
                cluster_name: SDS_CLUSTER.into(),
                ..EnvoyGrpc::default()
            })),
            ..GrpcService::default()
        }],
        set_node_on_first_message_only: true,
        ..ApiConfigSource::default()
    };
    SdsSecretConfig {
        name: name.into(),
        sds_config: Some(source(ConfigSourceSpecifier::ApiConfigSource(api))),
    }
}

fn source(specifier: ConfigSourceSpecifier) -> ConfigSource {
    ConfigSource {
        initial_fetch_timeout: Some(seconds(0)),
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(specifier),
        ..ConfigSource::default()
    }
}
