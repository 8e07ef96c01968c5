//! What a listener knows of a connection when it chooses the filter chain: listener filters look into the first
//! bytes, and what no filter looked for is not known.

use std::fmt;
use std::net::SocketAddr;

use super::request::{Payload, Request};
use crate::proto::envoy::envoy::config::listener::v3::listener_filter_chain_match_predicate::Rule;
use crate::proto::envoy::envoy::config::listener::v3::{
    Listener, ListenerFilterChainMatchPredicate as Predicate,
};

const TLS_INSPECTOR: &str = "envoy.filters.listener.tls_inspector";
const HTTP_INSPECTOR: &str = "envoy.filters.listener.http_inspector";

/// The transport protocol of connections that no filter found TLS in.
pub(super) const RAW_BUFFER: &str = "raw_buffer";

/// What is known of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub destination: SocketAddr,
    pub source: SocketAddr,
    /// Empty when none was told, or nobody looked.
    pub server_name: String,
    pub transport: &'static str,
    pub protocols: Vec<String>,
    /// What is there and was not looked for, for those who wonder why a name or protocol did not match.
    pub unseen: Option<Unseen>,
}

/// What a listener does not look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    Tls,
    Http,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unseen::Tls => "the listener does not look for TLS here",
            Unseen::Http => "the listener does not look for HTTP here",
        })
    }
}

/// What the listener's filters see.
pub(super) fn seen(listener: &Listener, request: &Request) -> Seen {
    let mut seen = Seen {
        destination: request.destination,
        source: request.source,
        server_name: String::new(),
        transport: RAW_BUFFER,
        protocols: Vec::new(),
        unseen: None,
    };
    match (&request.tls, &request.payload) {
        (Some(tls), _) if inspects(listener, TLS_INSPECTOR, request) => {
            seen.server_name = tls.sni.as_deref().unwrap_or_default().to_ascii_lowercase();
            seen.transport = "tls";
            seen.protocols = tls.alpn.clone();
        }
        (Some(_), _) => seen.unseen = Some(Unseen::Tls),
        (None, Payload::Http(http)) if inspects(listener, HTTP_INSPECTOR, request) => {
            seen.protocols = vec![http.version.plaintext_protocol().to_owned()];
        }
        (None, Payload::Http(_)) => seen.unseen = Some(Unseen::Http),
        (None, Payload::Tcp) => {}
    }
    seen
}

fn inspects(listener: &Listener, name: &str, request: &Request) -> bool {
    let mut filters = listener.listener_filters.iter().filter(|filter| filter.name == name);
    let port = request.destination.port();
    filters.any(|filter| !filter.filter_disabled.as_ref().is_some_and(|rule| holds(rule, port)))
}

fn holds(predicate: &Predicate, port: u16) -> bool {
    match &predicate.rule {
        Some(Rule::AnyMatch(any)) => *any,
        Some(Rule::DestinationPortRange(range)) => {
            (range.start..range.end).contains(&i32::from(port))
        }
        Some(Rule::OrMatch(set)) => set.rules.iter().any(|rule| holds(rule, port)),
        Some(Rule::AndMatch(set)) => set.rules.iter().all(|rule| holds(rule, port)),
        Some(Rule::NotMatch(rule)) => !holds(rule, port),
        None => false,
    }
}
