//! The virtual hosts that one configuration wants, in the order in which they claim names: first what VirtualServices
//! route, in their order, then the services that none routes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::http::{self, Audience};
use super::reach::Reach;
use super::table::{Key, Table};
use crate::api::{ObjectKey, Str};
use crate::model::{Resolution, Routing, Service};
use crate::translate::listener::bind::Speech;
use crate::translate::memo::{Memo, Same};
use crate::translate::translator::Context;

/// The port of hosts that no service has.
const PLAIN_HTTP: u16 = 80;

/// A virtual host that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose it is.
    pub host: Host,
    /// The port that clients ask for.
    pub port: u16,
    /// Its routes.
    pub table: Arc<Table>,
    /// The VirtualService that says so.
    pub routing: Option<Arc<Routing>>,
}

/// Whose a virtual host is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A service's.
    Service(Same<Service>),
    /// That of a VirtualService, where no service has it.
    Name(Str, ObjectKey),
}

impl Host {
    /// The full name.
    pub fn name(&self) -> &Str {
        match self {
            Host::Service(Same(service)) => &service.key.hostname,
            Host::Name(name, _) => name,
        }
    }

    /// The object that it is of.
    pub fn origin(&self) -> &ObjectKey {
        match self {
            Host::Service(Same(service)) => &service.origin,
            Host::Name(_, origin) => origin,
        }
    }
}

/// What a listener for one port wants, or for all ports if None.
pub fn on_port(
    context: &Context<'_>,
    reach: &Reach<'_>,
    port: Option<u16>,
    tables: &mut Memo<Key, Table>,
) -> Vec<Wanted> {
    let audience = Audience::mesh(context, port.unwrap_or_default());
    let mut wanted = Vec::new();
    let mut routed: HashSet<usize> = HashSet::new();
    for vs in reach.routing_on(port) {
        let Some(routing) = reach.routing.get(vs) else { continue };
        let matched: Vec<usize> = reach.matched(vs).collect();
        let by_port = by_port(reach, &matched, port);
        if by_port.is_empty() {
            continue;
        }
        let inputs = http::Inputs::of(routing, &audience);
        if inputs.is_empty() {
            continue;
        }
        let table = tables.get(Key::Routed(inputs), Table::new);
        if table.entries.is_empty() {
            continue;
        }
        let want = |host: Host, port: u16| {
            let (table, routing) = (table.clone(), Some(routing.clone()));
            Wanted { host, port, table, routing }
        };
        let names: Vec<&Str> =
            routing.spec.hosts.iter().filter(|host| !reach.is_service(host, port)).collect();
        let key = routing.config.key();
        for (port, services) in by_port {
            let named = |name: &&Str| want(Host::Name((*name).clone(), key.clone()), port);
            wanted.extend(names.iter().map(named));
            for index in services {
                routed.insert(index);
                let service = reach.services.get(index);
                wanted.extend(service.map(|s| want(Host::Service(Same(s.clone())), port)));
            }
        }
    }
    for index in reach.services_on(port).into_iter().filter(|index| !routed.contains(index)) {
        let Some(service) = reach.services.get(index) else { continue };
        // Another name for a service is one more name of that one.
        if service.resolution == Resolution::Alias {
            continue;
        }
        for (place, number) in http_ports(service, port) {
            let table = tables.get(Key::of_service(context, service, place), Table::new);
            let host = Host::Service(Same(service.clone()));
            wanted.push(Wanted { host, port: number, table, routing: None });
        }
    }
    wanted
}

/// The ports on which a VirtualService has virtual hosts, with the services that it is for there. One that is for no
/// service on port 80 is for its hosts there.
fn by_port(
    reach: &Reach<'_>,
    matched: &[usize],
    port: Option<u16>,
) -> BTreeMap<u16, BTreeSet<usize>> {
    let mut all: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
    for index in matched {
        let Some(service) = reach.services.get(*index) else { continue };
        for (_, number) in http_ports(service, port) {
            all.entry(number).or_default().insert(*index);
        }
    }
    if all.is_empty() && port == Some(PLAIN_HTTP) {
        all.insert(PLAIN_HTTP, BTreeSet::new());
    }
    all
}

/// The ports of a service, or the one of this number, on which HTTP may be spoken: by index and number.
fn http_ports(service: &Service, port: Option<u16>) -> impl Iterator<Item = (usize, u16)> {
    let wanted = service.ports.iter().enumerate().filter(move |(_, candidate)| {
        port.is_none_or(|number| candidate.number == number)
            && Speech::of(candidate.protocol).is_some_and(Speech::may_be_http)
    });
    wanted.map(|(index, port)| (index, port.number))
}
