//! The TLS of connections to a workload: mTLS with the certificates of the mesh.

use crate::api::Str;
use crate::api::mesh::MeshMtls;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::core::v3::TransportSocket;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, TlsParameters,
};
use crate::translate::common::config_source::{
    ROOT_CERTIFICATE, WORKLOAD_CERTIFICATE, sds_secret_config,
};
use crate::translate::common::extension::{PEER_EXCHANGE_ALPN, transport_socket};
use crate::translate::common::value::{boolean, prefix};

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

/// Ends mTLS from clients of these trust domains, as far as the mesh accepts it. With `peer_exchange` the protocol is taken too in which
/// sidecars tell each other who they are before a byte stream.
#[allow(deprecated, reason = "match_subject_alt_names is what Istio sends: identities are URIs")]
pub fn downstream(trust_domains: &[Str], mtls: &MeshMtls, peer_exchange: bool) -> TransportSocket {
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
        tls_params: Some(TlsParameters {
            tls_minimum_protocol_version: version.into(),
            tls_maximum_protocol_version: TlsProtocol::TlSv13.into(),
            cipher_suites,
            ..TlsParameters::default()
        }),
        alpn_protocols: peer_exchange.into_iter().chain(HTTP_ALPN).map(str::to_owned).collect(),
        tls_certificate_sds_secret_configs: vec![sds_secret_config(WORKLOAD_CERTIFICATE)],
        validation_context_type: Some(ValidationContextType::CombinedValidationContext(
            CombinedCertificateValidationContext {
                default_validation_context: Some(identities),
                validation_context_sds_secret_config: Some(sds_secret_config(ROOT_CERTIFICATE)),
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

#[cfg(test)]
mod tests;
