//! The endpoints of a service: from its slices, or where it has none from the pods that it selects.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::cluster::Cluster;
use super::targets::{target_port, target_port_of_entry};
use crate::api::core::{self, AddressType, EndpointSlice, SliceEndpoint, SlicePort};
use crate::api::features::SessionLabels;
use crate::api::networking::WorkloadEntry;
use crate::api::{ObjectKey, Str};
use crate::model::{
    Address, Bare, Endpoint, EndpointTraits, Health, Service, ServiceEndpoints, TlsMode, Workload,
};

/// The weight of an endpoint that has none of its own.
pub(super) const WEIGHT: u32 = 1;

/// What the slices of a service say.
#[derive(Debug)]
pub(super) struct FromSlices {
    pub(super) endpoints: ServiceEndpoints,
    /// The pods that they name, known or not; with duplicates.
    pub(super) pods: Vec<Str>,
    /// How many endpoints are left out because the pod that they name is not known.
    pub(super) withheld: usize,
}

/// The endpoints that slices of a cluster list, the slices being in the order of their names. `workload` knows the
/// pods of the service's namespace.
pub(super) fn from_slices<'a>(
    service: &Service,
    slices: impl Iterator<Item = (ObjectKey, &'a EndpointSlice)>,
    workload: impl Fn(&Str) -> Option<Arc<Workload>>,
    cluster: &Cluster,
    labels: &SessionLabels,
) -> FromSlices {
    let mut collected = Collected::new(cluster, service.has_sessions(labels));
    let mut pods = Vec::new();
    let mut withheld = 0;
    let mut origins = Vec::new();
    for (key, slice) in slices {
        origins.push(key);
        if slice.address_type == AddressType::Fqdn {
            continue;
        }
        for endpoint in &slice.endpoints {
            let workload = if endpoint.pod.is_empty() {
                None
            } else {
                pods.push(endpoint.pod.clone());
                let known = workload(&endpoint.pod);
                if known.is_none() {
                    withheld += 1;
                    continue;
                }
                known
            };
            for port in &slice.ports {
                collected.add(service, endpoint, port, workload.as_ref());
            }
        }
    }
    FromSlices { endpoints: collected.finish(service, origins), pods, withheld }
}

/// The endpoints of a service that no slice describes: the pods that it selects, in the order given.
pub(super) fn from_pods<'a>(
    service: &Service,
    object: &core::Service,
    pods: impl Iterator<Item = (&'a core::Pod, Arc<Workload>)>,
) -> ServiceEndpoints {
    let mut by_port: BTreeMap<Str, Vec<Endpoint>> = BTreeMap::new();
    let mut origins = Vec::new();
    for (pod, workload) in pods {
        origins.push(workload.origin.clone());
        let mut addresses = addresses_for(object, &pod.ips);
        let Some(address) = addresses.next() else { continue };
        let additional: Vec<IpAddr> = addresses.collect();
        let health = match (service.publish_not_ready, pod.terminating, pod.ready) {
            (true, _, _) | (false, false, true) => Health::Healthy,
            (false, true, _) => Health::Terminating,
            (false, false, false) => Health::Unhealthy,
        };
        for port in &object.ports {
            let Some(number) = target_port(port, pod) else { continue };
            by_port.entry(port.name.clone()).or_default().push(Endpoint {
                address: address.into(),
                additional: additional.clone(),
                port: number,
                health,
                weight: WEIGHT,
                node_name: pod.node_name.clone(),
                hostname: Str::default(),
                workload: Some(workload.clone()),
                bare: None,
            });
        }
    }
    origins.sort();
    complete(&service.service_accounts, by_port, origins)
}

/// The endpoints of a Kubernetes Service at WorkloadEntries that it selects, in the order given. Only addresses
/// count, as for Kubernetes itself.
pub(super) fn from_entries<'a>(
    object: &core::Service,
    entries: impl Iterator<Item = (&'a WorkloadEntry, Arc<Workload>)>,
) -> ServiceEndpoints {
    let mut by_port: BTreeMap<Str, Vec<Endpoint>> = BTreeMap::new();
    let mut origins = Vec::new();
    for (entry, workload) in entries {
        let address = Address::parse(&entry.address);
        if matches!(address, Address::Host(_) | Address::Pipe(_)) {
            continue;
        }
        origins.push(workload.origin.clone());
        for port in &object.ports {
            let Some(number) = target_port_of_entry(port, entry) else { continue };
            by_port.entry(port.name.clone()).or_default().push(Endpoint {
                address: address.clone(),
                additional: Vec::new(),
                port: number,
                health: Health::Unknown,
                weight: if entry.weight == 0 { WEIGHT } else { entry.weight },
                node_name: Str::default(),
                hostname: Str::default(),
                workload: Some(workload.clone()),
                bare: None,
            });
        }
    }
    complete([], by_port, origins)
}

/// The addresses of a pod that a service uses: one of each family that it has a virtual address of, in that
/// order; the pod's first one where it has none.
fn addresses_for(service: &core::Service, ips: &[IpAddr]) -> impl Iterator<Item = IpAddr> + use<> {
    let of_families: Vec<IpAddr> = match &*service.cluster_ips {
        [] => ips.first().copied().into_iter().collect(),
        virtual_ips => virtual_ips
            .iter()
            .filter_map(|vip| ips.iter().copied().find(|ip| ip.is_ipv4() == vip.is_ipv4()))
            .collect(),
    };
    of_families.into_iter()
}

/// Endpoints as they come from slices, by the name of their port.
#[derive(Debug)]
struct Collected<'a> {
    cluster: &'a Cluster,
    /// Sessions stay with an endpoint while it goes.
    sessions: bool,
    by_port: BTreeMap<Str, Vec<Endpoint>>,
    addresses: HashSet<(Str, IpAddr)>,
    /// Where the endpoint of a pod's port is, to add its address of the other family.
    of_pods: HashMap<(Str, u16, Str), usize>,
}

impl<'a> Collected<'a> {
    fn new(cluster: &'a Cluster, sessions: bool) -> Collected<'a> {
        Collected {
            cluster,
            sessions,
            by_port: BTreeMap::new(),
            addresses: HashSet::new(),
            of_pods: HashMap::new(),
        }
    }

    fn add(
        &mut self,
        service: &Service,
        endpoint: &SliceEndpoint,
        port: &SlicePort,
        workload: Option<&Arc<Workload>>,
    ) {
        for &address in &endpoint.addresses {
            if !self.addresses.insert((port.name.clone(), address)) {
                continue;
            }
            let endpoints = self.by_port.entry(port.name.clone()).or_default();
            if let Some(workload) = workload {
                let key = (port.name.clone(), port.port, workload.name.clone());
                let at = *self.of_pods.entry(key).or_insert(endpoints.len());
                if endpoints.get_mut(at).is_some_and(|known| join(known, address, workload)) {
                    continue;
                }
            }
            endpoints.push(Endpoint {
                address: address.into(),
                additional: Vec::new(),
                port: port.port,
                health: health(service, endpoint, self.sessions),
                weight: WEIGHT,
                node_name: match (&*endpoint.node_name, workload) {
                    ("", Some(workload)) => workload.node_name.clone(),
                    _ => endpoint.node_name.clone(),
                },
                hostname: endpoint.hostname.clone(),
                bare: workload.is_none().then(|| {
                    let network = self.cluster.membership.network(None, Some(address));
                    Arc::new(Bare { cluster: self.cluster.name.clone(), network })
                }),
                workload: workload.cloned(),
            });
        }
    }

    fn finish(self, service: &Service, origins: Vec<ObjectKey>) -> ServiceEndpoints {
        complete(&service.service_accounts, self.by_port, origins)
    }
}

/// Adds to an endpoint an address of the family that it has none of yet; the one that its pod lists first comes
/// first. False when it has one of that family.
fn join(endpoint: &mut Endpoint, address: IpAddr, workload: &Workload) -> bool {
    let Some(known) = endpoint.address.ip() else { return false };
    if !endpoint.additional.is_empty() || known.is_ipv4() == address.is_ipv4() {
        return false;
    }
    let rank = |ip: IpAddr| workload.ips.iter().position(|i| *i == ip).unwrap_or(usize::MAX);
    let (first, second) = if (rank(known), known) <= (rank(address), address) {
        (known, address)
    } else {
        (address, known)
    };
    endpoint.address = first.into();
    endpoint.additional.push(second);
    true
}

/// The health that a slice's conditions tell; unset ones read as Kubernetes defines. With `sessions` an endpoint that goes
/// serves those that it has.
fn health(service: &Service, endpoint: &SliceEndpoint, sessions: bool) -> Health {
    let goes = endpoint.terminating.unwrap_or(true);
    if endpoint.ready.unwrap_or(true) || service.publish_not_ready {
        Health::Healthy
    } else if goes && sessions && endpoint.serving.unwrap_or(true) {
        Health::Draining
    } else if goes {
        Health::Terminating
    } else {
        Health::Unhealthy
    }
}

/// Endpoints with what is derived from them. `accounts` are identities that they may have beside their own.
pub(super) fn complete<'a>(
    accounts: impl IntoIterator<Item = &'a Str>,
    by_port: BTreeMap<Str, Vec<Endpoint>>,
    origins: Vec<ObjectKey>,
) -> ServiceEndpoints {
    let traits = traits(accounts, by_port.values().flatten());
    ServiceEndpoints {
        by_port: by_port.into_iter().map(|(name, list)| (name, list.into())).collect(),
        traits: Arc::new(traits),
        origins: origins.into(),
    }
}

/// The endpoints of all these, in their order.
pub(super) fn join_all<'a>(
    parts: impl IntoIterator<Item = &'a ServiceEndpoints>,
) -> ServiceEndpoints {
    let mut by_port: BTreeMap<Str, Vec<Endpoint>> = BTreeMap::new();
    let mut origins: Vec<ObjectKey> = Vec::new();
    let mut identities: Vec<Arc<[Str]>> = Vec::new();
    for part in parts {
        for (port, list) in &part.by_port {
            by_port.entry(port.clone()).or_default().extend(list.iter().cloned());
        }
        origins.extend(part.origins.iter().cloned());
        identities.push(part.traits.identities.clone());
    }
    origins.sort();
    origins.dedup();
    complete(identities.iter().flat_map(|list| list.iter()), by_port, origins)
}

fn traits<'a, 'b>(
    accounts: impl IntoIterator<Item = &'b Str>,
    endpoints: impl Iterator<Item = &'a Endpoint> + Clone,
) -> EndpointTraits {
    // Unhealthy endpoints count: clusters must not change whenever a probe fails.
    let mut identities: Vec<Str> = endpoints
        .clone()
        .filter_map(|endpoint| endpoint.workload.as_ref())
        .map(|workload| workload.identity.clone())
        .chain(accounts.into_iter().cloned())
        .filter(|identity| !identity.is_empty())
        .collect();
    identities.sort();
    identities.dedup();
    let mut staying = endpoints.filter(|e| e.health != Health::Terminating).peekable();
    let all_mtls = staying.peek().is_some()
        && staying.all(|e| e.workload.as_ref().is_some_and(|w| w.tls_mode == TlsMode::Istio));
    EndpointTraits { identities: identities.into(), all_mtls }
}

/// The new endpoints, with every part that equals the old one's shared with it.
pub(super) fn share(
    old: Option<&Arc<ServiceEndpoints>>,
    mut new: ServiceEndpoints,
) -> Arc<ServiceEndpoints> {
    let Some(old) = old else { return Arc::new(new) };
    if **old == new {
        return old.clone();
    }
    for (name, list) in &mut new.by_port {
        if let Some(same) = old.by_port.get(name).filter(|before| *before == list) {
            *list = same.clone();
        }
    }
    if old.traits == new.traits {
        new.traits = old.traits.clone();
    } else if old.traits.identities == new.traits.identities {
        let identities = old.traits.identities.clone();
        new.traits = Arc::new(EndpointTraits { identities, ..*new.traits });
    }
    if old.origins == new.origins {
        new.origins = old.origins.clone();
    }
    Arc::new(new)
}

#[cfg(test)]
mod tests;
