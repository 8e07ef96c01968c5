//! What a filter chain does with the connection: TLS, and the filter that ends it.

use std::collections::BTreeMap;

use prost::Message;

use super::explanation::{Outcome, Trail};
use super::filters;
use super::rbac::{self, Subject};
use super::request::{Payload, Request};
use crate::proto::Any;
use crate::proto::envoy::envoy::config::core::v3::transport_socket;
use crate::proto::envoy::envoy::config::listener::v3::{Filter, FilterChain, filter};
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext;

const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TCP_PROXY: &str = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const TLS_CONTEXT: &str = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/// Makes the cluster's name from the server name.
pub(super) const SNI_CLUSTER: &str = "envoy.filters.network.sni_cluster";

/// The filter that ends a chain.
pub(super) enum Terminal {
    Http(Box<HttpConnectionManager>),
    Tcp(Box<TcpProxy>),
}

/// Whether the chain terminates TLS.
pub(super) fn terminates_tls(chain: &FilterChain) -> bool {
    tls_context(chain).is_some()
}

/// Whether the connection gets through the chain's transport socket.
pub(super) fn accept(chain: &FilterChain, request: &Request) -> Result<(), Outcome> {
    match (tls_context(chain), &request.tls) {
        (Some(_), None) => {
            Err(Outcome::refused("the filter chain terminates TLS, and the client sends plaintext"))
        }
        (Some(context), Some(tls))
            if context.require_client_certificate.as_ref().is_some_and(|flag| flag.value)
                && !tls.client_certificate =>
        {
            let why = "the filter chain requires a client certificate, and the client has none";
            Err(Outcome::refused(why))
        }
        _ => Ok(()),
    }
}

fn tls_context(chain: &FilterChain) -> Option<DownstreamTlsContext> {
    match chain.transport_socket.as_ref()?.config_type.as_ref()? {
        transport_socket::ConfigType::TypedConfig(any) => decode(any, TLS_CONTEXT),
    }
}

/// The filter that ends the chain.
pub(super) fn terminal(
    chain: &FilterChain,
    request: &Request,
    trail: &mut Trail,
) -> Result<Terminal, Outcome> {
    let mut subject = subject(chain, request);
    for filter in &chain.filters {
        let Some(filter::ConfigType::TypedConfig(any)) = &filter.config_type else { continue };
        if let Some(manager) = decode(any, CONNECTION_MANAGER) {
            return Ok(Terminal::Http(Box::new(manager)));
        }
        if let Some(proxy) = decode(any, TCP_PROXY) {
            return Ok(Terminal::Tcp(Box::new(proxy)));
        }
        if let Some(decided) = rbac::apply(&filter.name, any, &mut subject, trail) {
            decided?;
        } else if filters::may_decide(&filter.name) {
            trail.fact(format!("{} may refuse the connection; that is not simulated", filter.name));
        }
    }
    let names: Vec<&str> = chain.filters.iter().map(|filter| &*filter.name).collect();
    Err(match names.as_slice() {
        [] => Outcome::refused("the filter chain has no filters"),
        names => Outcome::unknown(format!("no filter that is simulated in {}", names.join(", "))),
    })
}

/// What is known of the connection, as long as nobody read a request from it.
pub(super) fn subject<'a>(chain: &FilterChain, request: &'a Request) -> Subject<'a> {
    let mutual = terminates_tls(chain);
    Subject { request, http: None, remote: request.source.ip(), mutual, notes: BTreeMap::new() }
}

/// The HTTP request, at a filter chain that speaks HTTP.
pub(super) fn http<'a>(
    chain: &FilterChain,
    request: &'a Request,
) -> Result<&'a super::Http, Outcome> {
    match &request.payload {
        Payload::Http(_) if request.tls.is_some() && !terminates_tls(chain) => {
            Err(Outcome::refused(
                "the filter chain expects HTTP in plaintext, and the client speaks TLS",
            ))
        }
        Payload::Http(http) => Ok(http),
        Payload::Tcp => Err(Outcome::refused("the filter chain speaks HTTP, and this is none")),
    }
}

/// Whether the chain has a filter.
pub(super) fn has_filter(chain: &FilterChain, name: &str) -> bool {
    chain.filters.iter().any(|filter: &Filter| filter.name == name)
}

/// The message in an `Any`, if it is of this type.
fn decode<M: Message + Default>(any: &Any, full_name: &str) -> Option<M> {
    (any.type_url.rsplit('/').next() == Some(full_name))
        .then(|| M::decode(any.value.as_slice()).ok())
        .flatten()
}
