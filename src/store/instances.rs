//! The endpoints of a host that ServiceEntries define: those that they list, the workloads that they select, or the
//! host itself where proxies resolve its name.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::cluster::Cluster;
use super::endpoints::{WEIGHT, complete};
use super::service_entry::{by_dns, selector};
use super::workload_entry::{self, Instance};
use crate::api::config::Config;
use crate::api::core;
use crate::api::networking::service_entry::{Resolution, ServicePort};
use crate::api::networking::{ServiceEntry, WorkloadEntry};
use crate::api::{Labels, MeshConfig, ObjectKey, Str};
use crate::model::{Address, Endpoint, Health, ServiceEndpoints, Workload};

/// A ServiceEntry that defines the host, and the workloads that it selects: pods first, each kind by name.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) object: &'a Config<ServiceEntry>,
    pub(super) selected: Vec<Selected<'a>>,
}

/// A workload that is selected.
#[derive(Debug)]
pub(super) enum Selected<'a> {
    Pod(&'a core::Pod, Arc<Workload>),
    Entry(&'a WorkloadEntry, Arc<Workload>),
}

/// Where one instance serves all ports of a ServiceEntry.
struct Place<'a> {
    address: Address,
    workload: Arc<Workload>,
    health: Health,
    weight: u32,
    ports: Ports<'a>,
}

/// How an instance names its ports.
enum Ports<'a> {
    Entry(&'a BTreeMap<Str, u32>),
    Pod(&'a core::Pod),
}

/// What the endpoints depend on besides the objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) mesh: &'a MeshConfig,
    /// The cluster that the objects are of, which knows the network of workloads that do not name one.
    pub(super) cluster: &'a Cluster,
}

/// The endpoints of a host, its sources being sorted, the oldest first.
pub(super) fn of_host(
    host: &Str,
    sources: &[Source<'_>],
    around: Surroundings<'_>,
) -> ServiceEndpoints {
    let mut by_port: BTreeMap<Str, Vec<Endpoint>> = BTreeMap::new();
    let mut origins: Vec<ObjectKey> = Vec::new();
    // Envoy takes one endpoint for a name of which it uses the first address.
    let mut single: HashSet<u32> = HashSet::new();
    for source in sources {
        let spec = &source.object.spec;
        let places = places(host, source, around);
        origins.push(source.object.key());
        origins.extend(places.iter().map(|place| place.workload.origin.clone()));
        for place in &places {
            for port in &spec.ports {
                let taken =
                    spec.resolution == Resolution::DnsRoundRobin && !single.insert(port.number);
                if let (false, Some(number)) = (taken, number(place, port)) {
                    by_port.entry(port.name.clone()).or_default().push(Endpoint {
                        address: place.address.clone(),
                        additional: Vec::new(),
                        port: number,
                        health: place.health,
                        weight: place.weight,
                        node_name: place.workload.node_name.clone(),
                        hostname: Str::default(),
                        workload: Some(place.workload.clone()),
                        bare: None,
                    });
                }
            }
        }
    }
    origins.sort();
    origins.dedup();
    let names = sources.iter().flat_map(|source| &source.object.spec.subject_alt_names);
    complete(names, by_port, origins)
}

fn places<'a>(host: &Str, source: &Source<'a>, around: Surroundings<'_>) -> Vec<Place<'a>> {
    let object = source.object;
    let dns = by_dns(&object.spec);
    if selector(&object.spec).is_some() {
        return source.selected.iter().filter_map(|selected| place_of(selected, dns)).collect();
    }
    if object.spec.endpoints.is_empty() {
        return dns.then(|| itself(host, object, around)).into_iter().collect();
    }
    let listed = object.spec.endpoints.iter().enumerate();
    listed.map(|(at, spec)| listed_place(object, at, spec, around)).collect()
}

/// Only proxies that resolve names can use an instance that has no address.
fn place_of<'a>(selected: &Selected<'a>, dns: bool) -> Option<Place<'a>> {
    match selected {
        Selected::Pod(pod, workload) => Some(Place {
            address: Address::Ip(*pod.ips.first()?),
            workload: workload.clone(),
            health: Health::Healthy,
            weight: WEIGHT,
            ports: Ports::Pod(pod),
        }),
        Selected::Entry(spec, workload) => {
            let address = Address::parse(&spec.address);
            let usable = dns || matches!(address, Address::Ip(_) | Address::Network);
            usable.then(|| of_entry(address, spec, workload.clone()))
        }
    }
}

/// The endpoint that stands in a list at this place.
fn listed_place<'a>(
    object: &Config<ServiceEntry>,
    at: usize,
    spec: &'a WorkloadEntry,
    around: Surroundings<'_>,
) -> Place<'a> {
    let name: Str = format!("{}-{at}", object.meta.name).into();
    let instance = Instance {
        name: &name,
        namespace: &object.meta.namespace,
        workload_name: &name,
        labels: &spec.labels,
        spec,
        origin: &object.key(),
    };
    let workload = workload_entry::derive(instance, around);
    of_entry(Address::parse(&spec.address), spec, Arc::new(workload))
}

fn of_entry(address: Address, spec: &WorkloadEntry, workload: Arc<Workload>) -> Place<'_> {
    Place {
        address,
        workload,
        health: Health::Unknown,
        weight: if spec.weight == 0 { WEIGHT } else { spec.weight },
        ports: Ports::Entry(&spec.ports),
    }
}

/// The host as its own endpoint.
fn itself<'a>(host: &Str, object: &Config<ServiceEntry>, around: Surroundings<'_>) -> Place<'a> {
    static NO_PORTS: BTreeMap<Str, u32> = BTreeMap::new();
    let instance = Instance {
        name: &object.meta.name,
        namespace: &object.meta.namespace,
        workload_name: &object.meta.name,
        labels: &Labels::new(),
        spec: &WorkloadEntry::default(),
        origin: &object.key(),
    };
    let workload =
        Workload { all_labels: Labels::new(), ..workload_entry::derive(instance, around) };
    Place {
        address: Address::Host(host.clone()),
        workload: Arc::new(workload),
        health: Health::Unknown,
        weight: WEIGHT,
        ports: Ports::Entry(&NO_PORTS),
    }
}

/// The port on which an instance serves one of the service: that of the same name, else what the service says. A
/// socket has none.
fn number(place: &Place<'_>, port: &ServicePort) -> Option<u16> {
    if let Address::Pipe(_) = place.address {
        return Some(0);
    }
    let named = match &place.ports {
        Ports::Entry(ports) => ports.get(&port.name).copied(),
        Ports::Pod(pod) => named_port(pod, &port.name).map(u32::from),
    };
    let number = [named.unwrap_or_default(), port.target_port, port.number];
    let number = number.into_iter().find(|number| *number > 0)?;
    u16::try_from(number).ok()
}

fn named_port(pod: &core::Pod, name: &str) -> Option<u16> {
    let tcp = pod.ports.iter().filter(|p| p.protocol == core::Transport::Tcp);
    tcp.filter(|p| !p.name.is_empty()).find(|p| *p.name == *name).map(|p| p.port)
}
