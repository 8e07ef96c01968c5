//! Extensions that clusters and listeners have in common.

use serde_json::{Value as Json, json};

use crate::proto::envoy::envoy::config::core::v3::TransportSocket;
use crate::proto::envoy::envoy::config::core::v3::transport_socket::ConfigType;
use crate::proto::{Any, encode, udpa};

use super::metadata::structure;

/// The name of the metadata exchange filters, of HTTP and of TCP.
pub const METADATA_EXCHANGE: &str = "istio.metadata_exchange";

/// The protocol that two sidecars negotiate in TLS when both exchange metadata over TCP.
pub const PEER_EXCHANGE_ALPN: &str = "istio-peer-exchange";

/// Stands for a message of a type that is told by its URL, from its JSON: Istio's own filters are configured
/// so.
pub fn typed_struct(type_url: &str, json: Json) -> Any {
    encode::any(&udpa::TypedStruct { type_url: type_url.into(), value: Some(structure(json)) })
}

/// The configuration of the network filter [`METADATA_EXCHANGE`], by which two sidecars tell each other who
/// they are on a TCP connection; with these labels of theirs beside the usual ones.
pub fn tcp_metadata_exchange(labels: &[&str]) -> Any {
    let config = json!({ "enable_discovery": true, "protocol": PEER_EXCHANGE_ALPN });
    typed_struct(
        "type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange",
        with_labels(config, labels),
    )
}

/// The configuration of a filter by which workloads tell each other who they are, with further labels of theirs.
pub fn with_labels(mut config: Json, labels: &[&str]) -> Json {
    if let (Json::Object(fields), false) = (&mut config, labels.is_empty()) {
        fields.insert("additional_labels".into(), json!(labels));
    }
    config
}

/// A transport socket by its extension's name.
pub fn transport_socket(name: &str, config: Any) -> TransportSocket {
    TransportSocket { name: name.into(), config_type: Some(ConfigType::TypedConfig(config)) }
}
