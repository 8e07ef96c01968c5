//! The route configurations of a gateway: a virtual host for each host that a server and a VirtualService have in
//! common.
//!
//! Several VirtualServices may share a host: their routes follow each other, those that match everything last. Hosts
//! with the same routes share a virtual host. Hosts of a server that redirects to HTTPS have one even without a
//! VirtualService. A configuration without any host answers 404.

use std::collections::HashMap;
use std::sync::Arc;

use super::bound::Bound;
use super::virtual_host::{Key, VirtualHost};
use crate::api::{ObjectKey, Str, host};
use crate::model::Routing;
use crate::model::gateway::{GatewayServer, Merged};
use crate::translate::memo::{Counts, Memo, ResourceMemo, Same};
use crate::translate::resource::Resource;
use crate::translate::route::http::{Audience, Inputs};
use crate::translate::route::{self, virtual_host::black_hole};
use crate::translate::translator::{Built, Context};

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {
    hosts: Memo<Key, VirtualHost>,
    configurations: ResourceMemo<Parts>,
}

impl Memos {
    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.configurations.sweep();
        // Behind the configurations, whose keys hold the hosts.
        self.hosts.sweep();
    }

    /// How many configurations were built, and how many were found, since the start.
    pub(super) fn counts(&self) -> Counts {
        self.configurations.counts()
    }

    /// How many virtual hosts were encoded so far.
    #[cfg(test)]
    pub(super) fn built(&self) -> u64 {
        self.hosts.counts.built
    }
}

/// What a configuration consists of.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    name: Str,
    /// Sorted by name.
    hosts: Vec<Same<VirtualHost>>,
    /// The port that the answer is 404 on where there is no host.
    port: u16,
    /// The Gateways.
    origins: Vec<ObjectKey>,
}

/// A virtual host that is being put together.
#[derive(Debug)]
struct Draft {
    host: Str,
    /// The port of the server that named it first.
    port: u16,
    routes: Vec<Arc<Inputs>>,
    require_tls: bool,
}

/// All configurations of a scope.
pub fn build(context: &Context<'_>, merged: &Merged, memos: &mut Memos) -> Built {
    let mut bound = Bound::new(context);
    let mut built = Built::default();
    for (name, servers) in &merged.routes {
        let drafts = collapse(hosts(context, servers, &mut bound), context);
        let mut hosts: Vec<Same<VirtualHost>> =
            drafts.into_iter().map(|key| Same(memos.hosts.get(key, VirtualHost::new))).collect();
        hosts.sort_by(|Same(a), Same(b)| a.name.cmp(&b.name));
        built.diagnostics.extend(hosts.iter().flat_map(|Same(host)| &host.diagnostics).cloned());
        let mut origins: Vec<ObjectKey> = servers.iter().map(|s| s.origin.clone()).collect();
        origins.dedup();
        let port = servers.first().map_or(0, |server| server.port);
        let parts = Parts { name: name.clone(), hosts, port, origins };
        built.resources.push(memos.configurations.get(parts, configuration));
    }
    built.diagnostics.sort();
    built.diagnostics.dedup();
    built
}

fn configuration(parts: &Parts) -> Resource {
    let nothing = parts.hosts.is_empty().then(|| black_hole(&parts.port.to_string()));
    let entries = parts.hosts.iter().map(|Same(host)| &host.entry).chain(&nothing);
    let body = route::assemble(&parts.name, true, entries);
    let of_hosts = parts.hosts.iter().flat_map(|Same(host)| host.origins.iter());
    Resource::new(parts.name.clone(), body, of_hosts.chain(&parts.origins).cloned())
}

/// The virtual hosts of the servers that share a configuration, the most specific host first.
fn hosts(
    context: &Context<'_>,
    servers: &[Arc<GatewayServer>],
    bound: &mut Bound<'_>,
) -> Vec<Draft> {
    let mut drafts: HashMap<Str, Draft> = HashMap::new();
    // A VirtualService has the same routes for all servers of a Gateway here; the port of the first counts.
    let mut known: HashMap<(Str, ObjectKey), Arc<Inputs>> = HashMap::new();
    for server in servers {
        let require_tls = server.https_redirect();
        let draft = |host: Str| Draft { host, port: server.port, routes: Vec::new(), require_tls };
        for routing in bound.to(server) {
            let key = (server.gateway.clone(), routing.config.key());
            let inputs = known.get(&key).cloned().unwrap_or_else(|| {
                let names = [&*server.gateway];
                let tls = server.spec.tls.is_some();
                let audience = Audience::gateway(context, &names, server.port, tls);
                Arc::new(Inputs::of(&routing, &Audience { http3: server.http3, ..audience }))
            });
            if inputs.is_empty() {
                continue;
            }
            known.insert(key, inputs.clone());
            for host in common(server, &routing) {
                let found = drafts.entry(host.clone()).or_insert_with(|| draft(host));
                found.routes.push(inputs.clone());
                found.require_tls |= require_tls;
            }
        }
        for host in server.server_names().into_iter().filter(|_| require_tls) {
            let host = Str::from(host.to_ascii_lowercase());
            drafts.entry(host.clone()).or_insert_with(|| draft(host)).require_tls = true;
        }
    }
    let mut drafts: Vec<Draft> = drafts.into_values().collect();
    drafts.sort_by(|a, b| host::by_specificity(&a.host, &b.host));
    drafts
}

/// The hosts that a server and a VirtualService have in common: of two the one that the other covers.
fn common(server: &GatewayServer, routing: &Routing) -> Vec<Str> {
    let mut common: Vec<Str> = Vec::new();
    for own in server.hosts_for(&routing.config.meta.namespace) {
        for asked in &routing.spec.hosts {
            let host = if host::covers(asked, own) {
                own
            } else if host::covers(own, asked) {
                asked
            } else {
                continue;
            };
            let host = Str::from(host.to_ascii_lowercase());
            if !common.contains(&host) {
                common.push(host);
            }
        }
    }
    common
}

/// `HOST:PORT`, with an IPv6 address in brackets.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// One virtual host for all hosts with the same routes, which the first of them names.
fn collapse(drafts: Vec<Draft>, context: &Context<'_>) -> Vec<Key> {
    let scope = context.scope;
    let mut keys: Vec<Key> = Vec::new();
    // By the routes and by what else must be the same: index in `keys`.
    let mut known: HashMap<(Vec<Same<Inputs>>, bool), usize> = HashMap::new();
    for draft in drafts {
        let Draft { host, port, routes, require_tls } = draft;
        let same = (routes.iter().cloned().map(Same).collect(), require_tls);
        let at = known.get(&same).filter(|_| scope.features.collapse_routes);
        if let Some(key) = at.and_then(|index| keys.get_mut(*index)) {
            key.domains.push(host);
            continue;
        }
        known.insert(same, keys.len());
        keys.push(Key {
            name: authority(&host, port),
            domains: vec![host],
            routes,
            require_tls,
            attempt_count: scope.attempt_count,
        });
    }
    keys
}
