//! Route configurations (RDS).
//!
//! A sidecar has one for each port on which services share a listener (`80`), one for each listener of a
//! service of its own (`web.shop.svc.cluster.local:80`), and `http_proxy` for explicit proxying. Names are
//! decided by [`listener::bind`](super::listener::bind). Virtual hosts are sorted by name; of two with the same
//! domain the older service keeps it.

pub mod default_route;
pub mod domains;
pub mod http;
pub mod virtual_host;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use self::virtual_host::{Audience, Key, Names, VirtualHost};
use super::capability::Capability;
use super::listener::bind::{Bind, Speech, own_route_name};
use super::memo::{Memo, Recent, ResourceMemo, Same};
use super::resource::Resource;
use super::scope::Scope;
use super::translator::{Built, Context};
use crate::api::mesh::OutboundPolicy;
use crate::api::{Diagnostic, ObjectKey, Severity, Str};
use crate::model::{Port, ProxyKind, Resolution, Service};
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::route::v3::RouteConfiguration;
use crate::translate::common::value::{boolean, uint32};

/// The configuration of the listener for explicit HTTP proxying.
pub const HTTP_PROXY: &str = "http_proxy";

/// The longest body of a direct response that is accepted, in bytes.
const MAX_DIRECT_RESPONSE_BYTES: u32 = 1 << 20;

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {
    scopes: Recent<Inputs, Configurations>,
    hosts: Memo<Key, VirtualHost>,
    configurations: ResourceMemo<Parts>,
}

impl Memos {
    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.scopes.sweep();
        self.configurations.sweep();
        // Behind the configurations, whose keys hold the hosts.
        self.hosts.sweep();
    }
}

/// What the configurations of a scope depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Inputs {
    services: Same<[Arc<Service>]>,
    scope: Scope,
}

/// The configurations of a scope.
#[derive(Debug)]
struct Configurations {
    resources: Vec<Arc<Resource>>,
    diagnostics: Vec<Diagnostic>,
}

/// What a configuration consists of.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    name: Str,
    hosts: Vec<Same<VirtualHost>>,
    /// The virtual host of all other hosts, if there is one.
    others: Option<OutboundPolicy>,
    /// A request for `host:port` is one for `host`.
    ignore_port: bool,
}

/// The route configurations that the listeners of a sidecar may refer to. Those of a gateway come from its
/// Gateway objects.
pub fn configurations(context: &Context<'_>, memos: &mut Memos) -> Built {
    if context.scope.kind != ProxyKind::Sidecar {
        return Built::default();
    }
    // Where endpoints are does not matter here.
    let scope = Scope { place: None, node: None, ..context.scope.clone() };
    let inputs = Inputs { services: Same(context.services.clone()), scope };
    let Memos { scopes, hosts, configurations } = memos;
    let built = scopes.get(inputs, |_| {
        let builder = Builder { context, hosts, configurations, diagnostics: Vec::new() };
        builder.build()
    });
    Built { resources: built.resources.clone(), diagnostics: built.diagnostics.clone() }
}

/// The answer to a name that does not exist, on which a listener may wait: what happens to unknown hosts.
pub fn absent(scope: &Scope, name: &str) -> Resource {
    let (hosts, ignore_port) = match scope.kind {
        ProxyKind::Sidecar => (virtual_host::catch_all(scope.outbound_policy), true),
        _ => (virtual_host::black_hole(port_of(name)), true),
    };
    Resource::new(name.into(), assemble(name, ignore_port, [&hosts]), [])
}

/// The port in the name of a gateway's configuration: `8080` of `http.8080`, `443` of `https.443.web.gw.shop`.
fn port_of(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or(name)
}

/// A port of a service that may be asked for by HTTP.
#[derive(Clone, Copy)]
struct Member<'a> {
    service: &'a Arc<Service>,
    port: &'a Port,
    /// Of `port` in `service.ports`.
    index: usize,
}

struct Builder<'a> {
    context: &'a Context<'a>,
    hosts: &'a mut Memo<Key, VirtualHost>,
    configurations: &'a mut ResourceMemo<Parts>,
    diagnostics: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn build(mut self) -> Configurations {
        let scope = self.context.scope;
        let (mut by_port, mut own, mut all) = (BTreeMap::new(), Vec::new(), Vec::new());
        for service in self.context.services.iter().filter(|s| s.resolution != Resolution::Alias) {
            for (index, port) in service.ports.iter().enumerate() {
                let Some(speech) = Speech::of(port.protocol).filter(|s| s.may_be_http()) else {
                    continue;
                };
                let member = Member { service, port, index };
                all.push(member);
                // What speaks HTTP on a port can be asked for by name at any address.
                let (members, shared) = by_port.entry(port.number).or_insert((Vec::new(), false));
                members.push(member);
                let bind = Bind::of(service, speech, scope);
                *shared |= bind.has_shared_routes();
                if bind.has_own_routes() {
                    own.push((own_route_name(service, port.number), member));
                }
            }
        }
        let mut resources = Vec::new();
        for (port, (members, shared)) in by_port {
            if shared {
                resources.push(self.shared(&port.to_string(), &members, false));
            }
        }
        if scope.http_proxy {
            resources.push(self.shared(HTTP_PROXY, &all, true));
        }
        for (name, member) in own {
            let host = self.host(member, Audience::Everyone);
            resources.push(self.configuration(&name, vec![host], None, true));
        }
        Configurations { resources, diagnostics: self.diagnostics }
    }

    /// The configuration of a listener that several services share, the oldest first.
    fn shared(&mut self, name: &str, members: &[Member<'_>], with_port: bool) -> Arc<Resource> {
        let scope = self.context.scope;
        let hosts: Vec<Arc<VirtualHost>> = members
            .iter()
            .map(|member| {
                let names = Names::of(member.service, scope, with_port);
                self.host(*member, Audience::Named(names))
            })
            .collect();
        let mut owners: HashMap<&str, &Arc<VirtualHost>> = HashMap::new();
        let mut kept = Vec::new();
        for (member, host) in members.iter().zip(&hosts) {
            let mut taken = Vec::new();
            for domain in &host.domains {
                let owner = *owners.entry(domain).or_insert(host);
                if !Arc::ptr_eq(owner, host) {
                    taken.push(domain.clone());
                    self.diagnostics.extend(duplicate(name, domain, owner, host));
                }
            }
            if taken.is_empty() {
                kept.push(host.clone());
                continue;
            }
            let names = Names::of(member.service, scope, with_port).without(taken);
            let rest = self.host(*member, Audience::Named(names));
            if !rest.domains.is_empty() {
                kept.push(rest);
            }
        }
        self.configuration(name, kept, Some(scope.outbound_policy), !with_port)
    }

    fn host(&mut self, member: Member<'_>, audience: Audience) -> Arc<VirtualHost> {
        let key = Key {
            service: Same(member.service.clone()),
            port: member.index,
            audience,
            previous_hosts: self.context.scope.capabilities.has(Capability::PreviousHosts),
        };
        self.hosts.get(key, |key| virtual_host::of_service(key, member.port))
    }

    fn configuration(
        &mut self,
        name: &str,
        mut hosts: Vec<Arc<VirtualHost>>,
        others: Option<OutboundPolicy>,
        ignore_port: bool,
    ) -> Arc<Resource> {
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        let hosts = hosts.into_iter().map(Same).collect();
        let parts = Parts { name: name.into(), hosts, others, ignore_port };
        self.configurations.get(parts, |parts| {
            let others = parts.others.map(virtual_host::catch_all);
            let entries = parts.hosts.iter().map(|Same(host)| &host.entry).chain(&others);
            let body = assemble(&parts.name, parts.ignore_port, entries);
            let origins = parts.hosts.iter().map(|Same(host)| host.origin.clone());
            Resource::new(parts.name.clone(), body, origins)
        })
    }
}

/// What is said of a host that two services claim. Two ports of one service may well.
fn duplicate(
    configuration: &str,
    domain: &str,
    older: &VirtualHost,
    newer: &VirtualHost,
) -> Vec<Diagnostic> {
    if older.origin == newer.origin {
        return Vec::new();
    }
    let say = |object: &ObjectKey, message: String| Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(object.clone()),
        path: String::new(),
        message,
    };
    vec![
        say(
            &newer.origin,
            format!(
                "requests for {domain} (routes {configuration}) go to {}, which is older and has \
                 the same host name or address; give one of them another",
                older.origin
            ),
        ),
        say(
            &older.origin,
            format!(
                "{} has the same host name or address, {domain} (routes {configuration}); \
                 requests go here, as this one is older; give one of them another",
                newer.origin
            ),
        ),
    ]
}

/// A route configuration from its name and its encoded virtual hosts.
pub fn assemble<'a>(
    name: &str,
    ignore_port: bool,
    hosts: impl IntoIterator<Item = &'a Bytes> + Clone,
) -> Bytes {
    let head = encode(&RouteConfiguration {
        name: name.into(),
        validate_clusters: Some(boolean(false)),
        max_direct_response_body_size_bytes: Some(uint32(MAX_DIRECT_RESPONSE_BYTES)),
        ignore_port_in_host_matching: ignore_port,
        ..RouteConfiguration::default()
    });
    let size = head.len() + hosts.clone().into_iter().map(Bytes::len).sum::<usize>();
    let mut body = BytesMut::with_capacity(size);
    body.extend_from_slice(&head);
    hosts.into_iter().for_each(|host| body.extend_from_slice(host));
    body.freeze()
}
