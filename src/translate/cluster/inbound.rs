//! The clusters through which a sidecar reaches its own workload.

use std::sync::Arc;

use super::base::{Facts, inbound_bind_config, service_cluster};
use super::policy::Policy;
use super::pool::Limits;
use super::protocol::{HttpOptions, HttpVersion};
use super::stat_name::of_pattern;
use crate::api::mesh::InboundPolicy;
use crate::api::networking::destination_rule::ConnectionPool;
use crate::api::{ObjectKey, Protocol};
use crate::model::{MergedRule, Port, Service};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{DiscoveryType, LbPolicy};
use crate::proto::envoy::envoy::config::core::v3::Address;
use crate::proto::envoy::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint::HostIdentifier,
};
use crate::proto::envoy::google::protobuf::Duration;
use crate::translate::common::address::{address, pipe};
use crate::translate::common::name::inbound_cluster;
use crate::translate::common::value::seconds;
use crate::translate::ingress::Application;
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
    /// What decides what is spoken: the port of the oldest service, or that of the Sidecar.
    pub port: (u16, Protocol),
    /// Where the application listens.
    pub application: Application,
    /// The Sidecar, where it describes the port.
    pub sidecar: Option<ObjectKey>,
    /// The rule that the workload follows for traffic to the oldest service.
    pub rule: Option<Same<MergedRule>>,
    /// Limits that the workload has set itself, instead of those of the rule.
    pub pool: Option<Arc<ConnectionPool>>,
    /// What the mesh decides.
    pub policy: Same<Policy>,
    /// The address families of the workload.
    pub families: Families,
    /// See [`Scope::preserve_case`](crate::translate::Scope::preserve_case).
    pub preserve_case: bool,
}

/// The cluster of a port of the workload, as a resource. `port` is the one that the key is of.
pub fn resource(key: &Key, port: &Port) -> Resource {
    let name = inbound_cluster(key.target_port);
    let cluster = cluster(key, port, &name);
    let services = key.services.iter().map(|Same(service)| service.origin.clone());
    let rules = key.rule.iter().flat_map(|Same(rule)| rule.origins());
    let origins = services.chain(rules).chain(key.sidecar.clone());
    Resource::new(name.into(), encode::encode(&cluster), origins)
}

fn cluster(key: &Key, port: &Port, name: &str) -> Cluster {
    let policy = &key.policy.0;
    let services = key.services.iter().map(|Same(service)| &**service);
    // A rule without a policy for everything says nothing of a server.
    let rule = key.rule.as_ref().map(|Same(rule)| &**rule);
    let rule = rule.filter(|rule| rule.spec.traffic_policy.is_some());
    let facts = Facts { rule, ..Facts::default() };
    let endpoint = match (&key.application, policy.inbound) {
        (Application::Original, _) | (Application::AsMesh, InboundPolicy::Passthrough) => None,
        (Application::AsMesh, InboundPolicy::Localhost) => {
            Some(address(key.families.loopback(), key.target_port))
        }
        (Application::At(ip, port), _) => Some(address(ip, *port)),
        (Application::Socket(path), _) => Some(pipe(path)),
    };
    // What goes to the loopback address is not redirected again, and needs no mark.
    let marked = match &key.application {
        Application::At(ip, _) => !ip.is_loopback(),
        Application::AsMesh => endpoint.is_none(),
        Application::Original | Application::Socket(_) => true,
    };
    let kind = match endpoint {
        Some(_) => DiscoveryType::Static,
        None => DiscoveryType::OriginalDst,
    };
    let mut cluster = Cluster {
        // With one endpoint there is nothing to choose.
        lb_policy: match endpoint {
            Some(_) => LbPolicy::RoundRobin,
            None => LbPolicy::ClusterProvided,
        }
        .into(),
        cleanup_interval: endpoint.is_none().then_some(CLEANUP_INTERVAL),
        upstream_bind_config: marked.then(|| inbound_bind_config(key.families)),
        load_assignment: endpoint.map(|endpoint| only(name, endpoint)),
        ..service_cluster(name, kind, policy, services, facts)
    };
    if let (pattern, Some(Same(service))) = (&policy.inbound_stat_name, key.services.first())
        && !pattern.is_empty()
    {
        cluster.alt_stat_name = of_pattern(pattern, service, "", port, key.target_port);
    }
    let version = HttpVersion::of(port.protocol, true);
    let preserve_case = key.preserve_case && version.has_case(port.protocol);
    let mut http = HttpOptions { version, preserve_case, ..HttpOptions::default() };
    let settings = rule.map(|rule| rule.policy(port.number, None)).unwrap_or_default();
    let limits = Limits {
        pool: key.pool.as_deref().or(settings.connection_pool),
        retry_budget: settings.retry_budget,
    };
    limits.apply(policy, &mut cluster, &mut http);
    http.apply(&mut cluster);
    cluster
}

/// The assignment of an only endpoint.
fn only(name: &str, address: Address) -> ClusterLoadAssignment {
    let endpoint = LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(Endpoint {
            address: Some(address),
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
