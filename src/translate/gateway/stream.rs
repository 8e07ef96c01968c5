//! Where a gateway's byte streams go, as the routes of a VirtualService say.

use crate::api::ObjectKey;
use crate::api::networking::common::Destination;
use crate::api::networking::virtual_service::RouteDestination;
use crate::model::gateway::GatewayServer;
use crate::model::{Port, Routing};
use crate::translate::cluster::stat_name::filled;
use crate::translate::listener::chain::Stream;
use crate::translate::listener::streams::{cluster, stream};
use crate::translate::translator::Context;

/// Where byte streams go, and who says so.
#[derive(Clone, Debug)]
pub struct Carried {
    /// There.
    pub stream: Stream,
    /// The objects that decided it.
    pub origins: Vec<ObjectKey>,
}

/// To the destinations of a route, for the connections of a server. The DestinationRule of the first says how. None
/// where no destination is left.
pub fn of_route(
    context: &Context<'_>,
    routing: &Routing,
    route: &[RouteDestination],
    server: &GatewayServer,
) -> Option<Carried> {
    let find = |destination: &Destination| context.hosts.find(&destination.host);
    let to = |destination: &Destination| cluster(destination, find(destination), server.port);
    let first = &route.first()?.destination;
    let service = find(first);
    let rule = service.and_then(|service| context.rules.of(&service.key));
    let (stat_prefix, clusters, subset) = match route {
        [only] => {
            let cluster = to(&only.destination);
            let pattern = &context.snapshot.mesh.outbound_cluster_stat_name;
            let counted = match service.filter(|_| !pattern.is_empty()) {
                Some(service) => filled(pattern, service, &first.subset, &port(server), 0),
                None => cluster.clone(),
            };
            let subset = (!first.subset.is_empty()).then_some(&*first.subset);
            (counted, vec![(cluster, 0)], subset)
        }
        several => {
            let weighted = several.iter().filter_map(|route| {
                let weight = u32::try_from(route.weight).ok().filter(|weight| *weight > 0)?;
                Some((to(&route.destination), weight))
            });
            let weighted: Vec<(String, u32)> = weighted.collect();
            weighted.first()?;
            let meta = &routing.config.meta;
            (format!("{}.{}", meta.name, meta.namespace), weighted, None)
        }
    };
    let policy = rule.map(|rule| rule.tcp_policy(subset)).unwrap_or_default();
    let destinations = route.iter().filter_map(|route| find(&route.destination));
    let mut origins: Vec<ObjectKey> = destinations.map(|service| service.origin.clone()).collect();
    origins.extend(routing.origins.iter().cloned());
    origins.extend(rule.into_iter().flat_map(|rule| rule.origins()));
    Some(Carried { stream: stream(stat_prefix, clusters, server.protocol, policy), origins })
}

/// A server's port as services have them.
fn port(server: &GatewayServer) -> Port {
    Port {
        name: server.spec.port.name.clone(),
        number: server.port,
        protocol: server.protocol,
        target: crate::api::core::TargetPort::Number(server.port),
    }
}
