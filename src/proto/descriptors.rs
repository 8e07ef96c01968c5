//! Descriptors: what messages look like, for code that meets types it was not compiled for.
//!
//! Embedded as bytes. Reading all of them takes some 20 MB of memory, more than an idle process has otherwise;
//! so [`pool`] is filled when it is first asked for.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// The descriptors of the ADS service with everything that it refers to, for gRPC reflection: an encoded
/// `google.protobuf.FileDescriptorSet`. Its payloads are Envoy's own types, not the `bytes` of
/// [`discovery`](super::discovery): the wire is the same, and clients can show them.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ads.bin"));

/// The same of the certificate service.
pub const CERTIFICATES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/certificates.bin"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    // A test decodes the same bytes; an empty pool, in which no type is known, is the honest remainder.
    DescriptorPool::decode(bytes.as_slice()).unwrap_or_default()
});

/// The descriptors of every Envoy message and of ours.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The descriptor of the message that a type URL, or a full name, names.
pub fn message(type_url: &str) -> Option<MessageDescriptor> {
    pool().get_message_by_name(type_url.rsplit('/').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envoy_s_messages_and_ours_are_known() {
        for name in [
            "envoy.config.cluster.v3.Cluster",
            "envoy.service.discovery.v3.DiscoveryResponse",
            "type.googleapis.com/google.protobuf.Struct",
            "udpa.type.v1.TypedStruct",
            "xds.type.matcher.v3.IPMatcher",
            "istio.networking.nds.v1.NameTable",
            "istio.mesh.v1alpha1.ProxyConfig",
            "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
            "stats.PluginConfig",
            "envoy.tcp.metadataexchange.config.MetadataExchange",
        ] {
            assert!(message(name).is_some(), "{name} is unknown");
        }
    }

    #[test]
    fn reflection_describes_the_service_with_typed_payloads() {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        let name = "envoy.service.discovery.v3.AggregatedDiscoveryService";
        let service = pool.get_service_by_name(name).unwrap();
        let output = service.methods().next().unwrap().output();
        let resources = output.get_field_by_name("resources").unwrap().kind();
        assert_eq!(resources.as_message().unwrap().full_name(), "google.protobuf.Any");
    }
}
