//! The plan of a scope's outbound listeners: which there are, and what stands on them.
//!
//! Where a service's port goes is decided by [`bind`](super::bind), who wins an address by [`slot`](super::slot).
//! A plan does not depend on the workload: not even on its own address, for which no listener is built.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::bind::{Bind, Speech, direct_addresses, in_cluster};
use super::profile::Profile;
use super::slot::{Claim, Http, Slot, Tcp};
use crate::api::Diagnostic;
use crate::model::{Endpoint, Health, Port, Protocol, Resolution, Service};
use crate::translate::common::name::outbound_cluster;
use crate::translate::scope::{Families, Interception};
use crate::translate::translator::Context;

/// The first port that every process may bind.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

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
            by_address: HashMap::new(),
            diagnostics: Vec::new(),
        };
        for service in context.services.iter().filter(|s| s.resolution != Resolution::Alias) {
            for port in &service.ports {
                builder.add(service, port);
            }
        }
        let listeners = builder
            .slots
            .into_iter()
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
    slots: Vec<(Slot, bool)>,
    /// Index in `slots`.
    by_address: HashMap<(IpAddr, u16), usize>,
    diagnostics: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn add(&mut self, service: &Service, port: &Port) {
        let Some(speech) = Speech::of(port.protocol) else { return };
        let bind = Bind::of(service, speech, self.context.scope);
        let claim = claim(service, port, speech, &bind);
        match bind {
            Bind::Nowhere => {}
            Bind::Shared if !self.may_bind(port.number) => {}
            Bind::Shared => {
                let addresses = shared_addresses(self.profile);
                self.claim(addresses, port.number, claim, false);
            }
            Bind::Addresses(groups) => {
                for addresses in groups {
                    self.claim(addresses, port.number, claim.clone(), false);
                }
            }
            Bind::Endpoints => {
                for endpoint in endpoints(self.context, service, port) {
                    let addresses: Vec<IpAddr> =
                        direct_addresses(endpoint, self.context.scope).collect();
                    if !addresses.is_empty() {
                        self.claim(addresses, port.number, claim.clone(), true);
                    }
                }
            }
        }
    }

    /// Without interception listeners bind their ports, which the proxy may lack the right to, or use itself.
    fn may_bind(&self, port: u16) -> bool {
        let profile = self.profile;
        let used = [profile.outbound_port, profile.inbound_port, profile.http_proxy_port];
        profile.interception != Interception::None
            || !(used.contains(&port)
                || PROXY_PORTS.contains(&port)
                || profile.unprivileged && port < FIRST_UNPRIVILEGED_PORT)
    }

    fn claim(&mut self, addresses: Vec<IpAddr>, port: u16, claim: Claim, endpoint: bool) {
        let found = addresses.iter().find_map(|ip| self.by_address.get(&(*ip, port)));
        let index = found.copied().unwrap_or_else(|| {
            for ip in &addresses {
                self.by_address.insert((*ip, port), self.slots.len());
            }
            let wildcard = addresses.iter().any(IpAddr::is_unspecified);
            self.slots.push((Slot::new(addresses, port, wildcard), endpoint));
            self.slots.len() - 1
        });
        let Some((slot, _)) = self.slots.get_mut(index) else { return };
        if let Err(conflict) = slot.claim(claim) {
            // Two services over the same pods lead to the same place.
            if conflict.older != conflict.newer && !endpoint {
                self.diagnostics.extend(conflict.diagnostics(slot));
            }
        }
    }
}

/// Where listeners bind that services share.
pub fn shared_addresses(profile: &Profile) -> Vec<IpAddr> {
    let bound = profile.interception == Interception::None;
    let (v4, v6) = match bound {
        true => (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
        false => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
    };
    of_families(profile.families, v4, v6)
}

/// The address of each family that the proxy has, IPv4 first.
pub fn of_families(families: Families, v4: Ipv4Addr, v6: Ipv6Addr) -> Vec<IpAddr> {
    let v4 = families.v4.then_some(IpAddr::V4(v4));
    let v6 = families.v6.then_some(IpAddr::V6(v6));
    v4.into_iter().chain(v6).collect()
}

fn claim(service: &Service, port: &Port, speech: Speech, bind: &Bind) -> Claim {
    let origin = &service.origin;
    let http = speech.may_be_http().then(|| Http {
        route_name: bind.route_name(service, port.number),
        grpc_web: port.protocol == Protocol::GrpcWeb,
        origin: origin.clone(),
    });
    // Where services share an address, TLS tells them apart.
    let named = *bind == Bind::Shared && port.protocol.is_tls();
    let tcp = (speech != Speech::Http).then(|| Tcp {
        cluster: outbound_cluster(port.number, "", &service.key.hostname),
        server_names: named.then(|| service.key.hostname.to_string()).into_iter().collect(),
        mongo: port.protocol == Protocol::Mongo,
        origin: origin.clone(),
    });
    Claim { http, tcp }
}
