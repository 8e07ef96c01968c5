//! The services that a workload is behind.

use std::collections::HashSet;
use std::sync::Arc;

use crate::api::Str;
use crate::api::core::{self, TargetPort};
use crate::api::networking::WorkloadEntry;
use crate::model::{Endpoint, Protocol, Service, ServiceEndpoints, ServiceTarget, Workload};

/// Where a service port leads in a pod: its number, or the number of the container port of that name and
/// transport. None when no container has one.
pub(super) fn target_port(port: &core::ServicePort, pod: &core::Pod) -> Option<u16> {
    match &port.target {
        TargetPort::Number(0) => Some(port.port),
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let named = pod.ports.iter().find(|p| p.name == *name && p.protocol == port.transport);
            named.map(|p| p.port)
        }
    }
}

/// Where a service port leads in a WorkloadEntry: to its port of the same name, else to the number. None when the
/// service asks for a name that it does not have.
pub(super) fn target_port_of_entry(port: &core::ServicePort, entry: &WorkloadEntry) -> Option<u16> {
    let named = |name: &Str| {
        let number = entry.ports.get(name).copied().filter(|number| *number > 0);
        number.and_then(|number| u16::try_from(number).ok())
    };
    match &port.target {
        TargetPort::Number(0) => Some(port.port),
        TargetPort::Number(number) => named(&port.name).or(Some(*number)),
        TargetPort::Name(name) => named(name),
    }
}

/// The targets of a WorkloadEntry in a Kubernetes Service that selects it.
pub(super) fn of_entry(
    service: &Arc<Service>,
    object: &core::Service,
    entry: &WorkloadEntry,
) -> Vec<ServiceTarget> {
    of_ports(service, |index| target_port_of_entry(object.ports.get(index)?, entry))
}

/// The targets of a workload in a service of a ServiceEntry that has an endpoint at one of its addresses.
pub(super) fn by_address(
    service: &Arc<Service>,
    endpoints: &ServiceEndpoints,
    workload: &Workload,
) -> Vec<ServiceTarget> {
    of_ports(service, |index| {
        let list = endpoints.by_port.get(&service.ports.get(index)?.name)?;
        let own = |e: &&Endpoint| e.address.ip().is_some_and(|ip| workload.ips.contains(&ip));
        list.iter().find(own).map(|endpoint| endpoint.port)
    })
}

/// The targets of a pod in a service that selects it. Of several ports that lead to the same one with the
/// same protocol, the first stands for all, as one listener serves them.
pub(super) fn by_selector(
    service: &Arc<Service>,
    object: &core::Service,
    pod: &core::Pod,
) -> Vec<ServiceTarget> {
    of_ports(service, |index| target_port(object.ports.get(index)?, pod))
}

/// The targets of a pod of a cluster in a service without a selector whose slices name it.
pub(super) fn by_endpoints(
    service: &Arc<Service>,
    endpoints: &ServiceEndpoints,
    pod: &core::Pod,
    cluster: &Str,
) -> Vec<ServiceTarget> {
    let is_own = |w: &Arc<Workload>| w.name == pod.meta.name && w.cluster == *cluster;
    of_ports(service, |index| {
        let list = endpoints.by_port.get(&service.ports.get(index)?.name)?;
        let own = list.iter().find(|e| e.workload.as_ref().is_some_and(is_own))?;
        Some(own.port)
    })
}

fn of_ports(
    service: &Arc<Service>,
    target_port: impl Fn(usize) -> Option<u16>,
) -> Vec<ServiceTarget> {
    let mut seen = HashSet::new();
    let ports = service.ports.iter().enumerate().filter(|(_, p)| p.protocol != Protocol::Udp);
    ports
        .filter_map(|(index, port)| {
            let number = target_port(index)?;
            seen.insert((number, port.protocol)).then(|| ServiceTarget {
                service: service.clone(),
                port: index,
                target_port: number,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
