//! Pods.

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::Value;

use super::{Context, FieldPath, Issue, checks, decode, meta};
use crate::api::core::{ContainerPort, Owner, Pod};
use crate::api::{Kind, Object};

/// Projects a pod.
pub(super) fn pod(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let mut pod: k8s::Pod = decode::kubernetes(Kind::Pod, value, context)?;
    let spec = pod.spec.take().unwrap_or_default();
    let status = pod.status.take().unwrap_or_default();
    let ports = ports(&spec, context)?;
    let account = spec.service_account_name.filter(|name| !name.is_empty());
    Ok(Object::Pod(Arc::new(Pod {
        owner: pod.metadata.owner_references.as_deref().and_then(|o| controller(o, context)),
        generate_name: context.text(pod.metadata.generate_name.as_deref()),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        meta: meta::project(Kind::Pod, pod.metadata, context)?,
        node_name: context.text(spec.node_name.as_deref()),
        // The deprecated field means the same and is what very old manifests have.
        service_account: context.text(account.or(spec.service_account).as_deref()),
        hostname: context.text(spec.hostname.as_deref()),
        subdomain: context.text(spec.subdomain.as_deref()),
        host_network: spec.host_network.unwrap_or_default(),
        ips: ips(&status)?,
        finished: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
        ready: is_ready(&status),
        ports,
    })))
}

fn controller(owners: &[OwnerReference], context: &mut Context<'_>) -> Option<Owner> {
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| Owner {
        api_version: context.shared(&owner.api_version),
        kind: context.shared(&owner.kind),
        name: context.shared(&owner.name),
    })
}

/// `podIP`, then those of `podIPs` that it is not.
fn ips(status: &k8s::PodStatus) -> Result<Vec<IpAddr>, Issue> {
    let path = |field: &str| FieldPath::of("status").key(field);
    let mut ips = Vec::new();
    if let Some(first) = status.pod_ip.as_deref().filter(|ip| !ip.is_empty()) {
        ips.push(checks::ip(first, || path("podIP"))?);
    }
    for (i, ip) in status.pod_ips.iter().flatten().enumerate() {
        let ip = checks::ip(&ip.ip, || path("podIPs").index(i).key("ip"))?;
        if !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    Ok(ips)
}

fn is_ready(status: &k8s::PodStatus) -> bool {
    status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Of the containers, then of the native sidecars: the order in which Kubernetes resolves port names.
fn ports(spec: &k8s::PodSpec, context: &mut Context<'_>) -> Result<Vec<ContainerPort>, Issue> {
    let containers = spec.containers.iter().enumerate().map(|(i, c)| ("containers", i, c));
    let sidecars = spec
        .init_containers
        .iter()
        .flatten()
        .enumerate()
        .filter(|(_, c)| c.restart_policy.as_deref() == Some("Always"))
        .map(|(i, c)| ("initContainers", i, c));
    let mut ports = Vec::new();
    for (field, i, container) in containers.chain(sidecars) {
        for (j, port) in container.ports.iter().flatten().enumerate() {
            let path = |name: &str| {
                FieldPath::of("spec").key(field).index(i).key("ports").index(j).key(name)
            };
            ports.push(ContainerPort {
                name: context.text(port.name.as_deref()),
                port: checks::port(port.container_port, || path("containerPort"))?,
                protocol: checks::transport(port.protocol.as_deref(), || path("protocol"))?,
            });
        }
    }
    Ok(ports)
}
