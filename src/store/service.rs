//! From a Kubernetes Service to a service of the mesh.
//!
//! <https://istio.io/latest/docs/reference/config/annotations/> lists the annotations.

use super::cluster::Cluster;
use super::{ClusterRef, Config, Id};
use crate::api::core::{self, ServiceType, TargetPort};
use crate::api::list::items;
use crate::api::{Kind, MeshConfig, Meta, ObjectKey, Str};
use crate::model::identity::spiffe;
use crate::model::{Port, Protocol, Registry, Resolution, Service, ServiceKey, Visibility};

const EXPORT_TO: &str = "networking.istio.io/exportTo";
const TRAFFIC_DISTRIBUTION: &str = "networking.istio.io/traffic-distribution";
/// Identities, as they are.
const CANONICAL_ACCOUNTS: &str = "alpha.istio.io/canonical-serviceaccounts";
/// Names of service accounts in the service's namespace.
const KUBERNETES_ACCOUNTS: &str = "alpha.istio.io/kubernetes-serviceaccounts";

/// The host name of a Kubernetes Service.
pub(super) fn hostname(service: &Id, domain: &str) -> Str {
    format!("{}.{}.svc.{domain}", service.name, service.namespace).into()
}

/// The Kubernetes Service of the own cluster that a host name stands for, be there one or not.
pub(super) fn of_hostname(hostname: &str, domain: &str) -> Option<Id> {
    let (name, rest) = hostname.strip_suffix(domain)?.strip_suffix(".svc.")?.split_once('.')?;
    Some(ClusterRef::OWN.id(&rest.into(), &name.into()))
}

/// The host that an ExternalName service stands for; None for other services.
pub(super) fn alias_of(service: &core::Service) -> Option<Str> {
    if service.kind != ServiceType::ExternalName {
        return None;
    }
    Some(match service.external_name.strip_suffix('.') {
        Some(relative) => relative.into(),
        None => service.external_name.clone(),
    })
}

/// The service of the mesh that an object of a cluster defines.
pub(super) fn derive(
    object: &core::Service,
    cluster: &Cluster,
    namespace: Option<&core::Namespace>,
    aliases: Vec<ServiceKey>,
    mesh: &MeshConfig,
    config: &Config,
) -> Service {
    let meta = &object.meta;
    let alias = alias_of(object);
    let resolution = match alias {
        Some(_) => Resolution::Alias,
        None if object.headless => Resolution::Passthrough,
        None => Resolution::ClientSideLb,
    };
    Service {
        key: ServiceKey {
            hostname: hostname(&ClusterRef::OWN.id(&meta.namespace, &meta.name), &config.domain),
            namespace: meta.namespace.clone(),
        },
        name: meta.name.clone(),
        registry: Registry::Kubernetes,
        resolution,
        ports: object.ports.iter().map(port).collect(),
        addresses: vec![(cluster.name.clone(), object.cluster_ips.clone())],
        blocks: Vec::new(),
        allocated: Vec::new(),
        visibility: visibility(meta, mesh),
        mesh_external: alias.is_some(),
        service_accounts: service_accounts(meta, cluster.trust_domain(mesh)),
        labels: meta.labels.clone(),
        selector: object.selector.clone(),
        created: meta.created,
        aliases,
        external_name: alias.unwrap_or_default(),
        node_local: object.node_local,
        traffic_distribution: traffic_distribution_of(
            meta,
            &object.traffic_distribution,
            namespace,
        ),
        publish_not_ready: object.publish_not_ready,
        race_addresses: false,
        at_endpoints: false,
        external_addresses: object.external_addresses.clone(),
        origin: ObjectKey {
            kind: Kind::Service,
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
        },
    }
}

fn port(port: &core::ServicePort) -> Port {
    Port {
        name: port.name.clone(),
        number: port.port,
        protocol: Protocol::of_port(port.transport, &port.app_protocol, &port.name, port.port),
        target: match &port.target {
            TargetPort::Number(0) => TargetPort::Number(port.port),
            target => target.clone(),
        },
    }
}

fn visibility(meta: &Meta, mesh: &MeshConfig) -> Visibility {
    match meta.annotation(EXPORT_TO) {
        Some(list) => Visibility::of(items(list), &meta.namespace),
        None => Visibility::of(
            mesh.default_service_export_to.iter().map(|value| &**value),
            &meta.namespace,
        ),
    }
}

fn service_accounts(meta: &Meta, trust_domain: &str) -> Vec<Str> {
    let annotation = |key| meta.annotation(key).map_or("", |list| &**list);
    let kubernetes = items(annotation(KUBERNETES_ACCOUNTS))
        .map(|name| spiffe(trust_domain, &meta.namespace, name));
    let mut accounts: Vec<Str> =
        items(annotation(CANONICAL_ACCOUNTS)).map(Str::from).chain(kubernetes).collect();
    accounts.sort();
    accounts.dedup();
    accounts
}

/// The object's annotation, else its field, else its namespace's annotation; values that mean nothing are
/// passed over.
pub(super) fn traffic_distribution_of(
    object: &Meta,
    field: &str,
    namespace: Option<&core::Namespace>,
) -> Str {
    let annotation =
        |meta: &Meta| meta.annotation(TRAFFIC_DISTRIBUTION).and_then(|v| distribution(v));
    annotation(object)
        .or_else(|| distribution(field))
        .or_else(|| namespace.and_then(|namespace| annotation(&namespace.meta)))
        .unwrap_or_default()
        .into()
}

/// The value in its canonical spelling.
fn distribution(value: &str) -> Option<&'static str> {
    ["PreferClose", "PreferSameZone", "PreferSameNode", "Any"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(value))
}

#[cfg(test)]
mod tests;
