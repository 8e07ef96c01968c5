//! Where a gateway's byte streams go: the network filters behind a server that does not read HTTP.

use std::time::Duration;

use crate::api::networking::common::Destination;
use crate::api::networking::virtual_service::RouteDestination;
use crate::api::duration::GoDuration;
use crate::api::{ObjectKey, Protocol};
use crate::model::{MergedRule, Routing, Service};
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::listener::v3::Filter;
use crate::proto::envoy::envoy::extensions::filters::network::mongo_proxy::v3::MongoProxy;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::weighted_cluster::ClusterWeight;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::{
    ClusterSpecifier, TunnelingConfig, WeightedCluster,
};
use crate::proto::envoy::envoy::r#type::v3::HashPolicy;
use crate::proto::envoy::envoy::r#type::v3::hash_policy::{PolicySpecifier, SourceIp};
use crate::translate::capability::Capability;
use crate::translate::common::name::outbound_cluster;
use crate::translate::common::value::duration;
use crate::translate::listener::connection_manager::Side;
use crate::translate::listener::profile::Profile;
use crate::translate::listener::tcp::{filter, metadata_exchange, stats_filter};
use crate::translate::translator::Context;

/// Where byte streams go, and how they are treated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// Of statistics.
    pub stat_prefix: String,
    /// The clusters with their weights; one without a weight takes all.
    pub clusters: Vec<(String, u32)>,
    /// They are MongoDB's.
    pub mongo: bool,
    /// The client is of the mesh and tells who it is.
    pub exchange: bool,
    /// What the DestinationRule of the first destination asks.
    pub policy: Policy,
    /// The objects that decided it.
    pub origins: Vec<ObjectKey>,
}

/// What a DestinationRule asks of connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    idle_timeout: Option<Duration>,
    max_duration: Option<Duration>,
    hash_source_ip: bool,
    /// `HOST:PORT` that is asked for, and whether by POST.
    tunnel: Option<(String, bool)>,
}

impl Policy {
    /// Of a rule, for a subset if one is named.
    pub fn of(rule: &MergedRule, subset: &str) -> Policy {
        let said = rule.tcp_policy((!subset.is_empty()).then_some(subset));
        Policy {
            idle_timeout: said.idle_timeout.map(|GoDuration(time)| time),
            max_duration: said.max_connection_duration.map(|GoDuration(time)| time),
            hash_source_ip: said.hash_source_ip,
            tunnel: said.tunnel.map(|tunnel| {
                let target = authority(&tunnel.target_host, tunnel.target_port);
                (target, *tunnel.protocol == *"POST")
            }),
        }
    }

    /// Without the tunnel: through one, TLS would not arrive where the server name says.
    pub fn untunnelled(self) -> Policy {
        Policy { tunnel: None, ..self }
    }
}

/// `HOST:PORT`, with an IPv6 address in brackets.
pub fn authority(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl Stream {
    /// To the destinations of a VirtualService's route, through a server whose own port is `port`. None where no
    /// destination is left.
    pub fn of_route(
        context: &Context<'_>,
        routing: &Routing,
        route: &[RouteDestination],
        port: u16,
        protocol: Protocol,
    ) -> Option<Stream> {
        let first = &route.first()?.destination;
        let known = |destination: &Destination| context.hosts.find(&destination.host);
        let cluster = |destination| cluster(destination, known(destination).map(|s| &**s), port);
        let service = known(first);
        let rule = service.and_then(|service| context.rules.of(&service.key));
        let several = route.len() > 1;
        let clusters: Vec<(String, u32)> = match several {
            false => vec![(cluster(first), 0)],
            true => route
                .iter()
                .filter_map(|to| {
                    let weight = u32::try_from(to.weight).ok().filter(|weight| *weight > 0)?;
                    Some((cluster(&to.destination), weight))
                })
                .collect(),
        };
        let meta = &routing.config.meta;
        let stat_prefix = match several {
            true => format!("{}.{}", meta.name, meta.namespace),
            false => clusters.first()?.0.clone(),
        };
        clusters.first()?;
        let services = route.iter().filter_map(|to| known(&to.destination));
        let mut origins: Vec<ObjectKey> = services.map(|service| service.origin.clone()).collect();
        origins.extend(routing.origins.iter().cloned());
        origins.extend(rule.into_iter().flat_map(|rule| rule.origins()));
        // Of several subsets none can speak for all.
        let subset = if several { "" } else { &*first.subset };
        Some(Stream {
            stat_prefix,
            clusters,
            mongo: protocol == Protocol::Mongo,
            exchange: false,
            policy: rule.map(|rule| Policy::of(rule, subset)).unwrap_or_default(),
            origins,
        })
    }

    /// The network filters.
    pub fn filters(&self, profile: &Profile) -> Vec<Filter> {
        let mut filters: Vec<Filter> = Vec::new();
        filters.extend(self.exchange.then(|| metadata_exchange(profile)).flatten());
        filters.extend(stats_filter(profile, Side::Gateway));
        if self.mongo && profile.capabilities.has(Capability::MongoProxy) {
            let config =
                MongoProxy { stat_prefix: self.stat_prefix.clone(), ..MongoProxy::default() };
            filters.push(filter("envoy.filters.network.mongo_proxy", any(&config)));
        }
        filters.push(filter("envoy.filters.network.tcp_proxy", any(&self.tcp_proxy(profile))));
        filters
    }

    fn tcp_proxy(&self, profile: &Profile) -> TcpProxy {
        let Policy { idle_timeout, max_duration, hash_source_ip, tunnel } = &self.policy;
        let weighted = |(name, weight): &(String, u32)| ClusterWeight {
            name: name.clone(),
            weight: *weight,
            ..ClusterWeight::default()
        };
        let to = match &*self.clusters {
            [(only, 0)] => ClusterSpecifier::Cluster(only.clone()),
            several => ClusterSpecifier::WeightedClusters(WeightedCluster {
                clusters: several.iter().map(weighted).collect(),
            }),
        };
        let by_source =
            || HashPolicy { policy_specifier: Some(PolicySpecifier::SourceIp(SourceIp {})) };
        TcpProxy {
            stat_prefix: self.stat_prefix.clone(),
            idle_timeout: idle_timeout.or(profile.idle_timeout).map(duration),
            max_downstream_connection_duration: max_duration.map(duration),
            hash_policy: hash_source_ip.then(by_source).into_iter().collect(),
            tunneling_config: tunnel.as_ref().map(|(hostname, use_post)| TunnelingConfig {
                hostname: hostname.clone(),
                use_post: *use_post,
                ..TunnelingConfig::default()
            }),
            cluster_specifier: Some(to),
            ..TcpProxy::default()
        }
    }
}

/// The cluster of a destination. Without a port it is the only one that the service has, else that of the server.
fn cluster(destination: &Destination, service: Option<&Service>, port: u16) -> String {
    let asked = destination.port.as_ref().and_then(|port| u16::try_from(port.number).ok());
    let only = service.and_then(|service| match &*service.ports {
        [only] => Some(only.number),
        _ => None,
    });
    let alias = service.map(|service| &*service.external_name).filter(|name| !name.is_empty());
    let host = alias.unwrap_or(&destination.host);
    outbound_cluster(asked.or(only).unwrap_or(port), &destination.subset, host)
}
