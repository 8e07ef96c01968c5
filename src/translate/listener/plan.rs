//! The plan of a scope's outbound listeners: which there are, and what stands on them.
//!
//! Where a service's port goes is decided by [`bind`](super::bind), who wins an address by [`slot`](super::slot).
//! A plan does not depend on the workload: not even on its own address, for which no listener is built.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::bind::{
    Bind, Manner, Place, Speech, direct_addresses, in_cluster, own_route_name, reachable_addresses,
    shared_route_name,
};
use super::chain::{Chain, Http, Leads, Match};
use super::profile::Profile;
use super::slot::{Claim, Claimed, Slot};
use super::streams::{Streams, Target};
use crate::api::core::TargetPort;
use crate::api::{Code, Diagnostic, Severity, Str};
use crate::model::{Block, Endpoint, Health, Port, Protocol, Resolution, Service};
use crate::translate::memo::Same;
use crate::translate::scope::Families;
use crate::translate::translator::Context;
use crate::translate::visible::Egress;

/// The first port that every process may bind.
pub const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// Ports of the proxy and its agent, beside those of the mesh configuration: administration, HBONE, merged
/// metrics, health, DNS, metrics.
const PROXY_PORTS: [u16; 7] = [15000, 15004, 15008, 15020, 15021, 15053, 15090];

/// See the module.
#[derive(Debug)]
pub struct Plan {
    /// The listeners.
    pub listeners: Vec<Planned>,
    /// Who lost what.
    pub diagnostics: Vec<Diagnostic>,
}

/// A listener to be built.
#[derive(Debug)]
pub struct Planned {
    /// What stands on it.
    pub slot: Arc<Slot>,
    /// It stands for an endpoint that has no other address, and is not built there.
    pub endpoint: bool,
}

impl Plan {
    /// Of the proxies of a scope with this profile.
    pub fn new(context: &Context<'_>, profile: &Profile) -> Plan {
        let mut builder = Builder {
            context,
            profile,
            slots: Vec::new(),
            by_place: HashMap::new(),
            locked: 0,
            diagnostics: Vec::new(),
        };
        for egress in context.visible.egress.iter() {
            builder.listener(egress);
        }
        let listeners = builder
            .slots
            .into_iter()
            .map(|(claimed, endpoint)| (claimed.into_slot(), endpoint))
            .filter(|(slot, _)| !slot.chains.is_empty())
            .map(|(slot, endpoint)| Planned { slot: Arc::new(slot), endpoint });
        let mut diagnostics = builder.diagnostics;
        diagnostics.sort();
        diagnostics.dedup();
        Plan { listeners: listeners.collect(), diagnostics }
    }
}

/// The endpoints of a service's port that get a listener each; none unless the port binds so. What goes away
/// keeps its listener until it is gone, as its connections do.
pub fn endpoints<'a>(
    context: &Context<'a>,
    service: &Service,
    port: &Port,
) -> impl Iterator<Item = &'a Endpoint> {
    let scope = context.scope;
    let own = Speech::of(port.protocol).map(|speech| Bind::of(service, speech, scope));
    let all = (own == Some(Bind::Endpoints)).then(|| context.snapshot.endpoints(&service.key));
    let list = all.flatten().and_then(|all| all.by_port.get(&port.name));
    list.into_iter()
        .flat_map(|list| list.iter())
        .filter(move |e| e.health != Health::Terminating && in_cluster(e, scope))
}

struct Builder<'a> {
    context: &'a Context<'a>,
    profile: &'a Profile,
    /// With each the mark whether it stands for an endpoint.
    slots: Vec<(Claimed, bool)>,
    /// Index in `slots`.
    by_place: HashMap<(Place, u16), usize>,
    /// So many of the slots are as a Sidecar describes them: nobody else gets onto them.
    locked: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    fn listener(&mut self, egress: &'a Egress) {
        let context = self.context;
        let described = egress.of(context.scope.sidecar.as_ref());
        let Some(manner) = Manner::of(described, context.scope) else { return };
        let streams = Streams::new(context, &egress.routing.0);
        let services = egress.services.0.iter().filter(|s| s.resolution != Resolution::Alias);
        if let Some((number, protocol)) = manner.port {
            if !self.may_bind(&manner, number, protocol) {
                self.diagnostics.extend(unbindable(context, egress, number));
                return;
            }
            for service in services {
                self.add(&streams, &manner, service, &Port { number, protocol, ..no_port() });
            }
            return;
        }
        self.locked = self.slots.len();
        for service in services {
            for port in &service.ports {
                if self.may_bind(&manner, port.number, port.protocol) {
                    self.add(&streams, &manner, service, port);
                }
            }
        }
    }

    fn add(&mut self, streams: &Streams<'_>, manner: &Manner, service: &Service, port: &Port) {
        let Some(speech) = Speech::of(port.protocol) else { return };
        let scope = self.context.scope;
        let bind = Bind::through(manner, service, speech, scope);
        let asked = Asked { streams, service, port, speech, bound: manner.bound };
        let wildcard = || {
            let families = self.profile.families;
            Place::Addresses(of_families(families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED))
        };
        match bind {
            Bind::Nowhere => {}
            Bind::Shared => {
                let place = wildcard();
                self.claim(&asked, place, Routes::Shared, &[], true);
            }
            Bind::At { place, alone } => {
                let routes = if alone { Routes::Own } else { Routes::Shared };
                let named = service.forwards_by_name()
                    || place.is_wildcard() && reachable_addresses(service, scope).is_empty();
                self.claim(&asked, place, routes, &[], named);
            }
            Bind::Addresses { groups, blocks } => {
                let named = service.forwards_by_name();
                for addresses in groups {
                    self.claim(&asked, Place::Addresses(addresses), Routes::Own, &[], named);
                }
                for block in blocks {
                    let place = wildcard();
                    self.claim(&asked, place, Routes::Shared, &[block], true);
                }
            }
            Bind::Endpoints => {
                for endpoint in endpoints(self.context, service, port) {
                    let addresses: Vec<IpAddr> = direct_addresses(endpoint, scope).collect();
                    if !addresses.is_empty() {
                        let place = Place::Addresses(addresses);
                        self.claim(&asked, place, Routes::Endpoint, &[], false);
                    }
                }
            }
        }
    }

    /// What binds its port may lack the right to, or find it used by the proxy itself. On the wildcard address no
    /// listener may take what the proxy's own do.
    fn may_bind(&self, manner: &Manner, port: u16, protocol: Protocol) -> bool {
        let profile = self.profile;
        let everywhere = manner.place.as_ref().map_or(protocol.is_http(), Place::is_wildcard);
        let bound = manner.bound && port != 0;
        let used = profile.http_proxy_port == port
            || profile.is_own_port(port)
            || PROXY_PORTS.contains(&port);
        !(everywhere && profile.is_own_port(port)
            || bound && used
            || bound && profile.unprivileged && port < FIRST_UNPRIVILEGED_PORT)
    }

    fn claim(
        &mut self,
        asked: &Asked<'_>,
        place: Place,
        routes: Routes,
        blocks: &[Block],
        named: bool,
    ) {
        let port = asked.port.number;
        let keys: Vec<(Place, u16)> = match &place {
            Place::Addresses(list) => {
                list.iter().map(|ip| (Place::Addresses(vec![*ip]), port)).collect()
            }
            Place::Socket(_) => vec![(place.clone(), port)],
        };
        let found = keys.iter().find_map(|key| self.by_place.get(key)).copied();
        if found.is_some_and(|index| index < self.locked) {
            return;
        }
        let claim = asked.claim(&place, routes, blocks, named);
        let index = found.unwrap_or_else(|| {
            for key in keys {
                self.by_place.insert(key, self.slots.len());
            }
            let endpoint = routes == Routes::Endpoint;
            self.slots.push((Claimed::new(place, port, asked.bound), endpoint));
            self.slots.len() - 1
        });
        let Some((slot, endpoint)) = self.slots.get_mut(index) else { return };
        for conflict in slot.claim(claim) {
            // Two services over the same pods lead to the same place.
            if conflict.winner != conflict.loser && !*endpoint {
                self.diagnostics.extend(conflict.diagnostics(slot.slot()));
            }
        }
    }
}

/// The route configuration that a listener refers to.
#[derive(Clone, Copy, PartialEq)]
enum Routes {
    /// That of the port.
    Shared,
    /// That of the service.
    Own,
    /// The same, for the address of an endpoint.
    Endpoint,
}

/// A service's port, through an egress listener.
struct Asked<'a> {
    streams: &'a Streams<'a>,
    service: &'a Service,
    port: &'a Port,
    speech: Speech,
    bound: bool,
}

impl Asked<'_> {
    /// What it wants of a place. Byte streams come before HTTP: nobody else's chain is told by less.
    fn claim(&self, place: &Place, routes: Routes, blocks: &[Block], named: bool) -> Claim {
        let Asked { streams, service, port, speech, .. } = *self;
        let target = Target { service, port: port.number, protocol: port.protocol, blocks, named };
        let mut chains = if speech == Speech::Http { Vec::new() } else { streams.chains(target) };
        if speech.may_be_http() {
            let route_name = match routes {
                Routes::Shared => shared_route_name(Some(place), port.number),
                Routes::Own | Routes::Endpoint => own_route_name(service, port.number),
            };
            let explicit = port.protocol == Protocol::HttpProxy;
            // A listener for HTTP alone takes it in any form.
            let plain_http = !explicit && (speech == Speech::Auto || place.is_wildcard());
            chains.push(Chain {
                matches: Match { plain_http, ..Match::default() },
                leads: Leads::Http(Http {
                    route_name,
                    grpc_web: port.protocol == Protocol::GrpcWeb,
                    forwards: Vec::from_iter(
                        service.forwards_by_name().then(|| service.key.hostname.clone()),
                    ),
                }),
                config: None,
                origin: service.origin.clone(),
                others: Vec::new(),
            });
        }
        Claim { speech, protocol: port.protocol, chains, origin: service.origin.clone() }
    }
}

/// A port that nobody described.
fn no_port() -> Port {
    Port {
        name: Str::default(),
        number: 0,
        protocol: Protocol::Unsupported,
        target: TargetPort::Number(0),
    }
}

/// The owner of a Sidecar is told of a port that cannot be bound.
fn unbindable(context: &Context<'_>, egress: &Egress, port: u16) -> Option<Diagnostic> {
    let Same(sidecar) = context.scope.sidecar.as_ref()?;
    let index = egress.listener?;
    Some(Diagnostic {
        severity: Severity::Error,
        location: None,
        object: Some(sidecar.key()),
        path: format!("spec.egress[{index}].port.number"),
        message: format!(
            "there is no listener on port {port}: the proxy uses it itself, or may not bind ports below \
             {FIRST_UNPRIVILEGED_PORT}; use another port"
        ),
        code: Code::Other,
    })
}

/// The address of each family that the proxy has, IPv4 first.
pub fn of_families(families: Families, v4: Ipv4Addr, v6: Ipv6Addr) -> Vec<IpAddr> {
    let v4 = families.v4.then_some(IpAddr::V4(v4));
    let v6 = families.v6.then_some(IpAddr::V6(v6));
    v4.into_iter().chain(v6).collect()
}
