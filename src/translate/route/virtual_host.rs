//! Virtual hosts, each encoded once.
//!
//! A route configuration is its head and its virtual hosts one behind the other, and bytes of messages may be
//! put one behind the other: so each virtual host is kept as the bytes of one `virtual_hosts` entry, shared by
//! all configurations that have it. A change of one service among a thousand encodes one virtual host.

use bytes::Bytes;

use super::default_route;
use super::domains::{ShortForms, domains, hosts, with_port};
use crate::api::ObjectKey;
use crate::api::mesh::OutboundPolicy;
use crate::model::{Port, Service};
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::route::v3::{
    Route, RouteConfiguration, VirtualHost as Message,
};
use crate::translate::listener::bind::reachable_addresses;
use crate::translate::memo::Same;
use crate::translate::scope::Scope;

/// A virtual host as part of an encoded route configuration.
#[derive(Debug)]
pub struct VirtualHost {
    /// Its name; configurations are sorted by it.
    pub name: String,
    /// Its domains, for the one that looks for duplicates.
    pub domains: Vec<String>,
    /// The object that it was made from.
    pub origin: ObjectKey,
    /// The bytes of the field `virtual_hosts`, tag and length included.
    pub entry: Bytes,
}

/// All that the virtual host of a service depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The service.
    pub service: Same<Service>,
    /// Index of its port.
    pub port: usize,
    /// Which hosts it answers to.
    pub audience: Audience,
    /// The retry policy may tell hosts apart that were tried before.
    pub previous_hosts: bool,
}

/// Which hosts a virtual host answers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// All: its listener belongs to the service alone.
    Everyone,
    /// Those that mean the service.
    Named(Names),
}

/// What decides the names of a service. Scopes of many namespaces have it in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Names {
    /// The short forms of the service's host and of each alias.
    short_forms: Vec<ShortForms>,
    /// The virtual addresses that the proxy reaches.
    addresses: Vec<std::net::IpAddr>,
    /// Each name also with the port, for explicit proxying, where ports count.
    with_port: bool,
    /// The full names also with a final dot.
    absolute: bool,
    /// Names that an older service has already.
    except: Vec<String>,
}

impl Names {
    /// The names of a service for the proxies of a scope.
    pub fn of(service: &Service, scope: &Scope, with_port: bool) -> Names {
        Names {
            short_forms: hosts(service).map(|h| ShortForms::of(h, &scope.dns_domain)).collect(),
            addresses: reachable_addresses(service, scope),
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
        let mut all = domains(service, &self.short_forms, &self.addresses, self.absolute);
        if self.with_port {
            all = with_port(all, port);
        }
        all.retain(|domain| !self.except.contains(domain));
        all
    }
}

/// The virtual host of a service's port, which `key` names. Without domains it must be left out.
pub fn of_service(key: &Key, port: &Port) -> VirtualHost {
    let Same(service) = &key.service;
    let domains = match &key.audience {
        Audience::Everyone => vec!["*".to_owned()],
        Audience::Named(names) => names.domains(service, port.number),
    };
    let name = format!("{}:{}", service.key.hostname, port.number);
    let entry = entry(Message {
        name: name.clone(),
        domains: domains.clone(),
        routes: routes(service, port, key.previous_hosts),
        include_request_attempt_count: true,
        ..Message::default()
    });
    VirtualHost { name, domains, origin: service.origin.clone(), entry }
}

/// The routes of a service's port; the first that matches wins.
fn routes(service: &Service, port: &Port, previous_hosts: bool) -> Vec<Route> {
    vec![default_route::to_service(service, port, previous_hosts)]
}

/// The virtual host of all hosts that no service has.
pub fn catch_all(policy: OutboundPolicy) -> Bytes {
    let (name, action) = match policy {
        OutboundPolicy::AllowAny => ("allow_any", default_route::pass_through()),
        OutboundPolicy::RegistryOnly => ("block_all", default_route::refuse()),
    };
    entry(Message {
        name: name.into(),
        domains: vec!["*".into()],
        routes: vec![Route { name: name.into(), ..default_route::everything(action) }],
        include_request_attempt_count: true,
        ..Message::default()
    })
}

/// The virtual host of a gateway's port that nothing is routed on: it knows no path, so that the answer to all
/// requests is 404.
pub fn black_hole(port: &str) -> Bytes {
    entry(Message {
        name: format!("blackhole:{port}"),
        domains: vec!["*".into()],
        ..Message::default()
    })
}

/// A virtual host as the bytes of one entry of a route configuration.
pub fn entry(host: Message) -> Bytes {
    encode(&RouteConfiguration { virtual_hosts: vec![host], ..RouteConfiguration::default() })
}
