//! Where byte streams to a service lead: by the TLS and TCP routes of VirtualServices, else to the service itself.
//!
//! What can be decided for a client (its labels, its namespace, the port) is decided here; what only a connection
//! tells (its server name, its address) is left to filter chains.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chain::{Chain, Database, Forward, Leads, Match, Stream, Tunnel};
use crate::api::host::{is_wildcard, overlap};
use crate::api::meta::selects;
use crate::api::networking::common::Destination;
use crate::api::networking::virtual_service::RouteDestination;
use crate::api::{Labels, ObjectKey, Str};
use crate::model::destination_rule::TcpPolicy;
use crate::model::virtual_service::MESH;
use crate::model::{Block, MergedRule, Protocol, Routing, Service};
use crate::translate::common::name::outbound_cluster;
use crate::translate::route::domains::{ShortForms, hosts};
use crate::translate::translator::Context;

/// The TLS and TCP routes that clients follow through one egress listener.
pub struct Streams<'a> {
    context: &'a Context<'a>,
    /// Those of full host names.
    exact: BTreeMap<&'a str, Vec<usize>>,
    /// Those of wildcards.
    wildcards: Vec<(&'a str, usize)>,
    routing: &'a [Arc<Routing>],
}

/// A port through which a service is reached.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The service.
    pub service: &'a Service,
    /// The port that clients connect to; 0 for a unix socket.
    pub port: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// The addresses that it is told by.
    pub blocks: &'a [Block],
    /// Others may stand on the same place: TLS has to name the service.
    pub named: bool,
}

/// What a match decides for a client, whatever the connection.
struct Conditions<'a> {
    port: u32,
    gateways: &'a [Str],
    labels: &'a Labels,
    namespace: &'a str,
}

impl<'a> Streams<'a> {
    /// Of these VirtualServices.
    pub fn new(context: &'a Context<'a>, routing: &'a [Arc<Routing>]) -> Streams<'a> {
        let (mut exact, mut wildcards) = (BTreeMap::new(), Vec::new());
        for (index, routing) in routing.iter().enumerate() {
            if routing.spec.tls.is_empty() && routing.spec.tcp.is_empty() {
                continue;
            }
            for host in &routing.spec.hosts {
                if is_wildcard(host) {
                    wildcards.push((&**host, index));
                } else {
                    exact.entry(&**host).or_insert_with(Vec::new).push(index);
                }
            }
        }
        Streams { context, exact, wildcards, routing }
    }

    /// The filter chains of a target, in the order in which they count.
    pub fn chains(&self, target: Target<'_>) -> Vec<Chain> {
        if target.protocol.is_tls() { self.tls(target) } else { self.tcp(target) }
    }

    /// The VirtualServices of a host, or of one that it may mean.
    fn of_host(&self, host: &str) -> Vec<&'a Arc<Routing>> {
        let mut found: BTreeSet<usize> = match is_wildcard(host) {
            false => self.exact.get(host).into_iter().flatten().copied().collect(),
            true => {
                let covered = self.exact.iter().filter(|(exact, _)| overlap(host, exact));
                covered.flat_map(|(_, list)| list).copied().collect()
            }
        };
        let wildcards = self.wildcards.iter().filter(|(pattern, _)| overlap(pattern, host));
        found.extend(wildcards.map(|(_, index)| *index));
        found.into_iter().filter_map(|index| self.routing.get(index)).collect()
    }

    fn tls(&self, target: Target<'_>) -> Vec<Chain> {
        let mut chains = Vec::new();
        let mut seen = BTreeSet::new();
        // As Istio has it, the networks of a match also count for those behind it that have none.
        let mut blocks = target.blocks.to_vec();
        for routing in self.of_host(&target.service.key.hostname) {
            let routes = routing.spec.tls.iter().filter(|tls| !tls.route.is_empty());
            let matches = routes.flat_map(|tls| tls.matches.iter().map(move |m| (tls, m)));
            for (tls, matched) in matches {
                let conditions = Conditions {
                    port: matched.port,
                    gateways: &matched.gateways,
                    labels: &matched.source_labels,
                    namespace: &matched.source_namespace,
                };
                if !self.holds(&conditions, target.port) {
                    continue;
                }
                if !matched.destination_subnets.is_empty() && target.port != 0 {
                    blocks = parse(&matched.destination_subnets);
                }
                if seen.insert((&matched.sni_hosts, &matched.destination_subnets)) {
                    let matches = Match {
                        server_names: sorted(matched.sni_hosts.iter().cloned()),
                        ..at(&blocks)
                    };
                    chains.extend(self.routed(routing, &tls.route, target, matches, true));
                }
            }
        }
        if seen.is_empty() {
            let names = (target.named || !blocks.is_empty()).then(|| self.names(target.service));
            let server_names = sorted(names.into_iter().flatten());
            chains.push(self.to_itself(target, Match { server_names, ..at(&blocks) }));
        }
        chains
    }

    fn tcp(&self, target: Target<'_>) -> Vec<Chain> {
        let mut chains = Vec::new();
        let own = at(target.blocks);
        let mut covered = false;
        for routing in self.of_host(&target.service.key.hostname) {
            for tcp in routing.spec.tcp.iter().filter(|tcp| !tcp.route.is_empty()) {
                let mut blocks = Vec::new();
                let mut all = tcp.matches.is_empty();
                for matched in &tcp.matches {
                    let conditions = Conditions {
                        port: matched.port,
                        gateways: &matched.gateways,
                        labels: &matched.source_labels,
                        namespace: &matched.source_namespace,
                    };
                    if self.holds(&conditions, target.port) {
                        all |= matched.destination_subnets.is_empty() || target.port == 0;
                        blocks.extend(parse(&matched.destination_subnets));
                    }
                }
                if all {
                    chains.extend(self.routed(routing, &tcp.route, target, own.clone(), true));
                    return chains;
                }
                if !blocks.is_empty() {
                    let matches = at(&blocks);
                    covered |= matches == own;
                    chains.extend(self.routed(routing, &tcp.route, target, matches, false));
                }
            }
        }
        if !covered {
            chains.push(self.to_itself(target, own));
        }
        chains
    }

    fn holds(&self, conditions: &Conditions<'_>, port: u16) -> bool {
        let Conditions { port: wanted, gateways, labels, namespace } = conditions;
        let scope = self.context.scope;
        (*wanted == 0 || *wanted == u32::from(port))
            && (gateways.is_empty() || gateways.iter().any(|gateway| &**gateway == MESH))
            && (namespace.is_empty() || *namespace == &*scope.namespace)
            && selects(labels, &scope.labels)
    }

    /// The names by which TLS asks for a service.
    fn names(&self, service: &Service) -> Vec<Str> {
        let own = std::iter::once(service.key.hostname.clone());
        let aliases = hosts(service).skip(1).flat_map(|host| {
            let short = ShortForms::of(host, &self.context.scope.dns_domain).expand(host);
            std::iter::once(Str::from(host)).chain(short.into_iter().map(Str::from))
        });
        own.chain(aliases).collect()
    }

    /// To the cluster of the service. A listener of another port leads to the only one that the service has.
    fn to_itself(&self, target: Target<'_>, matches: Match) -> Chain {
        let Target { service, port, .. } = target;
        let port = match service.ports.as_slice() {
            [only] => only.number,
            _ => port,
        };
        let cluster = outbound_cluster(port, "", &service.key.hostname);
        let rule = self.context.rules.of(&service.key);
        Chain {
            matches,
            leads: self.stream(
                cluster.clone(),
                vec![(cluster, 0)],
                target,
                rule,
                None,
                forward(service, port),
            ),
            config: None,
            origin: service.origin.clone(),
            others: rule.into_iter().flat_map(|rule| rule.origins()).collect(),
        }
    }

    /// To the destinations of a route. None if there is none with a share.
    fn routed(
        &self,
        routing: &Routing,
        route: &[RouteDestination],
        target: Target<'_>,
        matches: Match,
        tells_config: bool,
    ) -> Option<Chain> {
        let find = |destination: &Destination| self.context.hosts.find(&destination.host);
        let first = &route.first()?.destination;
        let rule = find(first).and_then(|service| self.context.rules.of(&service.key));
        let leads = match route {
            [only] => {
                let cluster = cluster(&only.destination, find(first), target.port);
                let subset = Some(&*first.subset).filter(|subset| !subset.is_empty());
                let forward = find(first)
                    .filter(|_| target.protocol.is_tls())
                    .and_then(|to| forward(to, port_of(first, Some(to), target.port)));
                self.stream(cluster.clone(), vec![(cluster, 0)], target, rule, subset, forward)
            }
            several => {
                let shares = several.iter().filter_map(|route| {
                    let share = u32::try_from(route.weight).ok().filter(|weight| *weight > 0)?;
                    let destination = &route.destination;
                    Some((cluster(destination, find(destination), target.port), share))
                });
                let shares: Vec<(String, u32)> = shares.collect();
                shares.first()?;
                let meta = &routing.config.meta;
                let prefix = format!("{}.{}", meta.name, meta.namespace);
                self.stream(prefix, shares, target, rule, None, None)
            }
        };
        let destinations = route.iter().filter_map(|route| find(&route.destination));
        let others: BTreeSet<ObjectKey> = std::iter::once(target.service.origin.clone())
            .chain(routing.origins.iter().cloned())
            .chain(destinations.map(|service| service.origin.clone()))
            .chain(rule.into_iter().flat_map(|rule| rule.origins()))
            .collect();
        Some(Chain {
            matches,
            leads,
            config: tells_config.then(|| routing.config.resource_path().into()),
            origin: routing.config.key(),
            others: others.into_iter().collect(),
        })
    }

    fn stream(
        &self,
        stat_prefix: String,
        clusters: Vec<(String, u32)>,
        target: Target<'_>,
        rule: Option<&Arc<MergedRule>>,
        subset: Option<&str>,
        forward: Option<Forward>,
    ) -> Leads {
        let policy = rule.map(|rule| rule.tcp_policy(subset)).unwrap_or_default();
        let stream = stream(stat_prefix, clusters, target.protocol, policy);
        Leads::Stream(Box::new(Stream { forward, ..stream }))
    }
}

/// Byte streams of a protocol to these clusters, as a DestinationRule wants them.
pub fn stream(
    stat_prefix: String,
    clusters: Vec<(String, u32)>,
    protocol: Protocol,
    policy: TcpPolicy<'_>,
) -> Stream {
    Stream {
        stat_prefix,
        clusters,
        protocol: Database::of(protocol),
        idle_timeout: policy.idle_timeout.map(|timeout| timeout.0),
        max_duration: policy.max_connection_duration.map(|limit| limit.0),
        hash_source_ip: policy.hash_source_ip,
        tunnel: policy.tunnel.map(|tunnel| Tunnel {
            target: match tunnel.target_host.contains(':') {
                true => format!("[{}]:{}", tunnel.target_host, tunnel.target_port),
                false => format!("{}:{}", tunnel.target_host, tunnel.target_port),
            },
            post: &*tunnel.protocol == "POST",
        }),
        forward: None,
    }
}

/// What resolves server names for the cluster of a service, if that stands for many. A unix socket has no port.
fn forward(service: &Service, port: u16) -> Option<Forward> {
    let forwards = service.forwards_by_name() && port != 0;
    forwards.then(|| Forward { host: service.key.hostname.clone(), port })
}

/// The cluster of a destination. Without a port it is the only one of the service, else that of the listener.
pub fn cluster(destination: &Destination, service: Option<&Arc<Service>>, port: u16) -> String {
    let port = port_of(destination, service, port);
    let host = service.map(|service| &service.external_name).filter(|name| !name.is_empty());
    let host = host.unwrap_or(&destination.host);
    outbound_cluster(port, &destination.subset, host)
}

fn port_of(destination: &Destination, service: Option<&Arc<Service>>, port: u16) -> u16 {
    let only = service.and_then(|service| match service.ports.as_slice() {
        [only] => Some(only.number),
        _ => None,
    });
    let named = destination.port.as_ref().and_then(|port| u16::try_from(port.number).ok());
    named.or(only).unwrap_or(port)
}

/// What is for these blocks of addresses.
fn at(blocks: &[Block]) -> Match {
    let mut blocks = blocks.to_vec();
    blocks.sort_by_cached_key(ToString::to_string);
    blocks.dedup();
    Match { blocks, ..Match::default() }
}

/// Blocks of addresses, as they are written. Validation tells of those that are none.
fn parse(texts: &[Str]) -> Vec<Block> {
    texts.iter().filter_map(|text| Block::parse(text)).collect()
}

fn sorted(names: impl Iterator<Item = Str>) -> Vec<Str> {
    names.collect::<BTreeSet<Str>>().into_iter().collect()
}
