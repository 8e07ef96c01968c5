//! Services.

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{Context, FieldPath, Issue, checks, decode, meta};
use crate::api::core::{Service, ServicePort, ServiceType, TargetPort};
use crate::api::{Kind, Object, Str};

/// The cluster IP of a headless service.
const NO_CLUSTER_IP: &str = "None";

/// Projects a service.
pub(super) fn service(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let service: k8s::Service = decode::kubernetes(Kind::Service, value, context)?;
    let spec = service.spec.unwrap_or_default();
    let kind = service_type(spec.type_.as_deref())?;
    let addresses = cluster_ips(&spec)?;
    Ok(Object::Service(Arc::new(Service {
        meta: meta::project(Kind::Service, service.metadata, context)?,
        kind,
        headless: addresses.is_none(),
        cluster_ips: match kind {
            ServiceType::ExternalName => Vec::new(),
            _ => addresses.unwrap_or_default(),
        },
        ports: ports(spec.ports.as_deref().unwrap_or_default(), context)?,
        external_addresses: external_addresses(spec.external_ips, service.status),
        selector: context.map(&spec.selector, |_| true),
        external_name: external_name(kind, spec.external_name)?,
        publish_not_ready: spec.publish_not_ready_addresses.unwrap_or_default(),
        node_local: node_local(spec.internal_traffic_policy.as_deref(), context),
        traffic_distribution: context.text(spec.traffic_distribution.as_deref()),
    })))
}

fn service_type(name: Option<&str>) -> Result<ServiceType, Issue> {
    match name {
        None | Some("") | Some("ClusterIP") => Ok(ServiceType::ClusterIp),
        Some("NodePort") => Ok(ServiceType::NodePort),
        Some("LoadBalancer") => Ok(ServiceType::LoadBalancer),
        Some("ExternalName") => Ok(ServiceType::ExternalName),
        Some(other) => Err(Issue::error(
            path("type"),
            format!("{other:?} is no type: use ClusterIP, NodePort, LoadBalancer or ExternalName"),
        )),
    }
}

/// The addresses inside the cluster; None for a headless service.
fn cluster_ips(spec: &k8s::ServiceSpec) -> Result<Option<Vec<IpAddr>>, Issue> {
    let many = spec.cluster_ips.iter().flatten().filter(|ip| !ip.is_empty());
    let texts: Vec<(FieldPath, &str)> =
        many.enumerate().map(|(i, ip)| (path("clusterIPs").index(i), ip.as_str())).collect();
    let one = spec.cluster_ip.as_deref().filter(|ip| !ip.is_empty());
    let texts = match (texts.is_empty(), one) {
        (true, Some(ip)) => vec![(path("clusterIP"), ip)],
        _ => texts,
    };
    if texts.iter().any(|(_, ip)| *ip == NO_CLUSTER_IP) {
        return Ok(None);
    }
    let ips = texts.into_iter().map(|(path, ip)| checks::ip(ip, || path));
    ips.collect::<Result<_, _>>().map(Some)
}

fn ports(ports: &[k8s::ServicePort], context: &mut Context<'_>) -> Result<Vec<ServicePort>, Issue> {
    let one = |(i, port): (usize, &k8s::ServicePort)| {
        let path = |name: &str| path("ports").index(i).key(name);
        let number = checks::port(port.port, || path("port"))?;
        Ok(ServicePort {
            name: context.text(port.name.as_deref()),
            port: number,
            transport: checks::transport(port.protocol.as_deref(), || path("protocol"))?,
            app_protocol: context.text(port.app_protocol.as_deref()),
            target: target(port.target_port.as_ref(), number, || path("targetPort"), context)?,
            node_port: match port.node_port {
                None | Some(0) => 0,
                Some(node_port) => checks::port(node_port, || path("nodePort"))?,
            },
        })
    };
    ports.iter().enumerate().map(one).collect()
}

/// Unset, 0 and "" all mean the service's own port.
fn target(
    target: Option<&IntOrString>,
    own: u16,
    path: impl FnOnce() -> FieldPath,
    context: &mut Context<'_>,
) -> Result<TargetPort, Issue> {
    match target {
        None | Some(IntOrString::Int(0)) => Ok(TargetPort::Number(own)),
        Some(IntOrString::Int(number)) => checks::port(*number, path).map(TargetPort::Number),
        Some(IntOrString::String(name)) if name.is_empty() => Ok(TargetPort::Number(own)),
        Some(IntOrString::String(name)) => Ok(TargetPort::Name(context.shared(name))),
    }
}

/// An alias without a target leads nowhere.
fn external_name(kind: ServiceType, name: Option<String>) -> Result<Str, Issue> {
    match (kind, name.unwrap_or_default()) {
        (ServiceType::ExternalName, name) if name.is_empty() => Err(Issue::error(
            path("externalName"),
            "missing: a service of type ExternalName needs it",
        )),
        (_, name) => Ok(name.into()),
    }
}

/// A policy that a later Kubernetes may know is no reason to lose the service.
fn node_local(policy: Option<&str>, context: &mut Context<'_>) -> bool {
    match policy {
        None | Some("") | Some("Cluster") => false,
        Some("Local") => true,
        Some(other) => {
            let message =
                format!("{other:?} is not known, Cluster is assumed: use Cluster or Local");
            context.warn(path("internalTrafficPolicy"), message);
            false
        }
    }
}

/// `spec.externalIPs`, then each IP, or else host name, of the load balancer.
fn external_addresses(ips: Option<Vec<String>>, status: Option<k8s::ServiceStatus>) -> Vec<Str> {
    let ingress = status
        .and_then(|status| status.load_balancer)
        .and_then(|balancer| balancer.ingress)
        .into_iter()
        .flatten()
        .filter_map(|i| i.ip.filter(|ip| !ip.is_empty()).or(i.hostname));
    let all = ips.into_iter().flatten().chain(ingress);
    all.filter(|address| !address.is_empty()).map(Str::from).collect()
}

fn path(field: &str) -> FieldPath {
    FieldPath::of("spec").key(field)
}
