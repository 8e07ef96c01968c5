//! The gateways that lead into networks: those of the mesh networks, and Services with a label.

use std::collections::BTreeMap;

use crate::api::core::{Node, Service, ServiceType};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::meta::selects;
use crate::api::{Code, Diagnostic, Kind, Labels, MeshNetworks, ObjectKey, Severity, Str};
use crate::model::{NetworkGateway, Networks};
use crate::store::workload::NETWORK;

/// On a labelled Service: the port that takes mTLS by server name.
const GATEWAY_PORT: &str = "networking.istio.io/gatewayPort";
/// That port of Services that do not say.
const DEFAULT_PORT: u16 = 15443;
/// The port through which ambient meshes reach each other.
const HBONE_PORT: u16 = 15008;
/// On a Service of type NodePort: the nodes, by labels in JSON, through whose addresses it is reached.
const NODE_SELECTOR: &str = "traffic.istio.io/nodeSelector";

/// A network, and the port of the Service that leads into it.
pub(super) type Named = (Str, u16);

/// Whether a Service says by its labels that it is a gateway.
pub(in crate::store) fn is_labelled(service: &Service) -> bool {
    service.meta.label(NETWORK).is_some_and(|network| !network.is_empty())
}

/// The Services that the mesh networks name, by host name, as gateways of networks that the cluster is in.
pub(in crate::store) fn registry_services(
    networks: &MeshNetworks,
    cluster: &str,
) -> BTreeMap<Str, Vec<Named>> {
    let mut named: BTreeMap<Str, Vec<Named>> = BTreeMap::new();
    for (name, network) in &networks.networks {
        let of_cluster = |id: &Str| **id == *cluster;
        let mut registries = network.endpoints.iter().filter_map(|e| e.from_registry.as_ref());
        if !registries.any(of_cluster) {
            continue;
        }
        for gateway in &network.gateways {
            let port = u16::try_from(gateway.port).ok();
            if let (Some(host), Some(port)) = (&gateway.registry_service_name, port) {
                named.entry(host.clone()).or_default().push((name.clone(), port));
            }
        }
    }
    named
}

/// The gateways of all networks, while they are looked for.
#[derive(Debug, Default)]
pub(super) struct Found {
    gateways: Vec<(Str, NetworkGateway)>,
    diagnostics: Vec<Diagnostic>,
}

/// Those that the mesh networks give an address.
pub(super) fn of_mesh(networks: &MeshNetworks) -> Found {
    let mut found = Found::default();
    for (name, network) in &networks.networks {
        for (index, gateway) in network.gateways.iter().enumerate() {
            let port = u16::try_from(gateway.port).ok();
            let Some(address) = gateway.address.as_ref().filter(|a| !a.is_empty()) else {
                continue;
            };
            let gateway = NetworkGateway {
                address: address.clone(),
                port,
                cluster: Str::default(),
                origin: None,
            };
            let path = FieldPath::of("networks").key(name).key("gateways").index(index);
            found.diagnostics.extend(unresolved(&gateway, path.key("address")));
            found.gateways.push((name.clone(), gateway));
        }
    }
    found
}

impl Found {
    /// Adds those that a Service of a cluster stands for. `named` are the networks for which the mesh networks name
    /// it, `nodes` those of the cluster.
    pub(super) fn add(
        &mut self,
        service: &Service,
        named: &[Named],
        nodes: &[&Node],
        cluster: &Str,
    ) {
        let mut issues = Vec::new();
        let leads_to = match service.meta.label(NETWORK).filter(|network| !network.is_empty()) {
            Some(network) => {
                let port = labelled_port(service, &mut issues);
                port.map(|port| (network.clone(), port)).into_iter().collect()
            }
            None => {
                named.iter().map(|(name, port)| (name.clone(), Some(*port))).collect::<Vec<_>>()
            }
        };
        let origin = key(service);
        let addresses = addresses(service, nodes, &mut issues);
        self.diagnostics.extend(issues.into_iter().map(|issue| issue.of(&origin)));
        for (network, port) in leads_to {
            for address in &addresses {
                let gateway = NetworkGateway {
                    address: address.clone(),
                    port: port.and_then(|port| outer_port(service, port)),
                    cluster: cluster.clone(),
                    origin: Some(origin.clone()),
                };
                let path = FieldPath::of("status").key("loadBalancer");
                self.diagnostics.extend(unresolved(&gateway, path));
                self.gateways.push((network.clone(), gateway));
            }
        }
    }

    /// All of them.
    pub(super) fn finish(self) -> Networks {
        let Found { gateways, mut diagnostics } = self;
        diagnostics.sort();
        diagnostics.dedup();
        Networks::new(gateways, diagnostics)
    }
}

/// The port of a labelled Service that takes mTLS; Some(None) where it has only that of ambient meshes.
fn labelled_port(service: &Service, issues: &mut Vec<Issue>) -> Option<Option<u16>> {
    let has = |number: u16| service.ports.iter().any(|port| port.port == number);
    let label = service.meta.label(GATEWAY_PORT).filter(|value| !value.is_empty());
    let path = || FieldPath::of("metadata").key("labels").key(GATEWAY_PORT);
    let port = match label.map(|value| value.parse::<u16>()) {
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            let message = format!("is no port, {DEFAULT_PORT} is assumed: write a number");
            issues.push(Issue::warning(path(), message));
            DEFAULT_PORT
        }
        None => DEFAULT_PORT,
    };
    match (has(port), has(HBONE_PORT)) {
        (true, _) => Some(Some(port)),
        (false, true) => Some(None),
        (false, false) => {
            let message = format!(
                "the label {NETWORK} makes this a gateway, but it has no port {port}, so that nothing is \
                 sent through it: add the port, or name another in the label {GATEWAY_PORT}"
            );
            issues.push(Issue::warning(FieldPath::of("spec").key("ports"), message));
            None
        }
    }
}

/// The addresses of a Service outside of its cluster.
fn addresses(service: &Service, nodes: &[&Node], issues: &mut Vec<Issue>) -> Vec<Str> {
    let selector = service.meta.annotation(NODE_SELECTOR);
    if !service.external_addresses.is_empty() || service.kind != ServiceType::NodePort {
        return service.external_addresses.clone();
    }
    let Some(selector) = selector else { return Vec::new() };
    let selector: Labels = serde_json::from_str(selector).unwrap_or_else(|error| {
        let path = FieldPath::of("metadata").key("annotations").key(NODE_SELECTOR);
        let message = format!("is no JSON object of labels, all nodes are used: {error}");
        issues.push(Issue::warning(path, message));
        Labels::new()
    });
    let selected = nodes.iter().filter(|node| selects(&selector, &node.meta.labels));
    selected.filter_map(|node| node.external_ips.first()).map(|ip| ip.to_string().into()).collect()
}

/// The number by which a port is reached from outside: that on the nodes, where nodes are what is reached.
fn outer_port(service: &Service, port: u16) -> Option<u16> {
    let through_nodes =
        service.kind == ServiceType::NodePort && service.meta.annotation(NODE_SELECTOR).is_some();
    match service.ports.iter().find(|own| own.port == port) {
        Some(own) if through_nodes => (own.node_port != 0).then_some(own.node_port),
        _ => Some(port),
    }
}

/// Says that a gateway is not used where an address is needed.
fn unresolved(gateway: &NetworkGateway, path: FieldPath) -> Option<Diagnostic> {
    gateway.ip().is_none().then(|| Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: gateway.origin.clone(),
        path: path.to_string(),
        message: format!(
            "the gateway {} is a host name, which is not resolved, so that only clusters that ask DNS \
             themselves use it: give it an IP address",
            gateway.address
        ),
        code: Code::Other,
    })
}

fn key(service: &Service) -> ObjectKey {
    ObjectKey::new(Kind::Service, &service.meta.namespace, &service.meta.name)
}
