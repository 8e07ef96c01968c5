//! The TLS of connections to a workload: mTLS with the certificates of the mesh.

use super::profile::Profile;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::core::v3::TransportSocket;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, SdsSecretConfig,
    TlsParameters,
};
use crate::translate::common::compliance::restrict;
use crate::translate::common::extension::{PEER_EXCHANGE_ALPN, transport_socket};
use crate::translate::common::files;
use crate::translate::common::value::{boolean, prefix};
use crate::translate::scope::{Files, SecretSources};

/// What is offered to clients of HTTP.
const HTTP_ALPN: [&str; 2] = ["h2", "http/1.1"];

/// The cipher suites of TLS 1.2 that are accepted, in order of preference.
const CIPHER_SUITES: [&str; 6] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
];

/// Ends mTLS from clients of the profile's trust domains, as far as the mesh accepts it. With `peer_exchange` the protocol
/// is taken too in which sidecars tell each other who they are before a byte stream.
#[allow(deprecated, reason = "match_subject_alt_names is what Istio sends: identities are URIs")]
pub fn downstream(profile: &Profile, peer_exchange: bool) -> TransportSocket {
    let Profile { trust_domains, mtls, secrets, .. } = profile;
    let (certificate, roots) = own_secrets(secrets);
    let version = if mtls.only_tls13 { TlsProtocol::TlSv13 } else { TlsProtocol::TlSv12 };
    let cipher_suites = match &*mtls.cipher_suites {
        [] => CIPHER_SUITES.map(str::to_owned).to_vec(),
        own => own.iter().map(|suite| suite.to_string()).collect(),
    };
    let identities = CertificateValidationContext {
        match_subject_alt_names: trust_domains
            .iter()
            .map(|domain| prefix(format!("spiffe://{domain}/")))
            .collect(),
        ..CertificateValidationContext::default()
    };
    let peer_exchange = peer_exchange.then_some(PEER_EXCHANGE_ALPN);
    let common = CommonTlsContext {
        tls_params: restrict(
            Some(TlsParameters {
                tls_minimum_protocol_version: version.into(),
                tls_maximum_protocol_version: TlsProtocol::TlSv13.into(),
                cipher_suites,
                ..TlsParameters::default()
            }),
            profile.features.compliance,
        ),
        alpn_protocols: peer_exchange.into_iter().chain(HTTP_ALPN).map(str::to_owned).collect(),
        tls_certificate_sds_secret_configs: vec![certificate],
        validation_context_type: Some(ValidationContextType::CombinedValidationContext(
            CombinedCertificateValidationContext {
                default_validation_context: Some(identities),
                validation_context_sds_secret_config: Some(roots),
                ..CombinedCertificateValidationContext::default()
            },
        )),
        ..CommonTlsContext::default()
    };
    let context = DownstreamTlsContext {
        common_tls_context: Some(common),
        require_client_certificate: Some(boolean(true)),
        ..DownstreamTlsContext::default()
    };
    transport_socket("envoy.transport_sockets.tls", any(&context))
}

/// The certificate of a proxy that ends mTLS, and the roots of its clients.
pub fn own_secrets(sources: &SecretSources) -> (SdsSecretConfig, SdsSecretConfig) {
    let Files { certificate, key, roots } =
        sources.server_files.as_deref().cloned().unwrap_or_default();
    let server = sources.file_server;
    (files::certificate_or_mesh(&certificate, &key, server), files::roots_or_mesh(&roots, server))
}

#[cfg(test)]
mod tests;
