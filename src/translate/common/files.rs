//! Certificates and keys that lie beside a proxy, as files that its agent reads, or a server for just that.

use super::config_source::{
    ROOT_CERTIFICATE, WORKLOAD_CERTIFICATE, file_secret, local_secret, sds_secret_config,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;

/// The cluster of a server that reads files instead of the agent.
const FILE_CLUSTER: &str = "sds-files-grpc";

/// A certificate chain and its key; None where one of them is not named. `server` tells whether there is a server of
/// files beside the proxy.
pub fn certificate(chain: &str, key: &str, server: bool) -> Option<SdsSecretConfig> {
    let named = !chain.is_empty() && !key.is_empty();
    named.then(|| secret(&format!("file-cert:{chain}~{key}"), server))
}

/// The roots in a file; None without a name.
pub fn roots(file: &str, server: bool) -> Option<SdsSecretConfig> {
    (!file.is_empty()).then(|| secret(&format!("file-root:{file}"), server))
}

/// The same, or what the mesh gives the workload.
pub fn certificate_or_mesh(chain: &str, key: &str, server: bool) -> SdsSecretConfig {
    certificate(chain, key, server).unwrap_or_else(|| sds_secret_config(WORKLOAD_CERTIFICATE))
}

/// The same, or those of the mesh.
pub fn roots_or_mesh(file: &str, server: bool) -> SdsSecretConfig {
    roots(file, server).unwrap_or_else(|| sds_secret_config(ROOT_CERTIFICATE))
}

fn secret(name: &str, server: bool) -> SdsSecretConfig {
    match server {
        true => local_secret(name, FILE_CLUSTER),
        false => file_secret(name),
    }
}
