//! What one egress listener of a Sidecar names: services and VirtualServices by namespace and host.
//!
//! Pure matching. Whether an object is visible at all, and what follows from importing it, is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use super::parts::Selection;
use crate::api::host::{covers, is_wildcard, overlap};
use crate::api::networking::sidecar::EgressListener;
use crate::api::{Protocol, Str};
use crate::model::{Routing, Service, ServiceKey};

/// Stands for all namespaces.
const EVERY_NAMESPACE: &str = "*";

/// Stands for the namespace of the client.
const OWN_NAMESPACE: &str = ".";

/// See the module.
#[derive(Debug, Default)]
pub struct Imports<'a> {
    /// `~` names no namespace, and so imports nothing.
    by_namespace: BTreeMap<&'a str, Hosts<'a>>,
    /// Only ports of this number.
    port: Option<u16>,
}

/// What is looked for in all namespaces.
#[derive(Debug)]
pub enum Anywhere<'h, 'a> {
    /// Nothing.
    Nothing,
    /// Services of these host names.
    Hosts(&'h BTreeSet<&'a str>),
    /// Services that a pattern describes.
    Anything,
}

/// Host names.
#[derive(Debug, Default)]
struct Hosts<'a> {
    exact: BTreeSet<&'a str>,
    wildcards: Vec<&'a str>,
}

impl<'a> Imports<'a> {
    /// Of a listener, for clients in the namespace `own`. What is no `NAMESPACE/HOST` names nothing; validation
    /// tells.
    pub fn of(listener: &'a EgressListener, own: &'a str) -> Imports<'a> {
        let mut imports = Imports { port: matched_port(listener), ..Imports::default() };
        for text in &listener.hosts {
            let Some((namespace, host)) = text.split_once('/').filter(|(_, h)| !h.contains('/'))
            else {
                continue;
            };
            let namespace = if namespace == OWN_NAMESPACE { own } else { namespace };
            let hosts = imports.by_namespace.entry(namespace).or_default();
            if is_wildcard(host) {
                hosts.wildcards.push(host);
            } else {
                hosts.exact.insert(host);
            }
        }
        imports
    }

    /// Of a listener that names every host of every namespace.
    pub fn everything() -> Imports<'a> {
        let all = Hosts { wildcards: vec!["*"], ..Hosts::default() };
        Imports { by_namespace: BTreeMap::from([(EVERY_NAMESPACE, all)]), port: None }
    }

    /// The namespaces that it names.
    pub fn namespaces(&self) -> impl Iterator<Item = &'a str> {
        self.by_namespace.keys().copied().filter(|name| *name != EVERY_NAMESPACE)
    }

    /// What it looks for in all namespaces.
    pub fn anywhere(&self) -> Anywhere<'_, 'a> {
        match self.by_namespace.get(EVERY_NAMESPACE) {
            None => Anywhere::Nothing,
            Some(hosts) if hosts.wildcards.is_empty() => Anywhere::Hosts(&hosts.exact),
            Some(_) => Anywhere::Anything,
        }
    }

    /// What of a service is imported, if anything.
    pub fn service(&self, service: &Service) -> Option<Selection> {
        let ports = self.ports(service)?;
        let mut hosts = self.hosts_of(&service.key.namespace);
        let hosts = hosts.find(|hosts| hosts.name(&service.key.hostname))?;
        let aliases = service.aliases.iter().filter(|alias| hosts.name(&alias.hostname));
        let aliases: Vec<ServiceKey> = aliases.cloned().collect();
        let aliases = (aliases.len() < service.aliases.len()).then_some(aliases);
        Some(Selection { ports, aliases })
    }

    /// What of a service is imported because routes lead there, if anything: what the listener is for, else the
    /// ports that the routes name (all if None).
    pub fn destination(
        &self,
        service: &Service,
        named: Option<&BTreeSet<u32>>,
    ) -> Option<Selection> {
        let (None, Some(named)) = (self.port, named) else {
            return Some(Selection { ports: self.ports(service)?, aliases: None });
        };
        let ports = service.ports.iter().enumerate();
        let ports: Vec<usize> =
            ports.filter(|(_, port)| named.contains(&port.number.into())).map(|(i, _)| i).collect();
        let all = ports.len() == service.ports.len();
        (all || !ports.is_empty())
            .then(|| Selection { ports: (!all).then_some(ports), aliases: None })
    }

    /// The ports that the listener is for; Some(None) for all.
    fn ports(&self, service: &Service) -> Option<Option<Vec<usize>>> {
        let Some(number) = self.port else { return Some(None) };
        let index = service.ports.iter().position(|port| port.number == number)?;
        Some((service.ports.len() > 1).then(|| vec![index]))
    }

    /// Whether a VirtualService is imported: it is by any of its hosts that overlaps with one that is named.
    pub fn routing(&self, routing: &Routing) -> bool {
        let named = |hosts: &Hosts<'_>| routing.spec.hosts.iter().any(|h| hosts.concern(h));
        self.hosts_of(&routing.config.meta.namespace).any(named)
    }

    fn hosts_of(&self, namespace: &str) -> impl Iterator<Item = &Hosts<'a>> {
        [namespace, EVERY_NAMESPACE].into_iter().filter_map(|name| self.by_namespace.get(name))
    }
}

impl Hosts<'_> {
    /// Whether a service of this name is meant.
    fn name(&self, host: &str) -> bool {
        self.exact.contains(host) || self.wildcards.iter().any(|pattern| covers(pattern, host))
    }

    /// Whether the routes of a host may matter for what is meant.
    fn concern(&self, host: &str) -> bool {
        self.exact.contains(host)
            || self.wildcards.iter().any(|pattern| overlap(pattern, host))
            || is_wildcard(host) && self.exact.iter().any(|exact| covers(host, exact))
    }
}

/// The number that ports must have to be imported. A listener for explicit proxying takes requests for any port,
/// and so does one without a number, which is a unix socket.
fn matched_port(listener: &EgressListener) -> Option<u16> {
    let port = listener.port.as_ref()?;
    let proxy = Protocol::parse(&port.protocol) == Some(Protocol::HttpProxy);
    u16::try_from(port.number).ok().filter(|number| *number != 0 && !proxy)
}

/// The hosts that VirtualServices lead clients of a namespace, or all, to, each with the ports that they name there; all
/// ports if one of them names none.
pub fn destinations<'a>(
    routing: &'a Routing,
    namespace: Option<&str>,
) -> BTreeMap<&'a Str, Option<BTreeSet<u32>>> {
    let spec = &routing.spec;
    let http = spec.http.iter().filter(|route| {
        let mut namespaces = route.matches.iter().map(|m| &*m.source_namespace);
        let named: Vec<&str> = namespaces.by_ref().filter(|n| !n.is_empty()).collect();
        named.is_empty() || namespace.is_none_or(|namespace| named.contains(&namespace))
    });
    let http = http.flat_map(|route| {
        let routes = route.route.iter().map(|r| &r.destination);
        let mirrors = route.mirrors.iter().map(|m| &m.destination);
        routes.chain(&route.mirror).chain(mirrors)
    });
    let tcp = spec.tcp.iter().flat_map(|route| &route.route).map(|r| &r.destination);
    let tls = spec.tls.iter().flat_map(|route| &route.route).map(|r| &r.destination);
    let mut found: BTreeMap<&Str, Option<BTreeSet<u32>>> = BTreeMap::new();
    for destination in http.chain(tcp).chain(tls) {
        let ports = found.entry(&destination.host).or_insert_with(|| Some(BTreeSet::new()));
        match (&destination.port, ports.as_mut()) {
            (Some(port), Some(ports)) if port.number != 0 => {
                ports.insert(port.number);
            }
            (Some(_) | None, _) => *ports = None,
        }
    }
    found
}
