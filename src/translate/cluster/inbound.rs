//! The clusters through which a sidecar reaches its own workload.

use std::sync::Arc;

use super::base::{Facts, inbound_bind_config, service_cluster};
use super::policy::Policy;
use super::pool::Limits;
use super::protocol::{HttpOptions, HttpVersion};
use super::stat_name::of_pattern;
use crate::api::mesh::InboundPolicy;
use crate::api::networking::destination_rule::ConnectionPool;
use crate::model::{MergedRule, Port, Service};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::DiscoveryType;
use crate::proto::envoy::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint::HostIdentifier,
};
use crate::proto::envoy::google::protobuf::Duration;
use crate::translate::common::address::address;
use crate::translate::common::name::inbound_cluster;
use crate::translate::common::value::seconds;
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::scope::Families;

/// Connections to the application are never closed because the cluster was idle. Envoy keeps the interval in
/// nanoseconds; this is the longest that Istio sends.
const CLEANUP_INTERVAL: Duration = seconds(9_223_372_035);

/// What an inbound cluster is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The port on the workload.
    pub target_port: u16,
    /// The services that lead to the port, the oldest first.
    pub services: Vec<Same<Service>>,
    /// Index of the port in the oldest service, which decides what is spoken.
    pub port: usize,
    /// The rule that the workload follows for traffic to the oldest service.
    pub rule: Option<Same<MergedRule>>,
    /// Limits that the workload has set itself, instead of those of the rule.
    pub pool: Option<Arc<ConnectionPool>>,
    /// What the mesh decides.
    pub policy: Same<Policy>,
    /// The address families of the workload.
    pub families: Families,
}

/// The cluster of a port of the workload, as a resource. `port` is the one that the key's index names.
pub fn resource(key: &Key, port: &Port) -> Resource {
    let name = inbound_cluster(key.target_port);
    let cluster = cluster(key, port, &name);
    let services = key.services.iter().map(|Same(service)| service.origin.clone());
    let rules = key.rule.iter().flat_map(|Same(rule)| rule.origins());
    let origins = services.chain(rules);
    Resource::new(name.into(), encode::encode(&cluster), origins)
}

fn cluster(key: &Key, port: &Port, name: &str) -> Cluster {
    let policy = &key.policy.0;
    let services = key.services.iter().map(|Same(service)| &**service);
    // A rule without a policy for everything says nothing of a server.
    let rule = key.rule.as_ref().map(|Same(rule)| &**rule);
    let rule = rule.filter(|rule| rule.spec.traffic_policy.is_some());
    let facts = Facts { rule, ..Facts::default() };
    let mut cluster = match policy.inbound {
        InboundPolicy::Passthrough => Cluster {
            cleanup_interval: Some(CLEANUP_INTERVAL),
            upstream_bind_config: Some(inbound_bind_config(key.families)),
            ..service_cluster(name, DiscoveryType::OriginalDst, policy, services, facts)
        },
        InboundPolicy::Localhost => Cluster {
            load_assignment: Some(loopback(name, key)),
            ..service_cluster(name, DiscoveryType::Static, policy, services, facts)
        },
    };
    if let (pattern, Some(Same(service))) = (&policy.inbound_stat_name, key.services.first())
        && !pattern.is_empty()
    {
        cluster.alt_stat_name = of_pattern(pattern, service, "", port, key.target_port);
    }
    let version = HttpVersion::of(port.protocol, true);
    let mut http = HttpOptions { version, ..HttpOptions::default() };
    let settings = rule.map(|rule| rule.policy(port.number, None)).unwrap_or_default();
    let limits = Limits {
        pool: key.pool.as_deref().or(settings.connection_pool),
        retry_budget: settings.retry_budget,
    };
    limits.apply(policy, &mut cluster, &mut http);
    http.apply(&mut cluster);
    cluster
}

/// The only endpoint: the port on the loopback address.
fn loopback(name: &str, key: &Key) -> ClusterLoadAssignment {
    let endpoint = LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(Endpoint {
            address: Some(address(key.families.loopback(), key.target_port)),
            ..Endpoint::default()
        })),
        ..LbEndpoint::default()
    };
    ClusterLoadAssignment {
        cluster_name: name.into(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: vec![endpoint],
            ..LocalityLbEndpoints::default()
        }],
        ..ClusterLoadAssignment::default()
    }
}
