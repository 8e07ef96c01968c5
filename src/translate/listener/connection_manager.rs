//! HTTP connection managers.
//!
//! All connection managers of a side of a workload are the same but for their routes and the prefix of their
//! statistics. What they share is encoded once; bytes of two messages one behind the other are the message
//! that has the fields of both, so that each costs a copy of some two kilobytes.

use bytes::Bytes;

use super::headers;
use super::http_filters::http_filters;
use super::profile::Profile;
use super::tracing::tracing;
use crate::api::Str;
use crate::api::mesh::PathNormalization;
use crate::proto::Any;
use crate::proto::encode::{any, encode};
use crate::proto::envoy::envoy::config::core::v3::{
    Http1ProtocolOptions, Http2ProtocolOptions, Http3ProtocolOptions, HttpProtocolOptions,
};
use crate::proto::envoy::envoy::config::listener::v3::{Filter, filter::ConfigType};
use crate::proto::envoy::envoy::config::route::v3::RouteConfiguration;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    CodecType, InternalAddressConfig, PathWithEscapedSlashesAction, RouteSpecifier, UpgradeConfig,
};
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, Rds, RequestIdExtension,
};
use crate::proto::envoy::envoy::extensions::request_id::uuid::v3::UuidRequestIdConfig;
use crate::translate::capability::Capability;
use crate::translate::common::address::cidr_range;
use crate::translate::common::config_source::ads;
use crate::translate::common::header_case;
use crate::translate::common::value::{boolean, duration, seconds};
use crate::translate::memo::Same;
use crate::translate::scope::TraceTags;
use crate::translate::security::Guards;

/// The name of the network filter.
const NAME: &str = "envoy.filters.network.http_connection_manager";

/// Which traffic of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// To it.
    Inbound,
    /// From it.
    Outbound,
    /// Through a gateway.
    Gateway,
}

/// What connection managers share depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The profile of the proxy.
    pub profile: Same<Profile>,
    /// What spans tell of the workload; None when nothing is traced.
    pub tags: Option<TraceTags>,
    /// Which traffic.
    pub side: Side,
    /// Requests may be gRPC-Web.
    pub grpc_web: bool,
    /// What refuses requests.
    pub guards: Guards,
    /// See [`Http::forwards`](super::chain::Http::forwards).
    pub forwards: Vec<Str>,
}

/// The connection managers of a side of a workload.
#[derive(Debug)]
pub struct ConnectionManager {
    shared: Bytes,
}

impl ConnectionManager {
    /// See [`Key`].
    pub fn new(key: &Key) -> ConnectionManager {
        ConnectionManager { shared: encode(&shared(key)) }
    }

    /// The filter of a listener whose routes are the named configuration. `prefix` is that of its statistics.
    pub fn with_rds(&self, prefix: &str, route_config_name: &str) -> Filter {
        self.filter(own(prefix, rds(route_config_name)))
    }

    /// The same for explicit proxying, where requests name the whole URL.
    pub fn explicit_proxy(&self, prefix: &str, route_config_name: &str) -> Filter {
        self.filter(HttpConnectionManager {
            http_protocol_options: Some(Http1ProtocolOptions {
                allow_absolute_url: Some(boolean(true)),
                ..Http1ProtocolOptions::default()
            }),
            ..own(prefix, rds(route_config_name))
        })
    }

    /// The filter of a filter chain that holds its routes itself. `http2` tells that clients speak HTTP/2.
    pub fn with_routes(&self, prefix: &str, routes: RouteConfiguration, http2: bool) -> Filter {
        self.filter(HttpConnectionManager {
            http2_protocol_options: http2.then(Http2ProtocolOptions::default),
            ..own(prefix, RouteSpecifier::RouteConfig(routes))
        })
    }

    /// The filter of a gateway's listener: `stat_prefix` is all that its statistics begin with, `http3` tells that
    /// clients speak HTTP/3.
    pub fn of_gateway(&self, stat_prefix: String, route_config_name: &str, http3: bool) -> Filter {
        let codec = if http3 { CodecType::Http3 } else { CodecType::Auto };
        self.filter(HttpConnectionManager {
            stat_prefix,
            codec_type: codec.into(),
            http3_protocol_options: http3.then(Http3ProtocolOptions::default),
            ..own("", rds(route_config_name))
        })
    }

    fn filter(&self, own: HttpConnectionManager) -> Filter {
        let Any { type_url, mut value } = any(&own);
        value.extend_from_slice(&self.shared);
        Filter {
            name: NAME.into(),
            config_type: Some(ConfigType::TypedConfig(Any { type_url, value })),
        }
    }
}

/// What the connection managers of a workload do not share. The `;` ends the prefix where metrics are made of
/// statistics.
fn own(prefix: &str, routes: RouteSpecifier) -> HttpConnectionManager {
    HttpConnectionManager {
        stat_prefix: format!("{prefix};"),
        route_specifier: Some(routes),
        ..HttpConnectionManager::default()
    }
}

fn rds(route_config_name: &str) -> RouteSpecifier {
    RouteSpecifier::Rds(Rds {
        config_source: Some(ads()),
        route_config_name: route_config_name.into(),
    })
}

fn shared(key: &Key) -> HttpConnectionManager {
    let Same(profile) = &key.profile;
    let request_id = || RequestIdExtension {
        typed_config: Some(any(&UuidRequestIdConfig {
            use_request_id_for_trace_sampling: Some(boolean(true)),
            ..UuidRequestIdConfig::default()
        })),
    };
    let by_peer = match key.side {
        Side::Inbound => false,
        Side::Outbound => profile.features.sidecar_remote_address,
        Side::Gateway => true,
    };
    let mut manager = HttpConnectionManager {
        http_filters: http_filters(key),
        tracing: key.tags.as_ref().map(|tags| tracing(tags, profile.features.trace_sampling)),
        use_remote_address: Some(boolean(by_peer)),
        internal_address_config: internal_addresses(profile, by_peer),
        proxy_100_continue: profile.features.continue_100,
        stream_idle_timeout: Some(seconds(0)),
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".into(),
            ..UpgradeConfig::default()
        }],
        request_id_extension: profile.capabilities.has(Capability::UuidRequestId).then(request_id),
        http_protocol_options: http1_options(profile, key.side),
        common_http_protocol_options: profile.idle_timeout.map(|timeout| HttpProtocolOptions {
            idle_timeout: Some(duration(timeout)),
            ..HttpProtocolOptions::default()
        }),
        ..HttpConnectionManager::default()
    };
    normalize_paths(&mut manager, profile.path_normalization);
    headers::apply(&mut manager, &profile.proxy_config, key.side);
    manager
}

/// Whose requests may carry Envoy's own headers. Envoy trusts nobody by itself; those who judge a request by the address
/// of their peer trust the mesh.
fn internal_addresses(profile: &Profile, by_peer: bool) -> Option<InternalAddressConfig> {
    let wanted = by_peer || profile.features.internal_networks;
    let ranges = profile.internal_addresses.iter().filter(|_| wanted);
    let cidr_ranges: Vec<_> =
        ranges.map(|range| cidr_range(range.address(), range.length())).collect();
    (!cidr_ranges.is_empty())
        .then(|| InternalAddressConfig { cidr_ranges, ..InternalAddressConfig::default() })
}

fn http1_options(profile: &Profile, side: Side) -> Option<Http1ProtocolOptions> {
    let headers = &profile.proxy_config.proxy_headers;
    let preserve_case =
        headers.preserve_http1_header_case && profile.capabilities.has(Capability::PreserveCase);
    (side == Side::Gateway || profile.http10 || preserve_case).then(|| Http1ProtocolOptions {
        accept_http_10: profile.http10,
        header_key_format: preserve_case.then(header_case::preserved),
        ..Http1ProtocolOptions::default()
    })
}

fn normalize_paths(manager: &mut HttpConnectionManager, mode: PathNormalization) {
    manager.normalize_path = Some(boolean(mode != PathNormalization::None));
    manager.merge_slashes =
        matches!(mode, PathNormalization::MergeSlashes | PathNormalization::DecodeAndMergeSlashes);
    manager.path_with_escaped_slashes_action = match mode {
        PathNormalization::DecodeAndMergeSlashes => {
            PathWithEscapedSlashesAction::UnescapeAndForward
        }
        _ => PathWithEscapedSlashesAction::KeepUnchanged,
    }
    .into();
}

#[cfg(test)]
mod tests;
