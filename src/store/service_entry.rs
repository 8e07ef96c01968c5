//! From a ServiceEntry to services of the mesh: one for each host.
//!
//! <https://istio.io/latest/docs/reference/config/networking/service-entry/>

use std::net::IpAddr;

use super::service::traffic_distribution_of;
use crate::api::config::Config;
use crate::api::core::{self, TargetPort};
use crate::api::networking::ServiceEntry;
use crate::api::networking::service_entry::{Location, Resolution as Declared, ServicePort};
use crate::api::{Block, Features, Labels, MeshConfig, Protocol, Str};
use crate::model::{Port, Registry, Resolution, Service, ServiceKey, Visibility};

/// Forbids automatic addresses when it is `false`, in any case.
const ALLOCATE: &str = "networking.istio.io/enable-autoallocate-ip";

/// How proxies choose among the addresses that DNS tells.
const CONNECT_STRATEGY: &str = "istio.io/connect-strategy";

/// What the services depend on besides the object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    /// The namespace, if it is known.
    pub(super) namespace: Option<&'a core::Namespace>,
    pub(super) mesh: &'a MeshConfig,
    /// The addresses that were allocated, by host.
    pub(super) allocated: &'a [(Str, Vec<IpAddr>)],
}

/// The services, in the order of the hosts.
pub(super) fn derive(object: &Config<ServiceEntry>, around: Surroundings<'_>) -> Vec<Service> {
    let Config { meta, spec, .. } = object;
    let resolution = resolution(spec.resolution);
    let blocks: Vec<Block> = spec.addresses.iter().filter_map(|text| Block::parse(text)).collect();
    let export_to = match &*spec.export_to {
        [] => &around.mesh.default_service_export_to,
        own => own,
    };
    let has_endpoints = spec.workload_selector.is_some() || !spec.endpoints.is_empty();
    let service = |host: &Str| Service {
        key: ServiceKey { hostname: host.clone(), namespace: meta.namespace.clone() },
        name: host.clone(),
        registry: Registry::External,
        resolution,
        ports: spec.ports.iter().filter_map(port).collect(),
        addresses: Vec::new(),
        blocks: blocks.clone(),
        allocated: around
            .allocated
            .iter()
            .find(|(name, _)| name == host)
            .map_or_else(Vec::new, |(_, addresses)| addresses.clone()),
        visibility: Visibility::of(export_to.iter().map(|value| &**value), &meta.namespace),
        mesh_external: spec.location == Location::MeshExternal,
        service_accounts: spec.subject_alt_names.clone(),
        labels: meta.labels.clone(),
        selector: selector(spec).cloned().unwrap_or_default(),
        created: meta.created,
        aliases: Vec::new(),
        external_name: Str::default(),
        node_local: false,
        traffic_distribution: traffic_distribution_of(meta, "", around.namespace),
        publish_not_ready: false,
        at_endpoints: resolution == Resolution::Passthrough && blocks.is_empty() && has_endpoints,
        race_addresses: meta
            .annotation(CONNECT_STRATEGY)
            .is_some_and(|value| value.eq_ignore_ascii_case("RACE_FIRST_TCP_CONNECT")),
        external_addresses: Vec::new(),
        origin: object.key(),
    };
    hosts(spec).map(service).collect()
}

/// The hosts, each once.
pub(super) fn hosts(spec: &ServiceEntry) -> impl Iterator<Item = &Str> {
    let hosts = spec.hosts.iter().enumerate();
    hosts.filter(|(at, host)| !spec.hosts.iter().take(*at).any(|h| h == *host)).map(|(_, h)| h)
}

/// What selects its endpoints; None when it lists them itself.
pub(super) fn selector(spec: &ServiceEntry) -> Option<&Labels> {
    spec.workload_selector.as_ref().map(|selector| &selector.labels)
}

/// The hosts that addresses are to be allocated for: where there are none, the client's address tells which
/// service it means, and the user did not forbid it. A wildcard stands for names that have addresses of
/// their own, unless the proxy resolves them.
pub(super) fn without_address<'a>(
    object: &'a Config<ServiceEntry>,
    features: &Features,
) -> impl Iterator<Item = &'a Str> {
    let Config { meta, spec, .. } = object;
    let forbidden = meta.label(ALLOCATE).is_some_and(|v| v.eq_ignore_ascii_case("false"));
    let eligible = features.allocate_addresses
        && spec.resolution != Declared::None
        && spec.addresses.is_empty()
        && !forbidden;
    let dynamic = spec.resolution == Declared::DynamicDns;
    hosts(spec).filter(move |host| eligible && (dynamic || !host.starts_with('*')))
}

/// Whether proxies resolve names to find the endpoints.
pub(super) fn by_dns(spec: &ServiceEntry) -> bool {
    matches!(spec.resolution, Declared::Dns | Declared::DnsRoundRobin)
}

fn resolution(declared: Declared) -> Resolution {
    match declared {
        Declared::None => Resolution::Passthrough,
        Declared::Static => Resolution::ClientSideLb,
        Declared::Dns => Resolution::Dns,
        Declared::DnsRoundRobin => Resolution::DnsRoundRobin,
        Declared::DynamicDns => Resolution::DynamicDns,
    }
}

fn port(port: &ServicePort) -> Option<Port> {
    let number = u16::try_from(port.number).ok().filter(|number| *number > 0)?;
    let target = u16::try_from(port.target_port).unwrap_or_default();
    Some(Port {
        name: port.name.clone(),
        number,
        protocol: Protocol::parse(&port.protocol).unwrap_or(Protocol::Unsupported),
        target: TargetPort::Number(target),
    })
}
