//! Filter chains of outbound listeners before they are built: what connections they take, and where these lead.
//!
//! Plain values that are compared; knows nothing of Envoy's messages.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::api::{ObjectKey, Str};
use crate::model::{Block, Protocol};

/// A filter chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// The connections that it takes.
    pub matches: Match,
    /// Where they lead.
    pub leads: Leads,
    /// The configuration that it names as the one that it comes from.
    pub config: Option<Str>,
    /// Who asked for it.
    pub origin: ObjectKey,
    /// What else shaped it.
    pub others: Vec<ObjectKey>,
}

/// What connections look like. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Match {
    /// They are HTTP without TLS.
    pub plain_http: bool,
    /// They name one of these servers in TLS, sorted; `*` is any.
    pub server_names: Vec<Str>,
    /// They are for addresses of one of these blocks, sorted.
    pub blocks: Vec<Block>,
}

/// Whether connections are HTTP without TLS, and the networks of their addresses, sorted.
pub type Kind = (bool, Vec<(IpAddr, u8)>);

/// Where connections lead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Leads {
    /// By their requests.
    Http(Http),
    /// All bytes to a cluster.
    Stream(Box<Stream>),
}

/// HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Http {
    /// The route configuration.
    pub route_name: String,
    /// Requests may be gRPC-Web.
    pub grpc_web: bool,
    /// The hosts whose clusters resolve the name that a request asks for, as they were claimed.
    pub forwards: Vec<Str>,
}

/// Byte streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The name of their statistics.
    pub stat_prefix: String,
    /// The clusters that they go to, by weight; 0 for one that gets all without being weighed.
    pub clusters: Vec<(String, u32)>,
    /// What is spoken.
    pub protocol: Option<Database>,
    /// How long one may be idle; None for what the proxy says.
    pub idle_timeout: Option<Duration>,
    /// How long one may live.
    pub max_duration: Option<Duration>,
    /// The client's address decides the endpoint.
    pub hash_source_ip: bool,
    /// They are tunnelled.
    pub tunnel: Option<Tunnel>,
    /// Their cluster resolves the server that TLS names.
    pub forward: Option<Forward>,
}

/// Protocols of byte streams that Envoy can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is the database of its name")]
pub enum Database {
    Mongo,
    Mysql,
    Redis,
}

impl Database {
    /// The one of a port's protocol.
    pub fn of(protocol: Protocol) -> Option<Database> {
        match protocol {
            Protocol::Mongo => Some(Database::Mongo),
            Protocol::Mysql => Some(Database::Mysql),
            Protocol::Redis => Some(Database::Redis),
            _ => None,
        }
    }
}

/// What resolves the server that TLS names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Forward {
    /// The host of the service, by which the cluster's cache is called.
    pub host: Str,
    /// The port to connect to.
    pub port: u16,
}

/// A tunnel by HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tunnel {
    /// `HOST:PORT` that the other end connects to.
    pub target: String,
    /// By POST, not CONNECT.
    pub post: bool,
}

impl Leads {
    /// The name of the server in TLS is read on the way.
    pub fn resolves_server_names(&self) -> bool {
        matches!(self, Leads::Stream(stream) if stream.forward.is_some())
    }
}

impl Match {
    /// It takes every connection.
    pub fn is_all(&self) -> bool {
        !self.plain_http && self.any_name() && self.blocks.is_empty()
    }

    /// The server does not matter.
    pub fn any_name(&self) -> bool {
        self.server_names.is_empty() || self.server_names.iter().any(|name| &**name == "*")
    }

    /// What connections look like, but for the servers that they name.
    pub fn kind(&self) -> Kind {
        (self.plain_http, self.networks())
    }

    /// The servers that matter, sorted.
    pub fn names(&self) -> Vec<Str> {
        let names = self.server_names.iter().filter(|name| &***name != "*");
        names.cloned().collect::<BTreeSet<Str>>().into_iter().collect()
    }

    /// The networks that blocks stand for, however these are written. That of all addresses says nothing.
    fn networks(&self) -> Vec<(IpAddr, u8)> {
        let networks = self.blocks.iter().map(|block| (network(*block), block.length));
        let networks = networks.filter(|(address, _)| !address.is_unspecified());
        networks.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The first address of a block.
fn network(block: Block) -> IpAddr {
    match block.address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(block.length)).unwrap_or_default();
            IpAddr::V4(Ipv4Addr::from(u32::from(ip) & mask))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(block.length)).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from(u128::from(ip) & mask))
        }
    }
}
