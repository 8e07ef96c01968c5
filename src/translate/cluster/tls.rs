//! Mutual TLS to endpoints of the mesh.
//!
//! Where the mesh decides (auto mTLS), an endpoint is spoken to in mTLS if it takes it: it says so in its
//! metadata, by which Envoy chooses among the cluster's transport sockets. A cluster that is not told its
//! endpoints cannot choose, and speaks mTLS only if all of them take it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::api::Str;
use crate::api::features::Compliance;
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::TransportSocketMatch;
use crate::proto::envoy::envoy::config::core::v3::TransportSocket;
use crate::proto::envoy::envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, TlsParameters, UpstreamTlsContext,
};
use crate::translate::common::compliance::restrict;
use crate::translate::common::config_source::{
    ROOT_CERTIFICATE, WORKLOAD_CERTIFICATE, sds_secret_config,
};
use crate::translate::common::extension::{PEER_EXCHANGE_ALPN, transport_socket};
use crate::translate::common::metadata::structure;
use crate::translate::common::value::exact;

/// What one cluster's mTLS differs in.
#[derive(Clone, Debug)]
pub struct MutualTls {
    /// The server name, by which a server tells the service and port that is meant.
    pub sni: String,
    /// The identities that the server may have, sorted; any when empty.
    pub identities: Vec<Str>,
    /// The cluster speaks HTTP/2.
    pub http2: bool,
    /// See [`Scope::peer_alpn`](crate::translate::Scope::peer_alpn).
    pub peer_alpn: bool,
    /// What TLS is restricted to.
    pub compliance: Compliance,
}

impl MutualTls {
    /// The transport socket.
    pub fn transport_socket(&self) -> TransportSocket {
        transport_socket("envoy.transport_sockets.tls", encode::any(&self.context()))
    }

    /// The choice by the endpoint's own word: mTLS, or plain text.
    pub fn transport_socket_matches(&self) -> Vec<TransportSocketMatch> {
        vec![
            socket_match("tlsMode-istio", json!({ "tlsMode": "istio" }), self.transport_socket()),
            socket_match("tlsMode-disabled", json!({}), plain_text()),
        ]
    }

    fn context(&self) -> UpstreamTlsContext {
        #[allow(deprecated, reason = "it matches names of any type; Istio sends it")]
        let validation = CertificateValidationContext {
            match_subject_alt_names: self.identities.iter().map(|id| exact(&**id)).collect(),
            ..CertificateValidationContext::default()
        };
        UpstreamTlsContext {
            sni: self.sni.clone(),
            common_tls_context: Some(CommonTlsContext {
                tls_params: restrict(Some(tls_parameters()), self.compliance),
                alpn_protocols: self.alpn(),
                tls_certificate_sds_secret_configs: vec![sds_secret_config(WORKLOAD_CERTIFICATE)],
                validation_context_type: Some(ValidationContextType::CombinedValidationContext(
                    CombinedCertificateValidationContext {
                        default_validation_context: Some(validation),
                        validation_context_sds_secret_config: Some(sds_secret_config(
                            ROOT_CERTIFICATE,
                        )),
                        ..CombinedCertificateValidationContext::default()
                    },
                )),
                ..CommonTlsContext::default()
            }),
            ..UpstreamTlsContext::default()
        }
    }

    /// By these the server's sidecar tells mTLS of the mesh from the application's own TLS.
    fn alpn(&self) -> Vec<String> {
        let protocols = [(PEER_EXCHANGE_ALPN, self.peer_alpn), ("istio", true), ("h2", self.http2)];
        protocols.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| (*name).into()).collect()
    }
}

/// The versions of TLS that clients begin with.
pub fn tls_parameters() -> TlsParameters {
    TlsParameters {
        tls_minimum_protocol_version: TlsProtocol::TlSv12.into(),
        tls_maximum_protocol_version: TlsProtocol::TlSv13.into(),
        ..TlsParameters::default()
    }
}

/// The transport socket of connections that are not secured.
pub fn plain_text() -> TransportSocket {
    transport_socket("envoy.transport_sockets.raw_buffer", encode::any(&RawBuffer::default()))
}

/// The identities, and what each is called in the aliases of the trust domain; sorted.
pub fn expand(identities: &BTreeSet<Str>, aliases: &[Str]) -> Vec<Str> {
    let mut all = identities.clone();
    for identity in identities {
        let parts = identity.strip_prefix("spiffe://").and_then(|id| id.split_once('/'));
        let Some((_, path)) = parts.filter(|(_, path)| path.starts_with("ns/")) else { continue };
        all.extend(aliases.iter().map(|domain| Str::from(format!("spiffe://{domain}/{path}"))));
    }
    all.into_iter().collect()
}

fn socket_match(
    name: &str,
    criteria: serde_json::Value,
    socket: TransportSocket,
) -> TransportSocketMatch {
    TransportSocketMatch {
        name: name.into(),
        r#match: Some(structure(criteria)),
        transport_socket: Some(socket),
    }
}
