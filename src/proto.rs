//! Messages: the project's own (`proto/`, compiled by build.rs) and how any message becomes bytes.
//!
//! Envoy's types come from the crate envoy-types, re-exported here as [`envoy`]. Owns the encoding rules
//! (map entries sorted, so that the same message is always the same bytes) and `Any`. Knows nothing of the mesh.

pub mod encode;

/// Envoy's messages (envoy-types).
pub use envoy_types::pb as envoy;
pub use envoy_types::pb::google::protobuf::Any;

/// The xDS envelope with payloads as bytes.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod discovery {
    include!(concat!(env!("OUT_DIR"), "/envoy.service.discovery.v3.rs"));
}

/// `udpa.type.v1`: TypedStruct.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod udpa {
    include!(concat!(env!("OUT_DIR"), "/udpa.r#type.v1.rs"));
}

/// `istio.networking.nds.v1`: the name table.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod nds {
    include!(concat!(env!("OUT_DIR"), "/istio.networking.nds.v1.rs"));
}

/// Configuration of the filter istio.alpn.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod alpn {
    include!(concat!(env!("OUT_DIR"), "/istio.envoy.config.filter.http.alpn.v2alpha1.rs"));
}

/// Configuration of the filter istio.stats.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod stats {
    include!(concat!(env!("OUT_DIR"), "/stats.rs"));
}
