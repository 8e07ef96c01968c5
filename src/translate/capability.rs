//! What an Envoy has: nothing is sent that it does not know.
//!
//! An Envoy lists its extensions in `node.extensions`. One that lists none gets everything, as Istio's own
//! does. The answer is a small set of flags, so that proxies with equal abilities share a scope.

use std::collections::HashMap;
use std::sync::Arc;

use super::memo::Same;
use crate::api::Features;
use crate::model::Proxy;
use crate::model::proxy::Extension;

macro_rules! capabilities {
    ($($name:ident = $($extension:literal)|+ : $type_name:literal;)*) => {
        /// An extension that some Envoys lack.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is the extension of the names beside it")]
        pub enum Capability { $($name),* }

        impl Capability {
            const ALL: &'static [Capability] = &[$(Capability::$name),*];

            /// The names under which Envoys register the extension, and the full name of its
            /// configuration's type. Old Envoys list the names only.
            fn identifiers(self) -> (&'static [&'static str], &'static str) {
                match self { $(Capability::$name => (&[$($extension),+], $type_name)),* }
            }
        }
    };
}

// The names are those that Envoys register, not those that the configuration gives its filters: Istio's Envoy
// registers the filter that Istio calls istio.stats as envoy.filters.http.istio_stats.
capabilities! {
    HttpMetadataExchange = "envoy.filters.http.peer_metadata": "io.istio.http.peer_metadata.Config";
    TcpMetadataExchange = "envoy.filters.network.metadata_exchange"
        : "envoy.tcp.metadataexchange.config.MetadataExchange";
    Stats = "envoy.filters.http.istio_stats" | "envoy.filters.network.istio_stats": "stats.PluginConfig";
    Alpn = "istio.alpn" | "envoy.filters.http.alpn"
        : "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig";
    GrpcStats = "envoy.filters.http.grpc_stats"
        : "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";
    Fault = "envoy.filters.http.fault": "envoy.extensions.filters.http.fault.v3.HTTPFault";
    Cors = "envoy.filters.http.cors": "envoy.extensions.filters.http.cors.v3.Cors";
    GrpcWeb = "envoy.filters.http.grpc_web": "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb";
    MongoProxy = "envoy.filters.network.mongo_proxy"
        : "envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy";
    MysqlProxy = "envoy.filters.network.mysql_proxy"
        : "envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy";
    RedisProxy = "envoy.filters.network.redis_proxy"
        : "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy";
    StatefulSession = "envoy.filters.http.stateful_session"
        : "envoy.extensions.filters.http.stateful_session.v3.StatefulSession";
    CaresResolver = "envoy.network.dns_resolver.cares"
        : "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
    ForwardCluster = "envoy.clusters.dynamic_forward_proxy"
        : "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
    ForwardHttp = "envoy.filters.http.dynamic_forward_proxy"
        : "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig";
    ForwardSni = "envoy.filters.network.sni_dynamic_forward_proxy"
        : "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig";
    Quic = "envoy.transport_sockets.quic"
        : "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport";
    UuidRequestId = "envoy.request_id.uuid": "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
    PreserveCase = "envoy.http.stateful_header_formatters.preserve_case"
        : "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";
    ProxyProtocol = "envoy.filters.listener.proxy_protocol"
        : "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
    PreviousHosts = "envoy.retry_host_predicates.previous_hosts"
        : "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
    PreviousPriorities = "envoy.retry_priorities.previous_priorities"
        : "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
}

/// The capabilities of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Of a proxy that has everything, or lists nothing.
    pub const ALL: Capabilities = Capabilities((1 << Capability::ALL.len()) - 1);

    /// As the proxy's node tells: an extension counts as present if one is listed under its name or takes
    /// its type.
    pub fn of(proxy: &Proxy) -> Capabilities {
        Capabilities::of_extensions(proxy.extensions.as_deref())
    }

    fn of_extensions(listed: Option<&[Extension]>) -> Capabilities {
        let Some(listed) = listed else { return Capabilities::ALL };
        let flags = Capability::ALL.iter().filter(|capability| {
            let (names, type_name) = capability.identifiers();
            listed.iter().any(|e| {
                names.contains(&&*e.name)
                    || e.type_urls.iter().any(|url| url.rsplit('/').next() == Some(type_name))
            })
        });
        Capabilities(flags.fold(0, |all, c| all | 1 << (*c as u32)))
    }

    /// Without what the operator of the control plane does not want to be used.
    pub fn allowed(self, features: &Features) -> Capabilities {
        let exchange = [Capability::HttpMetadataExchange, Capability::TcpMetadataExchange];
        let unwanted = [
            (!features.metadata_exchange, &exchange[..]),
            (!features.alpn_filter, &[Capability::Alpn]),
            (!features.mongo_filter, &[Capability::MongoProxy]),
            (!features.mysql_filter, &[Capability::MysqlProxy]),
            (!features.redis_filter, &[Capability::RedisProxy]),
            (!features.session_filter, &[Capability::StatefulSession]),
        ];
        let unwanted = unwanted.iter().filter(|(unwanted, _)| *unwanted);
        let all = unwanted.flat_map(|(_, capabilities)| capabilities.iter());
        Capabilities(all.fold(self.0, |left, c| left & !(1 << (*c as u32))))
    }

    /// Whether the proxy has it.
    pub fn has(self, capability: Capability) -> bool {
        self.0 & 1 << (capability as u32) != 0
    }
}

/// The capabilities of the lists that proxies share. A stock Envoy lists some 500 extensions, and reading them
/// takes longer than all else that finds a proxy's view.
#[derive(Debug, Default)]
pub struct Known(HashMap<Same<[Extension]>, Capabilities>);

impl Known {
    /// [`Capabilities::of`] the proxy.
    pub fn of(&mut self, proxy: &Proxy) -> Capabilities {
        let Some(listed) = &proxy.extensions else { return Capabilities::ALL };
        *self.0.entry(Same(listed.clone())).or_insert_with(|| Capabilities::of(proxy))
    }

    /// Forgets the lists of proxies that are gone.
    pub fn sweep(&mut self) {
        self.0.retain(|Same(listed), _| Arc::strong_count(listed) > 1);
    }
}

#[cfg(test)]
mod tests;
