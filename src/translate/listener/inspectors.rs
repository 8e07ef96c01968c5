//! Listener filters: what looks at a connection before a filter chain is chosen.

use std::collections::BTreeSet;

use crate::proto::Any;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::listener::v3::listener_filter::ConfigType;
use crate::proto::envoy::envoy::config::listener::v3::listener_filter_chain_match_predicate::{
    MatchSet, Rule,
};
use crate::proto::envoy::envoy::config::listener::v3::{
    ListenerFilter, ListenerFilterChainMatchPredicate as Predicate,
};
use crate::proto::envoy::envoy::extensions::filters::listener::http_inspector::v3::HttpInspector;
use crate::proto::envoy::envoy::extensions::filters::listener::original_dst::v3::OriginalDst;
use crate::proto::envoy::envoy::extensions::filters::listener::original_src::v3::OriginalSrc;
use crate::proto::envoy::envoy::extensions::filters::listener::proxy_protocol::v3::ProxyProtocol;
use crate::proto::envoy::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use crate::proto::envoy::envoy::r#type::v3::Int32Range;
use crate::translate::common::value::uint32;

/// The bytes that the TLS inspector makes room for at first; a ClientHello seldom needs more.
const TLS_INSPECTOR_BUFFER_BYTES: u32 = 512;

/// The mark of packets that carry a client's address as their source, by which the node's rules know them.
const ORIGINAL_SRC_MARK: u32 = 1337;

/// Finds the address that a redirected connection was meant for.
pub fn original_dst() -> ListenerFilter {
    filter("original_dst", any(&OriginalDst {}))
}

/// Connects to the application from the client's address.
pub fn original_src() -> ListenerFilter {
    filter("original_src", any(&OriginalSrc { mark: ORIGINAL_SRC_MARK, ..OriginalSrc::default() }))
}

/// Tells TLS, its server name and its protocols.
pub fn tls_inspector() -> ListenerFilter {
    let config = TlsInspector {
        initial_read_buffer_size: Some(uint32(TLS_INSPECTOR_BUFFER_BYTES)),
        ..TlsInspector::default()
    };
    filter("tls_inspector", any(&config))
}

/// Reads who the client of a balancer is, from the line that this puts before everything else.
pub fn proxy_protocol() -> ListenerFilter {
    filter("proxy_protocol", any(&ProxyProtocol::default()))
}

/// Tells plain HTTP from other plain traffic.
pub fn http_inspector() -> ListenerFilter {
    filter("http_inspector", any(&HttpInspector {}))
}

/// The filter, but for connections to these ports: there it would wait for bytes that nobody needs, and a
/// server that speaks first would never get to.
pub fn unless_ports(filter: ListenerFilter, ports: &BTreeSet<u16>) -> ListenerFilter {
    ListenerFilter { filter_disabled: to_ports(ports), ..filter }
}

/// The filter, but only for connections to these ports.
pub fn only_ports(filter: ListenerFilter, ports: &BTreeSet<u16>) -> ListenerFilter {
    let others = |rule| Predicate { rule: Some(Rule::NotMatch(Box::new(rule))) };
    ListenerFilter { filter_disabled: to_ports(ports).map(others), ..filter }
}

/// None for no port.
fn to_ports(ports: &BTreeSet<u16>) -> Option<Predicate> {
    let mut rules: Vec<Predicate> = ports.iter().map(|port| to_port(*port)).collect();
    match rules.len() {
        0 | 1 => rules.pop(),
        _ => Some(Predicate { rule: Some(Rule::OrMatch(MatchSet { rules })) }),
    }
}

fn to_port(port: u16) -> Predicate {
    let port = i32::from(port);
    Predicate { rule: Some(Rule::DestinationPortRange(Int32Range { start: port, end: port + 1 })) }
}

fn filter(name: &str, config: Any) -> ListenerFilter {
    ListenerFilter {
        name: format!("envoy.filters.listener.{name}"),
        config_type: Some(ConfigType::TypedConfig(config)),
        ..ListenerFilter::default()
    }
}
