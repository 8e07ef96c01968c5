//! Virtual hosts, each encoded once.
//!
//! A route configuration is its head and its virtual hosts one behind the other, and bytes of messages may be
//! put one behind the other: so each virtual host is kept as the bytes of one `virtual_hosts` entry, shared by
//! all configurations that have it. A change of one service among a thousand encodes one virtual host. Its routes are
//! bytes too, see [`table`](super::table).

use bytes::{Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint};

use super::default_route;
use super::domains::{ShortForms, domains, hosts, with_port};
use super::table::Table;
use super::wanted::Host;
use crate::api::mesh::OutboundPolicy;
use crate::api::{ObjectKey, Str};
use crate::model::Service;
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::route::v3::{Route, VirtualHost as Message};
use crate::translate::listener::bind::addresses_in_urls;
use crate::translate::memo::Same;
use crate::translate::scope::Scope;
use crate::translate::session::Session;

/// The field number of `virtual_hosts` in a route configuration.
const VIRTUAL_HOSTS: u32 = 2;

/// A virtual host as part of an encoded route configuration.
#[derive(Debug)]
pub struct VirtualHost {
    /// Its name; configurations are sorted by it.
    pub name: String,
    /// Its domains, for the one that looks for duplicates.
    pub domains: Vec<String>,
    /// All objects that shaped it.
    pub origins: Vec<ObjectKey>,
    /// The bytes of the field `virtual_hosts`, tag and length included.
    pub entry: Bytes,
}

/// All that a virtual host depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose it is.
    pub host: Host,
    /// The port that clients ask for.
    pub port: u16,
    /// Which hosts it answers to.
    pub answers: Answers,
    /// Its routes.
    pub table: Same<Table>,
    /// Requests tell which attempt they are.
    pub attempt_count: bool,
    /// How sessions stay with an endpoint, where they do.
    pub session: Option<Session>,
}

/// Which hosts a virtual host answers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answers {
    /// All: its listener belongs to one service alone.
    Everyone,
    /// Those that mean the service.
    Service(Names),
    /// One name, but for listeners of all ports where it is not that of port 80: they tell ports apart.
    Name {
        /// Each name also with the port, for explicit proxying, where ports count.
        with_port: bool,
        /// Names that another has already.
        except: Vec<String>,
    },
}

/// What decides the names of a service. Scopes of many namespaces have it in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Names {
    /// The short forms of the service's host and of each alias.
    short_forms: Vec<ShortForms>,
    /// The virtual addresses that the proxy reaches.
    addresses: Vec<String>,
    /// Each name also with the port, for explicit proxying, where ports count.
    with_port: bool,
    /// The full names also with a final dot.
    absolute: bool,
    /// Names that another has already.
    except: Vec<String>,
}

impl Names {
    /// The names of a service for the proxies of a scope.
    pub fn of(service: &Service, scope: &Scope, with_port: bool) -> Names {
        Names {
            short_forms: hosts(service).map(|h| ShortForms::of(h, &scope.dns_domain)).collect(),
            addresses: addresses_in_urls(service, scope),
            with_port,
            absolute: scope.features.absolute_domains,
            except: Vec::new(),
        }
    }

    /// The same without these domains.
    pub fn without(self, except: Vec<String>) -> Names {
        Names { except, ..self }
    }

    fn domains(&self, service: &Service, port: u16) -> Vec<String> {
        let all = domains(service, &self.short_forms, &self.addresses, self.absolute);
        finish(all, port, self.with_port, &self.except)
    }
}

/// Where ports count, all but those of port 80 are told.
fn finish(names: Vec<String>, port: u16, ports_count: bool, except: &[String]) -> Vec<String> {
    let mut all = if ports_count { with_port(names, port) } else { names };
    if ports_count && port != 80 {
        all.retain(|domain| domain.contains(':'));
    }
    all.retain(|domain| !except.contains(domain));
    all
}

impl Key {
    /// The virtual host. Without domains it must be left out.
    pub fn build(&self) -> VirtualHost {
        let domains = match (&self.answers, &self.host) {
            (Answers::Service(names), Host::Service(Same(service))) => {
                names.domains(service, self.port)
            }
            (Answers::Name { with_port, except }, Host::Name(name, _)) => {
                finish(vec![bracketed(name)], self.port, *with_port, except)
            }
            _ => vec!["*".to_owned()],
        };
        let Same(table) = &self.table;
        let name = format!("{}:{}", bracketed(self.host.name()), self.port);
        let mut head = Message {
            name: name.clone(),
            domains: domains.clone(),
            include_request_attempt_count: self.attempt_count,
            ..Message::default()
        };
        if let Some(session) = &self.session {
            session.put(&mut head.typed_per_filter_config);
        }
        let head = encode(&head);
        let mut origins = table.origins.clone();
        origins.push(self.host.origin().clone());
        VirtualHost { name, domains, origins, entry: join(&[&head, &table.entries]) }
    }
}

/// An IPv6 address in brackets; everything else as it is.
fn bracketed(name: &Str) -> String {
    match name.parse::<std::net::Ipv6Addr>() {
        Ok(_) => format!("[{name}]"),
        Err(_) => name.to_string(),
    }
}

/// The virtual host of all hosts that no service has.
pub fn catch_all(
    policy: OutboundPolicy,
    egress_proxy: Option<&str>,
    attempt_count: bool,
    forwarded_host: bool,
) -> Bytes {
    let (name, action) = match policy {
        OutboundPolicy::AllowAny => {
            ("allow_any", default_route::pass_through(egress_proxy, forwarded_host))
        }
        OutboundPolicy::RegistryOnly => ("block_all", default_route::refuse()),
    };
    entry(&Message {
        name: name.into(),
        domains: vec!["*".into()],
        routes: vec![Route { name: name.into(), ..default_route::everything(action) }],
        include_request_attempt_count: attempt_count,
        ..Message::default()
    })
}

/// The virtual host of a gateway's port that nothing is routed on: it knows no path, so that the answer to all
/// requests is 404.
pub fn black_hole(port: &str) -> Bytes {
    entry(&Message {
        name: format!("blackhole:{port}"),
        domains: vec!["*".into()],
        ..Message::default()
    })
}

/// A virtual host as the bytes of one entry of a route configuration.
pub fn entry(host: &Message) -> Bytes {
    join(&[&encode(host)])
}

/// The entry of a virtual host whose message these parts are, one behind the other.
fn join(parts: &[&Bytes]) -> Bytes {
    let size = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = BytesMut::with_capacity(size + 8);
    encode_key(VIRTUAL_HOSTS, WireType::LengthDelimited, &mut out);
    encode_varint(size as u64, &mut out);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.freeze()
}
