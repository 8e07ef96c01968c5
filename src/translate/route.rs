//! Route configurations (RDS).
//!
//! A sidecar has one for each port on which services share a listener (`80`), one for each listener of a
//! service of its own (`web.shop.svc.cluster.local:80`), one for each HTTP listener of its Sidecar, and `http_proxy`
//! for explicit proxying. Names are decided by [`names`] and [`listener::bind`](super::listener::bind). Virtual hosts
//! are sorted by name.

pub mod default_route;
pub mod domains;
pub mod http;
pub mod names;
pub mod reach;
pub mod table;
pub mod unique;
pub mod virtual_host;
pub mod wanted;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use self::names::Wish;
use self::reach::Reach;
use self::table::Table;
use self::virtual_host::{Answers, Key, Names, VirtualHost};
use self::wanted::{Host, Wanted};
use super::hosts::Hosts;
use super::memo::{Counts, Memo, Recent, ResourceMemo, Same};
use super::resource::Resource;
use super::rules::ServiceRules;
use super::scope::Scope;
use super::translator::{Built, Context};
use super::visible::Egress;
use crate::api::mesh::OutboundPolicy;
use crate::api::networking::virtual_service::HttpRetry;
use crate::api::{Diagnostic, Str};
use crate::model::ProxyKind;
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
    scopes: Recent<Inputs, Built>,
    tables: Memo<table::Key, Table>,
    hosts: Memo<Key, VirtualHost>,
    configurations: ResourceMemo<Parts>,
    /// Of proxies that have none.
    nothing: Arc<Built>,
}

impl Memos {
    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.scopes.sweep();
        self.configurations.sweep();
        // Behind those whose keys hold them.
        self.hosts.sweep();
        self.tables.sweep();
    }

    /// How many resources were built, and how many were found, since the start.
    pub fn counts(&self) -> Counts {
        self.configurations.counts()
    }
}

/// What the configurations of a scope depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Inputs {
    egress: Same<[Egress]>,
    hosts: Same<Hosts>,
    rules: Same<ServiceRules>,
    retries: Option<HttpRetry>,
    scope: Scope,
}

/// What a configuration consists of.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    name: Str,
    hosts: Vec<Same<VirtualHost>>,
    /// The virtual host of all other hosts, if there is one.
    others: Option<Others>,
    /// A request for `host:port` is one for `host`.
    ignore_port: bool,
}

/// What happens to hosts that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Others {
    policy: OutboundPolicy,
    egress_proxy: Option<Str>,
    attempt_count: bool,
    forwarded_host: bool,
}

impl Others {
    fn of(scope: &Scope) -> Others {
        Others {
            policy: scope.outbound_policy,
            egress_proxy: scope.egress_proxy.clone(),
            attempt_count: scope.attempt_count,
            forwarded_host: scope.forwarded_host,
        }
    }

    fn entry(&self) -> Bytes {
        let Others { policy, ref egress_proxy, attempt_count, forwarded_host } = *self;
        virtual_host::catch_all(policy, egress_proxy.as_deref(), attempt_count, forwarded_host)
    }
}

/// The route configurations that the listeners of a sidecar may refer to. Those of a gateway come from its
/// Gateway objects.
pub fn configurations(context: &Context<'_>, memos: &mut Memos) -> Arc<Built> {
    if context.scope.kind != ProxyKind::Sidecar {
        return memos.nothing.clone();
    }
    // Where endpoints are does not matter here.
    let scope = Scope { place: None, node: None, ..context.scope.clone() };
    let inputs = Inputs {
        egress: Same(context.visible.egress.clone()),
        hosts: Same(context.hosts.clone()),
        rules: Same(context.rules.clone()),
        retries: context.snapshot.mesh.default_http_retry_policy.clone(),
        scope,
    };
    let Memos { scopes, tables, hosts, configurations, .. } = memos;
    scopes.get(inputs, |_| {
        let diagnostics = Vec::new();
        let builder = Builder { context, tables, hosts, configurations, diagnostics };
        builder.build()
    })
}

/// The answer to a name that does not exist, on which a listener may wait: what happens to unknown hosts.
pub fn absent(scope: &Scope, name: &str) -> Resource {
    let (hosts, ignore_port) = match scope.kind {
        ProxyKind::Sidecar => (Others::of(scope).entry(), true),
        _ => (virtual_host::black_hole(port_of(name)), true),
    };
    Resource::new(name.into(), assemble(name, ignore_port, [&hosts]), [])
}

/// The port in the name of a gateway's configuration: `8080` of `http.8080`, `443` of `https.443.web.gw.shop`.
fn port_of(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or(name)
}

struct Builder<'a> {
    context: &'a Context<'a>,
    tables: &'a mut Memo<table::Key, Table>,
    hosts: &'a mut Memo<Key, VirtualHost>,
    configurations: &'a mut ResourceMemo<Parts>,
    diagnostics: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn build(mut self) -> Built {
        let context = self.context;
        let wishes = names::wishes(context);
        let mut resources = Vec::new();
        for (index, egress) in context.visible.egress.iter().enumerate() {
            let of_this = wishes.iter().filter(|wish| wish.egress == index);
            let mut by_port: BTreeMap<Option<u16>, Vec<&Wish>> = BTreeMap::new();
            of_this.for_each(|wish| by_port.entry(wish.port).or_default().push(wish));
            if by_port.is_empty() {
                continue;
            }
            let reach = Reach::new(&egress.services.0, &egress.routing.0);
            for (port, wishes) in by_port {
                resources.extend(self.on_port(&reach, port, &wishes));
            }
        }
        self.diagnostics.sort();
        self.diagnostics.dedup();
        Built { resources, diagnostics: self.diagnostics }
    }

    /// The configurations of one port, which look for virtual hosts among the same.
    fn on_port(
        &mut self,
        reach: &Reach<'_>,
        port: Option<u16>,
        wishes: &[&Wish],
    ) -> Vec<Arc<Resource>> {
        let scope = self.context.scope;
        let wanted = wanted::on_port(self.context, reach, port, self.tables);
        for one in &wanted {
            self.diagnostics.extend(one.table.diagnostics.iter().cloned());
        }
        let named = port.map_or_else(|| HTTP_PROXY.to_owned(), |port| port.to_string());
        let hosts = &mut *self.hosts;
        let build = |wanted: &Wanted, except| {
            host(hosts, wanted, answers(wanted, scope, port, except), scope)
        };
        let kept = unique::keep(&named, wanted, build, &mut self.diagnostics);
        let mut by_domain: HashMap<&str, &Wanted, rapidhash::fast::RandomState> =
            HashMap::default();
        if wishes.iter().any(|wish| wish.only.is_some()) {
            by_domain.extend(kept.iter().flat_map(|(wanted, host)| {
                host.domains.iter().map(move |domain| (domain.as_str(), wanted))
            }));
        }
        let mut resources = Vec::new();
        for wish in wishes {
            resources.push(match &wish.only {
                None => {
                    let all = kept.iter().map(|(_, host)| host.clone()).collect();
                    self.configuration(&wish.name, all, Some(Others::of(scope)), port.is_some())
                }
                Some(only) => {
                    let found = by_domain.get(&**only);
                    let host =
                        found.map(|wanted| host(self.hosts, wanted, Answers::Everyone, scope));
                    self.configuration(&wish.name, host.into_iter().collect(), None, true)
                }
            });
        }
        resources
    }

    fn configuration(
        &mut self,
        name: &str,
        mut hosts: Vec<Arc<VirtualHost>>,
        others: Option<Others>,
        ignore_port: bool,
    ) -> Arc<Resource> {
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        let hosts = hosts.into_iter().map(Same).collect();
        let parts = Parts { name: name.into(), hosts, others, ignore_port };
        self.configurations.get(parts, |parts| {
            let others = parts.others.as_ref().map(Others::entry);
            let entries = parts.hosts.iter().map(|Same(host)| &host.entry).chain(&others);
            let body = assemble(&parts.name, parts.ignore_port, entries);
            let origins = parts.hosts.iter().flat_map(|Same(host)| host.origins.iter().cloned());
            Resource::new(parts.name.clone(), body, origins)
        })
    }
}

/// To what a virtual host answers among others, on a listener of one port or of all.
fn answers(wanted: &Wanted, scope: &Scope, port: Option<u16>, except: Vec<String>) -> Answers {
    let with_port = port.is_none();
    match &wanted.host {
        Host::Service(Same(service)) => {
            Answers::Service(Names::of(service, scope, with_port).without(except))
        }
        Host::Name(..) => Answers::Name { with_port, except },
    }
}

fn host(
    hosts: &mut Memo<Key, VirtualHost>,
    wanted: &Wanted,
    answers: Answers,
    scope: &Scope,
) -> Arc<VirtualHost> {
    let key = Key {
        host: wanted.host.clone(),
        port: wanted.port,
        answers,
        table: Same(wanted.table.clone()),
        attempt_count: scope.attempt_count,
        session: match &wanted.host {
            Host::Service(Same(service)) => scope.session(service),
            Host::Name(..) => None,
        },
    };
    hosts.get(key, Key::build)
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
