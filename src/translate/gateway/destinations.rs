//! Where a server's traffic goes that is not read as HTTP: which VirtualService routes it, or which service is meant.

use super::bound::Bound;
use super::stream::{Carried, of_route};
use crate::api::networking::virtual_service::{L4Match, TlsMatch};
use crate::api::{ObjectKey, Protocol, Str, host};
use crate::model::destination_rule::TcpPolicy;
use crate::model::gateway::GatewayServer;
use crate::model::{Port, Routing, Service};
use crate::translate::cluster::stat_name::filled;
use crate::translate::common::name::sni;
use crate::translate::listener::streams::stream;
use crate::translate::translator::Context;

/// TLS that goes to one place.
#[derive(Debug)]
pub struct Found {
    /// For these server names.
    pub server_names: Vec<Str>,
    /// There.
    pub carried: Carried,
    /// The object that says so and where; None for the Gateway itself.
    pub asker: Option<(ObjectKey, String)>,
}

/// See the module.
#[derive(Debug)]
pub struct Destinations<'a> {
    context: &'a Context<'a>,
    bound: Bound<'a>,
}

impl<'a> Destinations<'a> {
    /// As the proxies of a scope see them.
    pub fn new(context: &'a Context<'a>) -> Destinations<'a> {
        Destinations { context, bound: Bound::new(context) }
    }

    /// Where all connections of a server go: the first route that is for it.
    pub fn of_tcp(&mut self, server: &GatewayServer) -> Option<Carried> {
        let routings = self.bound.to(server);
        routings.iter().find_map(|routing| {
            let mut routes = routing.spec.tcp.iter().filter(|route| {
                route.matches.is_empty() || route.matches.iter().any(|m| applies_tcp(m, server))
            });
            routes.find_map(|route| of_route(self.context, routing, &route.route, server))
        })
    }

    /// Where TLS goes that is routed by server name.
    pub fn of_tls(&mut self, server: &GatewayServer) -> Vec<Found> {
        let routings = self.bound.to(server);
        routings.iter().flat_map(|routing| self.routes(routing, server)).collect()
    }

    fn routes(&self, routing: &Routing, server: &GatewayServer) -> Vec<Found> {
        let mut found = Vec::new();
        for (index, route) in routing.spec.tls.iter().enumerate() {
            for (place, matched) in route.matches.iter().enumerate() {
                if !applies_tls(matched, server) {
                    continue;
                }
                let Some(carried) = of_route(self.context, routing, &route.route, server) else {
                    continue;
                };
                let path = format!("spec.tls[{index}].match[{place}].sniHosts");
                found.push(Found {
                    server_names: matched.sni_hosts.clone(),
                    carried,
                    asker: Some((routing.config.key(), path)),
                });
            }
        }
        found
    }

    /// TLS between workloads of the mesh, whose server name says which cluster is meant: of each service among these
    /// hosts, oldest first.
    pub fn of_services(&self, hosts: &[Str]) -> Vec<Found> {
        let is_meant = |service: &Service| {
            hosts.iter().any(|pattern| host::covers(pattern, &service.key.hostname))
        };
        let services = self.context.services.iter();
        let services = services.filter(|service| !service.mesh_external && is_meant(service));
        services.flat_map(|service| self.of_service(service)).collect()
    }

    fn of_service(&self, service: &Service) -> Vec<Found> {
        let rule = self.context.rules.of(&service.key);
        let named = rule.into_iter().flat_map(|rule| &rule.spec.subsets);
        let subsets: Vec<&str> = std::iter::once("").chain(named.map(|s| &*s.name)).collect();
        let mut origins = vec![service.origin.clone()];
        origins.extend(rule.into_iter().flat_map(|rule| rule.origins()));
        let ports = service.ports.iter().filter(|port| port.protocol != Protocol::Udp);
        let to = |port: &Port, subset: &str| {
            let cluster = sni(port.number, subset, &service.key.hostname);
            let named = (!subset.is_empty()).then_some(subset);
            let policy = rule.map(|rule| rule.tcp_policy(named)).unwrap_or_default();
            let pattern = &self.context.snapshot.mesh.outbound_cluster_stat_name;
            let counted = match &**pattern {
                "" => cluster.clone(),
                pattern => filled(pattern, service, subset, port, 0),
            };
            // Through a tunnel TLS would not arrive where its server name says.
            let policy = TcpPolicy { tunnel: None, ..policy };
            Found {
                server_names: vec![cluster.as_str().into()],
                carried: Carried {
                    stream: stream(counted, vec![(cluster, 0)], port.protocol, policy),
                    origins: origins.clone(),
                },
                asker: None,
            }
        };
        ports
            .flat_map(|port| subsets.iter().map(|subset| to(port, subset)).collect::<Vec<Found>>())
            .collect()
    }
}

fn applies_tcp(matched: &L4Match, server: &GatewayServer) -> bool {
    applies(matched.port, &matched.gateways, server)
}

fn applies_tls(matched: &TlsMatch, server: &GatewayServer) -> bool {
    applies(matched.port, &matched.gateways, server)
}

/// Gateways look at nothing else: what stands before them has no labels, and its address is theirs.
fn applies(port: u32, gateways: &[Str], server: &GatewayServer) -> bool {
    (port == 0 || port == u32::from(server.port))
        && (gateways.is_empty() || gateways.contains(&server.gateway))
}
