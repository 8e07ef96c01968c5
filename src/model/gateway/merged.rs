//! All Gateways of a proxy as one: what it listens on, and which servers share a listener or a route configuration.
//!
//! Gateways come oldest first, and who comes first keeps what it has: a later server joins it or is left out. On one
//! port and address join
//!
//! | later, first  | HTTP | TCP  | TLS                                            |
//! |---------------|------|------|------------------------------------------------|
//! | HTTP          | yes  | no   | yes                                            |
//! | TCP           | no   | no   | yes                                            |
//! | TLS           | no   | no   | yes, with other hosts and another name of port |
//!
//! as TLS tells its hosts, and what is no TLS is the rest. Both sides of a conflict are told. Knows nothing of
//! VirtualServices, nor of Envoy's messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::server::{GatewayServer, Speech};
use crate::api::config::Config;
use crate::api::networking::Gateway;
use crate::api::{Code, Diagnostic, Protocol, Str};

/// See the module.
#[derive(Debug, Default)]
pub struct Merged {
    /// The listeners, in the order in which servers asked for them.
    pub listeners: Vec<MergedListener>,
    /// The servers of each route configuration, by its name.
    pub routes: BTreeMap<Str, Vec<Arc<GatewayServer>>>,
    /// Who lost what to whom.
    pub diagnostics: Vec<Diagnostic>,
}

/// What is served on one port and address.
#[derive(Debug)]
pub struct MergedListener {
    /// The port that the proxy listens on.
    pub port: u16,
    /// The address; empty for all.
    pub bind: Str,
    /// The servers, in the order of their filter chains.
    pub groups: Vec<Group>,
}

/// Servers of one protocol.
#[derive(Debug)]
pub struct Group {
    /// The protocol; of plain HTTP the one that was first.
    pub protocol: Protocol,
    /// They are told apart by TLS.
    pub tls: bool,
    /// The servers, the first first. Those of plain HTTP share one connection manager and its routes.
    pub servers: Vec<Arc<GatewayServer>>,
}

impl Merged {
    /// Of these Gateways, oldest first. `targets` says where the proxy listens for the ports of its own services:
    /// pairs of port and target port, sorted; for other ports it is the port itself. `quic` are the ports that may be
    /// served over QUIC.
    pub fn new<'a>(
        gateways: impl IntoIterator<Item = &'a Config<Gateway>>,
        targets: &[(u16, u16)],
        quic: &[u16],
    ) -> Merged {
        let mut merger = Merger::default();
        for gateway in gateways {
            for (index, server) in gateway.spec.servers.iter().enumerate() {
                let port = u16::try_from(server.port.number).unwrap_or_default();
                let target = targets.iter().find(|(own, _)| *own == port).map_or(port, |(_, t)| *t);
                let quic = quic.contains(&port);
                if let Some(server) = GatewayServer::new(gateway, index, target, quic) {
                    merger.add(Arc::new(server), target);
                }
            }
        }
        let mut merged = merger.merged;
        merged.diagnostics.sort();
        merged.diagnostics.dedup();
        merged
    }
}

#[derive(Default)]
struct Merger {
    merged: Merged,
    /// Indexes in `merged.listeners`.
    listeners: HashMap<(u16, Str), usize>,
    /// Who ends or routes TLS for a host on a port and address.
    owners: HashMap<(u16, Str, Str), Arc<GatewayServer>>,
}

impl Merger {
    fn add(&mut self, server: Arc<GatewayServer>, port: u16) {
        let bind = server.spec.bind.clone();
        if server.spec.tls.is_some() && !self.claim_hosts(&server, port, &bind) {
            return;
        }
        let listeners = &mut self.merged.listeners;
        let index = *self.listeners.entry((port, bind.clone())).or_insert_with(|| {
            listeners.push(MergedListener { port, bind, groups: Vec::new() });
            listeners.len() - 1
        });
        let Some(listener) = listeners.get_mut(index) else { return };
        let plain = listener.groups.iter_mut().find(|group| !group.tls);
        let tls = server.speech.has_server_names();
        match plain.and_then(|group| group.servers.first().cloned().map(|first| (group, first))) {
            Some((group, first)) => {
                if first.speech != Speech::Http || server.speech != Speech::Http {
                    let told = taken_port(&server, &first, port);
                    return self.merged.diagnostics.extend(told);
                }
                group.servers.push(server.clone());
            }
            None => {
                let first = self.merged.routes.get(&server.route).and_then(|all| all.first());
                if let Some(first) = first.filter(|_| server.speech == Speech::Https) {
                    return self.merged.diagnostics.extend(taken_name(&server, first));
                }
                let same = |group: &&mut Group| group.tls && group.protocol == server.protocol;
                match listener.groups.iter_mut().filter(|_| tls).find(same) {
                    Some(group) => group.servers.push(server.clone()),
                    None => listener.groups.push(Group {
                        protocol: server.protocol,
                        tls,
                        servers: vec![server.clone()],
                    }),
                }
            }
        }
        if !server.route.is_empty() {
            self.merged.routes.entry(server.route.clone()).or_default().push(server);
        }
    }

    /// Takes the hosts for a server with TLS settings; false if another has one of them.
    fn claim_hosts(&mut self, server: &Arc<GatewayServer>, port: u16, bind: &Str) -> bool {
        let key = |host: &Str| (port, bind.clone(), host.clone());
        let mut free = true;
        for host in &server.hosts {
            if let Some(owner) = self.owners.get(&key(host)) {
                self.merged.diagnostics.extend(taken_host(server, owner, host, port));
                free = false;
            }
        }
        if free {
            for host in &server.hosts {
                self.owners.insert(key(host), server.clone());
            }
        }
        free
    }
}

fn taken_port(loser: &GatewayServer, winner: &GatewayServer, port: u16) -> [Diagnostic; 2] {
    let (a, b) = (loser.protocol.name(), winner.protocol.name());
    [
        loser.say(
            "port",
            format!(
                "the server has no effect: port {port} is read as {b} for {}, which comes first, and cannot be \
                 read as {a} too; use another port",
                place(winner)
            ),
        )
        .coded(Code::RejectedServer),
        winner.say(
            "port",
            format!(
                "{} asks for {a} on port {port} and has no effect, as this server comes first; one of them needs \
                 another port",
                place(loser)
            ),
        ),
    ]
}

fn taken_name(loser: &GatewayServer, winner: &GatewayServer) -> [Diagnostic; 2] {
    let name = &loser.spec.port.name;
    [
        loser.say(
            "port.name",
            format!(
                "the server has no effect: {} has the port name `{name}` too, by which routes are told apart; use \
                 another name",
                place(winner)
            ),
        )
        .coded(Code::RejectedServer),
        winner.say(
            "port.name",
            format!(
                "{} has the port name `{name}` too and has no effect; give it another name",
                place(loser)
            ),
        ),
    ]
}

fn taken_host(
    loser: &GatewayServer,
    winner: &GatewayServer,
    host: &str,
    port: u16,
) -> [Diagnostic; 2] {
    [
        loser.say(
            "hosts",
            format!(
                "the server has no effect: the host {host} on port {port} belongs to {}, which comes first; take \
                 it out of one of them",
                place(winner)
            ),
        )
        .coded(Code::RejectedServer),
        winner.say(
            "hosts",
            format!(
                "{} asks for the host {host} on port {port} too and has no effect, as this server comes first; \
                 take it out of one of them",
                place(loser)
            ),
        ),
    ]
}

/// `Gateway NAMESPACE/NAME (spec.servers[0])`.
fn place(server: &GatewayServer) -> String {
    format!("{} (spec.servers[{}])", server.origin, server.index)
}
