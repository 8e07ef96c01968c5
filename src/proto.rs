//! Messages: the project's own (`proto/`, compiled by build.rs) and how any message becomes bytes.
//!
//! Envoy's types come from the crate envoy-types, re-exported here as [`envoy`]. Owns the encoding rules
//! (map entries sorted, so that the same message is always the same bytes) and `Any`. Knows nothing of the mesh.

pub mod descriptors;
pub mod encode;
pub mod json;

pub use self::descriptors::{CERTIFICATES, FILE_DESCRIPTOR_SET};

/// Envoy's messages (envoy-types).
pub use envoy_types::pb as envoy;
pub use envoy_types::pb::google::protobuf::Any;

/// `istio.v1.auth`: the certificate service.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod certificates {
    include!(concat!(env!("OUT_DIR"), "/istio.v1.auth.rs"));
}

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

/// `istio.mesh.v1alpha1`: the roots of the mesh.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod mesh {
    include!(concat!(env!("OUT_DIR"), "/istio.mesh.v1alpha1.rs"));
}

/// `xds.type`, as far as envoy-types lacks it.
pub mod xds {
    /// `xds.type.v3`: TypedStruct and ranges.
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v3 {
        include!(concat!(env!("OUT_DIR"), "/xds.r#type.v3.rs"));
    }

    /// `xds.type.matcher`: inputs and custom matchers of the unified matcher.
    pub mod matcher {
        /// `xds.type.matcher.v3`.
        #[allow(missing_docs, clippy::all, reason = "generated")]
        pub mod v3 {
            include!(concat!(env!("OUT_DIR"), "/xds.r#type.matcher.v3.rs"));
        }
    }
}

/// Configuration of the filter istio.metadata_exchange of TCP.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod metadata_exchange {
    include!(concat!(env!("OUT_DIR"), "/envoy.tcp.metadataexchange.config.rs"));
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

/// Configuration of the filter that reads the MySQL protocol.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod mysql_proxy {
    include!(concat!(env!("OUT_DIR"), "/envoy.extensions.filters.network.mysql_proxy.v3.rs"));
}

/// Configuration of private key providers.
pub mod private_key_providers {
    /// The one that batches RSA operations with AVX-512.
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod cryptomb {
        include!(concat!(
            env!("OUT_DIR"),
            "/envoy.extensions.private_key_providers.cryptomb.v3alpha.rs"
        ));
    }

    /// The one that has Intel's QuickAssist hardware sign.
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod qat {
        include!(concat!(
            env!("OUT_DIR"),
            "/envoy.extensions.private_key_providers.qat.v3alpha.rs"
        ));
    }
}
