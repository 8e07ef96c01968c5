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
use crate::translate::common::header_case;
use crate::translate::common::value::uint32;

/// Where a cluster keeps its HTTP options.
const HTTP_PROTOCOL_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The version of HTTP that is spoken to the endpoints of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1, if it is HTTP at all.
    #[default]
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

    /// Whether what is spoken to a port of this protocol can be HTTP/1, whose headers may keep their case. That of bytes
    /// which nobody reads as HTTP is not touched.
    pub fn has_case(self, protocol: Protocol) -> bool {
        self != HttpVersion::Two && (protocol.is_http() || protocol == Protocol::Unsupported)
    }

    /// The version as a message; None where Envoy's default is meant.
    pub fn options(self, preserve_case: bool) -> Option<UpstreamProtocolOptions> {
        let http1 = || core::Http1ProtocolOptions {
            header_key_format: preserve_case.then(header_case::preserved),
            ..core::Http1ProtocolOptions::default()
        };
        let http2 = core::Http2ProtocolOptions::default;
        match self {
            HttpVersion::Default if !preserve_case => None,
            HttpVersion::Default => {
                Some(UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
                    protocol_config: Some(ProtocolConfig::HttpProtocolOptions(http1())),
                }))
            }
            HttpVersion::Two => {
                Some(UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
                    protocol_config: Some(ProtocolConfig::Http2ProtocolOptions(http2())),
                }))
            }
            HttpVersion::AsDownstream => Some(
                UpstreamProtocolOptions::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                    http_protocol_options: Some(http1()),
                    http2_protocol_options: Some(http2()),
                    ..UseDownstreamHttpConfig::default()
                }),
            ),
        }
    }
}

/// What is decided of a cluster's HTTP.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Which version.
    pub version: HttpVersion,
    /// Names of headers keep their case in HTTP/1.
    pub preserve_case: bool,
    /// Requests of one HTTP/2 connection at once.
    pub max_concurrent_streams: Option<u32>,
    /// What is common to all versions.
    pub common: Option<core::HttpProtocolOptions>,
    /// What requests decide of TLS.
    pub upstream: Option<core::UpstreamHttpProtocolOptions>,
}

impl HttpOptions {
    /// There is anything that is not Envoy's default.
    pub fn is_said(&self) -> bool {
        self.version.options(self.preserve_case).is_some()
            || self.common.is_some()
            || self.upstream.is_some()
    }

    /// Sets them on a cluster, if there is anything that is not Envoy's default. A version must be said then.
    pub fn apply(self, cluster: &mut Cluster) {
        if !self.is_said() {
            return;
        }
        let HttpOptions { version, preserve_case, max_concurrent_streams, common, upstream } = self;
        let mut version = version.options(preserve_case);
        if let Some(UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
            protocol_config: Some(ProtocolConfig::Http2ProtocolOptions(http2)),
        })) = &mut version
        {
            http2.max_concurrent_streams = max_concurrent_streams.map(uint32);
        }
        let default = || {
            UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
                protocol_config: Some(ProtocolConfig::HttpProtocolOptions(
                    core::Http1ProtocolOptions::default(),
                )),
            })
        };
        let options = HttpProtocolOptions {
            common_http_protocol_options: common,
            upstream_http_protocol_options: upstream,
            upstream_protocol_options: Some(version.unwrap_or_else(default)),
            ..HttpProtocolOptions::default()
        };
        set_options(cluster, &options);
    }
}

/// Sets the HTTP options of a cluster.
pub fn set_options(cluster: &mut Cluster, options: &HttpProtocolOptions) {
    cluster
        .typed_extension_protocol_options
        .insert(HTTP_PROTOCOL_OPTIONS.into(), encode::any(options));
}
