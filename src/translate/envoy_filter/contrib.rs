//! Packages of Envoy's types that there are, and of which nothing is known here: contributed extensions, and filters that
//! are older than the types of today.

/// The packages.
const PACKAGES: [&str; 38] = [
    "envoy.extensions.compression.qatzip.compressor.v3alpha",
    "envoy.extensions.compression.qatzstd.compressor.v3alpha",
    "envoy.extensions.config.v3alpha",
    "envoy.extensions.filters.http.checksum.v3alpha",
    "envoy.extensions.filters.http.dynamo.v3",
    "envoy.extensions.filters.http.golang.v3alpha",
    "envoy.extensions.filters.http.language.v3alpha",
    "envoy.extensions.filters.http.peak_ewma.v3alpha",
    "envoy.extensions.filters.http.peer_metadata.v3",
    "envoy.extensions.filters.http.sxg.v3alpha",
    "envoy.extensions.filters.listener.postgres_inspector.v3alpha",
    "envoy.extensions.filters.network.client_ssl_auth.v3",
    "envoy.extensions.filters.network.generic_proxy.codecs.kafka.v3",
    "envoy.extensions.filters.network.golang.v3alpha",
    "envoy.extensions.filters.network.kafka_broker.v3",
    "envoy.extensions.filters.network.kafka_mesh.v3alpha",
    "envoy.extensions.filters.network.metadata_exchange.v3",
    "envoy.extensions.filters.network.mysql_proxy.v3",
    "envoy.extensions.filters.network.peer_metadata.v3",
    "envoy.extensions.filters.network.postgres_proxy.v3alpha",
    "envoy.extensions.filters.network.rocketmq_proxy.v3",
    "envoy.extensions.filters.network.sip_proxy.router.v3alpha",
    "envoy.extensions.filters.network.sip_proxy.tra.v3alpha",
    "envoy.extensions.filters.network.sip_proxy.v3alpha",
    "envoy.extensions.load_balancing_policies.peak_ewma.v3alpha",
    "envoy.extensions.matching.input_matchers.hyperscan.v3alpha",
    "envoy.extensions.network.connection_balance.dlb.v3alpha",
    "envoy.extensions.private_key_providers.cryptomb.v3alpha",
    "envoy.extensions.private_key_providers.kae.v3alpha",
    "envoy.extensions.private_key_providers.qat.v3alpha",
    "envoy.extensions.regex_engines.hyperscan.v3alpha",
    "envoy.extensions.router.cluster_specifier.golang.v3alpha",
    "envoy.extensions.stat_sinks.kafka.v3",
    "envoy.extensions.tap_sinks.udp_sink.v3alpha",
    "envoy.extensions.upstreams.http.tcp.golang.v3alpha",
    "envoy.extensions.vcl.v3alpha",
    "istio.envoy.config.filter.http.jwt_auth.v2alpha1",
    "istio.envoy.config.filter.network.tcp_cluster_rewrite.v2alpha1",
];

/// Whether a type URL is of such a package.
pub(super) fn is_known(type_url: &str) -> bool {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(package, _)| PACKAGES.contains(&package))
}
