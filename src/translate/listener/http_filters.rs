//! The HTTP filters of a connection manager, in their order.

use serde_json::json;

use super::connection_manager::{Key, Side};
use crate::proto::Any;
use crate::proto::alpn::filter_config::{AlpnOverride, Protocol};
use crate::proto::alpn::FilterConfig as Alpn;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::extensions::filters::http::cors::v3::Cors;
use crate::proto::envoy::envoy::extensions::filters::http::dynamic_forward_proxy::v3::FilterConfig as Forward;
use crate::proto::envoy::envoy::extensions::filters::http::dynamic_forward_proxy::v3::filter_config::ImplementationSpecifier;
use crate::proto::envoy::envoy::extensions::filters::http::fault::v3::HttpFault;
use crate::proto::envoy::envoy::extensions::filters::http::grpc_stats::v3::FilterConfig as GrpcStats;
use crate::proto::envoy::envoy::extensions::filters::http::grpc_stats::v3::filter_config::PerMethodStatSpecifier;
use crate::proto::envoy::envoy::extensions::filters::http::grpc_web::v3::GrpcWeb;
use crate::proto::envoy::envoy::extensions::filters::http::router::v3::Router;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use crate::proto::stats::PluginConfig;
use crate::translate::capability::Capability;
use crate::translate::cluster::dns::dns_cache;
use crate::translate::common::extension::{METADATA_EXCHANGE, typed_struct, with_labels};
use crate::translate::common::value::boolean;
use crate::translate::memo::Same;
use crate::translate::proxy_config::ExchangeMode;
use crate::translate::session;

/// The filter that resolves the names of requests.
const FORWARD: &str = "envoy.filters.http.dynamic_forward_proxy";

/// The filter that counts requests and connections.
pub const STATS: &str = "istio.stats";

/// The filters of connection managers; only those that the proxy's Envoy has, but for what refuses requests: an Envoy
/// that lacks it must refuse the listener. The router is the last; before it stands what resolves the names of requests
/// to each of the clusters that `forwards` are the hosts of. Requests to other clusters pass it.
pub fn http_filters(key: &Key) -> Vec<HttpFilter> {
    let Key { profile: Same(profile), side, grpc_web, guards, forwards, .. } = key;
    let (side, grpc_web) = (*side, *grpc_web);
    let has = |capability| profile.capabilities.has(capability);
    let headers = &profile.proxy_config.proxy_headers;
    let outbound = side != Side::Inbound;
    let in_mesh = headers.metadata_exchange_headers.mode == ExchangeMode::InMesh;
    let quiet = headers.envoy_debug_headers.disabled;
    let exchange = has(Capability::HttpMetadataExchange).then(|| {
        let config = peer_metadata(side, in_mesh, profile.features.exchanged_labels);
        filter(METADATA_EXCHANGE, config)
    });
    let mut filters: Vec<HttpFilter> = exchange.into_iter().chain(guards.http()).collect();
    let mut add = |wanted: bool, name: &str, config: &dyn Fn(Side) -> Any| {
        if wanted {
            filters.push(filter(name, config(side)));
        }
    };
    add(grpc_web && has(Capability::GrpcWeb), "envoy.filters.http.grpc_web", &|_| any(&GrpcWeb {}));
    add(has(Capability::GrpcStats), "envoy.filters.http.grpc_stats", &grpc_stats);
    add(outbound && has(Capability::Alpn), "istio.alpn", &alpn);
    add(has(Capability::Fault), "envoy.filters.http.fault", &|_| any(&HttpFault::default()));
    add(has(Capability::Cors), "envoy.filters.http.cors", &|_| any(&Cors {}));
    add(profile.stats, STATS, &stats);
    add(outbound && has(Capability::StatefulSession), session::FILTER, &|_| session::none());
    for host in forwards {
        add(has(Capability::ForwardHttp), FORWARD, &|_| any(&forward(host)));
    }
    add(true, "envoy.filters.http.router", &|_| {
        any(&Router { suppress_envoy_headers: quiet, ..Router::default() })
    });
    filters
}

fn filter(name: &str, config: Any) -> HttpFilter {
    HttpFilter {
        name: name.into(),
        config_type: Some(ConfigType::TypedConfig(config)),
        ..HttpFilter::default()
    }
}

/// The configuration of [`STATS`], of HTTP and of TCP. A server knows the service that it is, and a gateway is told by
/// anyone; what a client's Host header says must not become a label there.
pub fn stats(side: Side) -> Any {
    any(&PluginConfig {
        disable_host_header_fallback: side != Side::Outbound,
        ..PluginConfig::default()
    })
}

/// How the two ends of a request tell each other who they are; with `in_mesh` only servers of the mesh are told.
fn peer_metadata(side: Side, in_mesh: bool, labels: &[&str]) -> Any {
    let discovery = json!([{ "istio_headers": {} }, { "workload_discovery": {} }]);
    let propagation = json!([{ "istio_headers": {} }]);
    let value = match side {
        Side::Inbound => {
            json!({ "downstream_discovery": discovery, "downstream_propagation": propagation })
        }
        Side::Outbound | Side::Gateway if in_mesh => json!({
            "upstream_discovery": discovery,
            "upstream_propagation": [{ "istio_headers": { "skip_external_clusters": true } }],
        }),
        Side::Outbound | Side::Gateway => {
            json!({ "upstream_discovery": discovery, "upstream_propagation": propagation })
        }
    };
    typed_struct(
        "type.googleapis.com/io.istio.http.peer_metadata.Config",
        with_labels(value, labels),
    )
}

/// What resolves names for the cluster of a host, with which it shares what it finds.
fn forward(host: &str) -> Forward {
    Forward {
        implementation_specifier: Some(ImplementationSpecifier::DnsCacheConfig(dns_cache(host))),
        ..Forward::default()
    }
}

fn grpc_stats(_side: Side) -> Any {
    any(&GrpcStats {
        emit_filter_state: true,
        per_method_stat_specifier: Some(PerMethodStatSpecifier::StatsForAllMethods(boolean(false))),
        ..GrpcStats::default()
    })
}

/// What is negotiated in TLS for each version of HTTP: names that tell the server's sidecar that the client has
/// one too, then the usual ones.
fn alpn(_side: Side) -> Any {
    let of = |protocol: Protocol, names: [&str; 3]| AlpnOverride {
        upstream_protocol: protocol.into(),
        alpn_override: names.map(str::to_owned).to_vec(),
    };
    any(&Alpn {
        alpn_override: vec![
            of(Protocol::Http10, ["istio-http/1.0", "istio", "http/1.0"]),
            of(Protocol::Http11, ["istio-http/1.1", "istio", "http/1.1"]),
            of(Protocol::Http2, ["istio-h2", "istio", "h2"]),
        ],
    })
}
