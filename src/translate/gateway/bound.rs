//! The VirtualServices that a server's traffic may follow: bound to its Gateway, visible, for one of its hosts.
//!
//! Found by host, so that a Gateway with a server and a VirtualService for each of a thousand hosts costs a thousand
//! look-ups and not a million comparisons.

use std::collections::HashMap;
use std::sync::Arc;

use crate::api::{Str, host};
use crate::model::Routing;
use crate::model::gateway::GatewayServer;
use crate::translate::translator::Context;

/// See the module.
#[derive(Debug)]
pub struct Bound<'a> {
    context: &'a Context<'a>,
    gateways: HashMap<Str, OfGateway>,
}

/// The VirtualServices of one Gateway.
#[derive(Debug)]
struct OfGateway {
    /// Those that the scope sees, in the order in which they count.
    all: Vec<Arc<Routing>>,
    /// Indexes of those that have a host in full.
    by_host: HashMap<Str, Vec<usize>>,
    /// Indexes of those that have a wildcard.
    wildcards: Vec<usize>,
}

impl<'a> Bound<'a> {
    /// As the proxies of a scope see them.
    pub fn new(context: &'a Context<'a>) -> Bound<'a> {
        Bound { context, gateways: HashMap::new() }
    }

    /// Those for a server, in the order in which they count.
    pub fn to(&mut self, server: &GatewayServer) -> Vec<Arc<Routing>> {
        let context = self.context;
        let found = self.gateways.entry(server.gateway.clone());
        let gateway = found.or_insert_with(|| OfGateway::new(context, &server.gateway));
        let candidates = gateway.candidates(server);
        candidates.into_iter().filter(|routing| is_for(routing, server)).collect()
    }
}

impl OfGateway {
    fn new(context: &Context<'_>, gateway: &str) -> OfGateway {
        let namespace = &context.scope.namespace;
        let all = context.snapshot.virtual_services.visible_at_gateway(gateway, namespace);
        let mut by_host: HashMap<Str, Vec<usize>> = HashMap::new();
        let mut wildcards = Vec::new();
        for (index, routing) in all.iter().enumerate() {
            for name in &routing.spec.hosts {
                match host::is_wildcard(name) {
                    true => wildcards.push(index),
                    false => by_host.entry(name.clone()).or_default().push(index),
                }
            }
        }
        OfGateway { all, by_host, wildcards }
    }

    fn candidates(&self, server: &GatewayServer) -> Vec<Arc<Routing>> {
        let hosts =
            || server.hosts.iter().map(|h| h.split_once('/').map_or(&**h, |(_, host)| host));
        if hosts().any(host::is_wildcard) {
            return self.all.clone();
        }
        let exact = hosts().filter_map(|name| self.by_host.get(name)).flatten();
        let mut indexes: Vec<usize> = exact.chain(&self.wildcards).copied().collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes.into_iter().filter_map(|index| self.all.get(index).cloned()).collect()
    }
}

fn is_for(routing: &Routing, server: &GatewayServer) -> bool {
    let namespace = &routing.config.meta.namespace;
    let mut hosts = server.hosts_for(namespace);
    hosts.any(|own| routing.spec.hosts.iter().any(|asked| host::overlap(own, asked)))
}
