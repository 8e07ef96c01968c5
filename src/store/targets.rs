//! The services that a workload is behind.

use std::collections::HashSet;
use std::sync::Arc;

use crate::api::core::{self, TargetPort};
use crate::model::{Protocol, Service, ServiceEndpoints, ServiceTarget};

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

/// The targets of a pod in a service that selects it. Of several ports that lead to the same one with the
/// same protocol, the first stands for all, as one listener serves them.
pub(super) fn by_selector(
    service: &Arc<Service>,
    object: &core::Service,
    pod: &core::Pod,
) -> Vec<ServiceTarget> {
    of_ports(service, |index| target_port(object.ports.get(index)?, pod))
}

/// The targets of a pod in a service without a selector whose slices name it.
pub(super) fn by_endpoints(
    service: &Arc<Service>,
    endpoints: &ServiceEndpoints,
    pod: &core::Pod,
) -> Vec<ServiceTarget> {
    of_ports(service, |index| {
        let list = endpoints.by_port.get(&service.ports.get(index)?.name)?;
        let own =
            list.iter().find(|e| e.workload.as_ref().is_some_and(|w| w.name == pod.meta.name))?;
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
