use super::*;
use crate::api::Str;
use crate::model::proxy::Extension;

/// What a stock Envoy 1.40 lists of the extensions above (it lists 516 in all).
const STOCK: &[(&str, &[&str])] = &[
    (
        "envoy.filters.http.grpc_stats",
        &["envoy.extensions.filters.http.grpc_stats.v3.FilterConfig"],
    ),
    ("envoy.filters.http.fault", &["envoy.extensions.filters.http.fault.v3.HTTPFault"]),
    (
        "envoy.filters.http.cors",
        &[
            "envoy.extensions.filters.http.cors.v3.Cors",
            "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        ],
    ),
    ("envoy.filters.http.grpc_web", &["envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"]),
    ("envoy.grpc_web", &[]),
    (
        "envoy.filters.network.mongo_proxy",
        &["envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy"],
    ),
    (
        "envoy.network.dns_resolver.cares",
        &["envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"],
    ),
    (
        "envoy.clusters.dynamic_forward_proxy",
        &["envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"],
    ),
    (
        "envoy.filters.http.dynamic_forward_proxy",
        &["envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig"],
    ),
    (
        "envoy.filters.network.sni_dynamic_forward_proxy",
        &["envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig"],
    ),
    (
        "envoy.filters.network.mysql_proxy",
        &["envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy"],
    ),
    (
        "envoy.filters.network.redis_proxy",
        &["envoy.extensions.filters.network.redis_proxy.v3.RedisProxy"],
    ),
    (
        "envoy.filters.http.stateful_session",
        &["envoy.extensions.filters.http.stateful_session.v3.StatefulSession"],
    ),
    (
        "envoy.transport_sockets.quic",
        &["envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport"],
    ),
    ("envoy.request_id.uuid", &["envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig"]),
    (
        "envoy.retry_host_predicates.previous_hosts",
        &["envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"],
    ),
    (
        "envoy.retry_priorities.previous_priorities",
        &["envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"],
    ),
    (
        "envoy.http.stateful_header_formatters.preserve_case",
        &["envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig"],
    ),
    (
        "envoy.filters.listener.proxy_protocol",
        &["envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"],
    ),
    ("envoy.access_loggers.stats", &["envoy.extensions.access_loggers.stats.v3.Config"]),
];

fn of(listed: &[(&str, &[&str])]) -> Capabilities {
    let extensions = listed.iter().map(|(name, type_urls)| Extension {
        name: (*name).into(),
        type_urls: type_urls.iter().map(|url| Str::from(*url)).collect(),
    });
    Capabilities::of_extensions(Some(&extensions.collect::<Vec<_>>()))
}

#[test]
fn a_stock_envoy_has_all_but_istio_s_own() {
    let stock = of(STOCK);
    for capability in Capability::ALL {
        let istio = matches!(
            capability,
            Capability::HttpMetadataExchange
                | Capability::TcpMetadataExchange
                | Capability::Stats
                | Capability::Alpn
        );
        assert_eq!(stock.has(*capability), !istio, "{capability:?}");
    }
}

#[test]
fn a_name_or_a_type_is_enough() {
    assert!(of(&[("envoy.filters.http.istio_stats", &[])]).has(Capability::Stats));
    assert!(of(&[("renamed", &["stats.PluginConfig"])]).has(Capability::Stats));
    assert!(of(&[("x", &["type.googleapis.com/stats.PluginConfig"])]).has(Capability::Stats));
    assert!(!of(&[("istio_stats", &["stats.Plugin"])]).has(Capability::Stats));
}

#[test]
fn who_lists_nothing_has_everything() {
    assert_eq!(Capabilities::of_extensions(None), Capabilities::ALL);
}

#[test]
fn a_list_is_read_once_and_forgotten_with_its_proxies() {
    let listed: std::sync::Arc<[Extension]> = std::sync::Arc::from([]);
    let proxy = crate::translate::fixture::plain::proxy_with_extensions(&[]);
    let proxies = [proxy.clone(), proxy]
        .map(|proxy| crate::model::Proxy { extensions: Some(listed.clone()), ..proxy });
    let mut known = Known::default();
    for proxy in &proxies {
        assert_eq!(known.of(proxy), Capabilities::of(proxy));
    }
    known.sweep();
    assert_eq!(known.0.len(), 1);
    drop((proxies, listed));
    known.sweep();
    assert!(known.0.is_empty());
}
