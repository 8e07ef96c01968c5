//! Which version of HTTP a cluster speaks.

use crate::model::Protocol;
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::core::v3 as core;
use crate::proto::envoy::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use crate::proto::envoy::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig,
    explicit_http_config::ProtocolConfig,
};

/// Where a cluster keeps its HTTP options.
const HTTP_PROTOCOL_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The version of HTTP that is spoken to the endpoints of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1, if it is HTTP at all.
    Default,
    /// HTTP/2.
    Two,
    /// The one that the client spoke.
    AsDownstream,
}

impl HttpVersion {
    /// For a port of this protocol. Only a sidecar finds out what an undeclared port speaks; a gateway offers
    /// HTTP/2 to its clients, which an endpoint need not understand.
    pub fn of(protocol: Protocol, sidecar: bool) -> HttpVersion {
        match protocol {
            _ if protocol.is_http2() => HttpVersion::Two,
            Protocol::Unsupported if sidecar => HttpVersion::AsDownstream,
            _ => HttpVersion::Default,
        }
    }

    /// Sets the version on a cluster.
    pub fn apply(self, cluster: &mut Cluster) {
        if let Some(options) = self.options() {
            set_options(
                cluster,
                &HttpProtocolOptions {
                    upstream_protocol_options: Some(options),
                    ..HttpProtocolOptions::default()
                },
            );
        }
    }

    /// The version as a message; None where Envoy's default is meant.
    pub fn options(self) -> Option<UpstreamProtocolOptions> {
        let http2 = core::Http2ProtocolOptions::default;
        match self {
            HttpVersion::Default => None,
            HttpVersion::Two => {
                Some(UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
                    protocol_config: Some(ProtocolConfig::Http2ProtocolOptions(http2())),
                }))
            }
            HttpVersion::AsDownstream => Some(
                UpstreamProtocolOptions::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                    http_protocol_options: Some(core::Http1ProtocolOptions::default()),
                    http2_protocol_options: Some(http2()),
                    ..UseDownstreamHttpConfig::default()
                }),
            ),
        }
    }
}

/// Sets the HTTP options of a cluster.
pub fn set_options(cluster: &mut Cluster, options: &HttpProtocolOptions) {
    cluster
        .typed_extension_protocol_options
        .insert(HTTP_PROTOCOL_OPTIONS.into(), encode::any(options));
}
