//! The assignment of one port of a service, or of a subset of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::balancing::Balancing;
use super::crossing::Crossing;
use super::groups::{self, Group, Member, Target};
use super::place::{CLUSTER, NETWORK};
use super::select::Reach;
use crate::api::{Labels, ObjectKey, Str};
use crate::model::endpoint::Address;
use crate::model::policy::peer::{Mode, Policies};
use crate::model::{Endpoint, Health, Port, Service, TlsMode};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::core::v3 as core;
use crate::proto::envoy::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint as EndpointAddress, LbEndpoint, LocalityLbEndpoints,
    endpoint::AdditionalAddress, lb_endpoint::HostIdentifier,
};
use crate::translate::common::address::address;
use crate::translate::common::metadata::{ISTIO, TRANSPORT_SOCKET_MATCH, filter_metadata};
use crate::translate::common::name::Purpose;
use crate::translate::common::value::uint32;
use crate::translate::memo::Same;
use crate::translate::resource::Resource;

/// What an assignment is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The service.
    pub service: Same<Service>,
    /// Index of the port in `service.ports`.
    pub port: usize,
    /// A named part of the endpoints; None for all.
    pub subset: Option<Part>,
    /// What it is for.
    pub purpose: Purpose,
    /// The endpoints of the port; None when there are none.
    pub endpoints: Option<Same<[Endpoint]>>,
    /// The objects that the endpoints come from.
    pub origins: Arc<[ObjectKey]>,
    /// The objects of the rule, as far as it shapes the assignment.
    pub rules: Vec<ObjectKey>,
    /// Which of the endpoints the proxy may use.
    pub reach: Reach,
    /// How it reaches other networks; None while no gateway joins networks, and all are reached directly.
    pub crossing: Option<Crossing>,
    /// How localities count.
    pub balancing: Balancing,
    /// The rule says how TLS is begun, so that endpoints do not.
    pub explicit_tls: bool,
    /// The policies of the endpoints' namespace, if some of them may take no mTLS on some ports.
    pub peers: Option<Same<Policies>>,
    /// Endpoints tell whose they are.
    pub telemetry: bool,
    /// They tell the names that the labels of their service say.
    pub as_service: bool,
}

/// The labels of canonical names.
const CANONICAL_NAME: &str = "service.istio.io/canonical-name";
const CANONICAL_REVISION: &str = "service.istio.io/canonical-revision";

/// A named part of a service's endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Its name.
    pub name: Str,
    /// The labels of its endpoints.
    pub labels: Labels,
}

/// The assignment of a port, as a resource.
pub fn resource(key: &Key, port: &Port) -> Resource {
    let service = &key.service.0;
    let subset = key.subset.as_ref().map_or("", |part| &part.name);
    let name = key.purpose.name(port.number, subset, &service.key.hostname);
    let groups = key.groups();
    let gateways: BTreeSet<ObjectKey> = members(&groups)
        .filter_map(|member| match member.target {
            Target::Gateway { gateway, .. } => gateway.origin.clone(),
            Target::Endpoint(..) => None,
        })
        .collect();
    let assignment = ClusterLoadAssignment {
        cluster_name: name.clone(),
        endpoints: groups.into_iter().map(|group| key.locality(group)).collect(),
        ..ClusterLoadAssignment::default()
    };
    let peers = key.peers.iter().flat_map(|Same(policies)| policies.origins());
    let origins = key.origins.iter().chain(&key.rules).cloned().chain(gateways).chain(peers);
    Resource::new(name.into(), encode::encode(&assignment), origins.chain([service.origin.clone()]))
}

fn members<'a, 'b>(groups: &'b [Group<'a>]) -> impl Iterator<Item = &'b Member<'a>> {
    groups.iter().flat_map(|group| &group.members)
}

impl Key {
    /// The endpoints, for a cluster that holds them itself.
    pub fn localities(&self) -> Vec<LocalityLbEndpoints> {
        self.groups().into_iter().map(|group| self.locality(group)).collect()
    }

    /// The usable endpoints, grouped by locality and priority.
    pub(super) fn groups(&self) -> Vec<Group<'_>> {
        let all = self.endpoints.as_ref().map_or(&[][..], |Same(list)| list);
        let mut groups =
            groups::by_locality(all.iter().filter_map(|endpoint| self.member(endpoint)));
        if let Some(crossing) = &self.crossing {
            let direct = |endpoint: &Endpoint| self.reach.connects(endpoint);
            let families = self.reach.families;
            let crossed =
                groups.iter().map(|group| crossing.cross(group, families, direct)).collect();
            groups = crossed;
        }
        if self.purpose == Purpose::SniDnat {
            for group in &mut groups {
                group.members.retain(|member| member.mtls);
                group.weigh();
            }
        }
        groups::balance(groups, &self.balancing)
    }

    /// An endpoint, if the client may use it.
    fn member<'a>(&self, endpoint: &'a Endpoint) -> Option<Member<'a>> {
        let health = self.reach.health(endpoint)?;
        let reached = self.crossing.is_some() || self.reach.connects(endpoint);
        let member = Member {
            target: Target::Endpoint(endpoint, health),
            weight: endpoint.weight,
            mtls: !self.explicit_tls && self.takes_mtls(endpoint),
        };
        let labels = self.subset.iter().flat_map(|part| &part.labels);
        let selected = labels.into_iter().all(|(key, value)| match &endpoint.workload {
            Some(workload) => workload.all_labels.get(key) == Some(value),
            // Of these, nothing else is known.
            None => [NETWORK, CLUSTER].contains(&&**key) && member.label(key) == &**value,
        });
        (reached && selected && self.reach.includes(endpoint)).then_some(member)
    }

    fn takes_mtls(&self, endpoint: &Endpoint) -> bool {
        let Some(workload) = &endpoint.workload else { return false };
        let refused = self.peers.as_ref().is_some_and(|Same(policies)| {
            policies.mode(&workload.all_labels, endpoint.port) == Mode::Disable
        });
        workload.tls_mode == TlsMode::Istio && !refused
    }

    fn locality(&self, group: Group<'_>) -> LocalityLbEndpoints {
        let Group { locality, members, priority, weight } = group;
        LocalityLbEndpoints {
            locality: Some(core::Locality {
                region: locality.region.to_string(),
                zone: locality.zone.to_string(),
                sub_zone: locality.subzone.to_string(),
            }),
            load_balancing_weight: weight.map(uint32),
            lb_endpoints: members.iter().map(|member| self.lb_endpoint(member)).collect(),
            priority,
            ..LocalityLbEndpoints::default()
        }
    }

    fn lb_endpoint(&self, member: &Member<'_>) -> LbEndpoint {
        let (health, endpoint) = match member.target {
            Target::Endpoint(endpoint, health) => (health_status(health), self.address(endpoint)),
            Target::Gateway { gateway, .. } => {
                let address = address(&gateway.address, gateway.port.unwrap_or_default());
                let address = EndpointAddress { address: Some(address), ..Default::default() };
                (core::HealthStatus::Unknown, address)
            }
        };
        LbEndpoint {
            health_status: health.into(),
            load_balancing_weight: Some(uint32(member.weight)),
            metadata: Some(self.metadata(member)),
            host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
        }
    }

    fn address(&self, endpoint: &Endpoint) -> EndpointAddress {
        let mut addresses = match &endpoint.address {
            Address::Pipe(path) => vec![pipe(path)],
            Address::Host(host) => vec![address(host, endpoint.port)],
            Address::Ip(_) | Address::Network => {
                let reached = self.reach.addresses(endpoint);
                reached.map(|ip| address(ip, endpoint.port)).collect()
            }
        }
        .into_iter()
        .map(Some);
        EndpointAddress {
            address: addresses.next().flatten(),
            additional_addresses: addresses.map(|address| AdditionalAddress { address }).collect(),
            ..EndpointAddress::default()
        }
    }

    /// Who serves: for metrics of requests that never reach a sidecar, and whether it takes mTLS.
    fn metadata(&self, member: &Member<'_>) -> core::Metadata {
        let described = || match member.target {
            Target::Endpoint(Endpoint { workload: Some(w), .. }, _) if self.as_service => {
                let Same(service) = &self.service;
                let label = |name| service.labels.get(name).map_or("", |value| &**value);
                let (name, revision) = match service.labels.contains_key(CANONICAL_NAME) {
                    true => (label(CANONICAL_NAME), label(CANONICAL_REVISION)),
                    false => (&*w.canonical_name, &*w.canonical_revision),
                };
                let namespace = &service.key.namespace;
                format!("{};{namespace};{name};{revision};{}", w.workload_name, w.cluster)
            }
            Target::Endpoint(Endpoint { workload: Some(w), .. }, _) => format!(
                "{};{};{};{};{}",
                w.workload_name, w.namespace, w.canonical_name, w.canonical_revision, w.cluster
            ),
            Target::Endpoint(bare, _) => format!(";;;;{}", bare.cluster()),
            Target::Gateway { gateway, .. } => format!(";;;;{}", gateway.cluster),
        };
        let istio = self.telemetry.then(|| (ISTIO, json!({ "workload": described() })));
        let tls = member.mtls.then(|| (TRANSPORT_SOCKET_MATCH, json!({ "tlsMode": "istio" })));
        filter_metadata(tls.into_iter().chain(istio))
    }
}

fn pipe(path: &str) -> core::Address {
    let pipe = core::Pipe { path: path.into(), ..core::Pipe::default() };
    core::Address { address: Some(core::address::Address::Pipe(pipe)) }
}

/// Of endpoints that nobody checks nothing is known until they fail.
fn health_status(health: Health) -> core::HealthStatus {
    match health {
        Health::Draining => core::HealthStatus::Draining,
        Health::Unhealthy | Health::Terminating => core::HealthStatus::Unhealthy,
        Health::Healthy => core::HealthStatus::Healthy,
        Health::Unknown => core::HealthStatus::Unknown,
    }
}
