//! Scopes: the traits of a proxy that its configuration depends on.
//!
//! Two proxies with equal scopes are served the same resources, by pointer. A trait that is not here cannot
//! shape shared output; what truly differs from workload to workload (inbound listeners and clusters, its own
//! address) is built in layers of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::capability::{Capabilities, Capability};
use super::endpoint::place::Place;
use super::memo::Same;
use super::proxy_config::ProxyConfig;
use super::session::Session;
use super::visible::{Viewpoint, Visible};
use crate::api::config::Config;
use crate::api::core::TargetPort;
use crate::api::list::items;
use crate::api::mesh::OutboundPolicy;
use crate::api::networking::sidecar::OutboundMode;
use crate::api::networking::{Gateway, Sidecar};
use crate::api::{Features, Labels, Str, meta};
use crate::model::{Protocol, Proxy, ProxyKind, Service, ServiceTarget};
use crate::snapshot::Snapshot;

/// The label of a Service whose ports Gateways do not name; its target ports they do.
const NO_PORT_TRANSLATION: &str = "experimental.istio.io/disable-gateway-port-translation";

/// The traits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// What the proxy is for.
    pub kind: ProxyKind,
    /// The namespace of its configuration.
    pub namespace: Str,
    /// Decides the short forms of host names, such as `default.svc.cluster.local`.
    pub dns_domain: Str,
    /// The Sidecar that applies to it.
    pub sidecar: Option<Same<Config<Sidecar>>>,
    /// The Gateways that it serves, oldest first; none unless it is a gateway.
    pub gateways: Vec<Same<Config<Gateway>>>,
    /// Where it listens for the ports of its own services, as far as its Gateways name them: pairs of port and target
    /// port, sorted. None unless it is a gateway.
    pub gateway_ports: Vec<(u16, u16)>,
    /// The ports that its services have in UDP too, as far as its Gateways name them; sorted. None unless it may serve
    /// HTTP/3.
    pub quic_ports: Vec<u16>,
    /// Its labels, but only those by which something that it sees may tell it from others.
    pub labels: Labels,
    /// Its cluster; empty means that of the control plane.
    pub cluster: Str,
    /// Its network; empty for the default one.
    pub network: Str,
    /// REQUESTED_NETWORK_VIEW: the networks whose endpoints it wants, sorted, beside those in none; None for
    /// all.
    pub network_view: Option<Arc<[Str]>>,
    /// The address families that it can reach.
    pub families: Families,
    /// What its Envoy has and may use.
    pub capabilities: Capabilities,
    /// Where it gets secrets that are not the mesh's.
    pub secrets: SecretSources,
    /// What the operator of the control plane decided; the same for all proxies.
    pub features: Features,
    /// How traffic reaches it.
    pub interception: Interception,
    /// Where it runs; None unless that decides about endpoints of what it sees.
    pub place: Option<Place>,
    /// Its node; None unless a service that it sees is node local.
    pub node: Option<Str>,
    /// DNS_CAPTURE: the agent answers DNS, so that allocated addresses can be used.
    pub dns_capture: bool,
    /// What happens to traffic for unknown destinations.
    pub outbound_policy: OutboundPolicy,
    /// The cluster to which such traffic goes, where it is let through, instead of where it was meant to.
    pub egress_proxy: Option<Str>,
    /// Requests tell which attempt they are.
    pub attempt_count: bool,
    /// Requests that are rewritten tell for which host they were.
    pub forwarded_host: bool,
    /// Names of headers keep their case in HTTP/1.
    pub preserve_case: bool,
    /// Its application may use an explicit HTTP proxy (mesh `proxyHttpPort` or HTTP_PROXY_PORT).
    pub http_proxy: bool,
}

/// Where a proxy gets secrets that are not the mesh's, beside the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SecretSources {
    /// Metadata `credential`: a server beside it serves credentials that ask for it (`sds://`).
    pub credential_server: bool,
    /// Metadata `file-credential`: a server beside it serves files, not the agent.
    pub file_server: bool,
    /// TLS_CLIENT_CERT_CHAIN: the files that it has instead of the mesh's certificates, as a client.
    pub client_files: Option<Arc<Files>>,
    /// TLS_SERVER_CERT_CHAIN: the same as a server. What is not named is the mesh's.
    pub server_files: Option<Arc<Files>>,
}

/// The files with which a proxy does mTLS; a name that is empty is not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Files {
    /// The certificate chain.
    pub certificate: Str,
    /// Its key.
    pub key: Str,
    /// The roots of others' certificates.
    pub roots: Str,
}

impl SecretSources {
    /// As a proxy tells.
    pub fn of(proxy: &Proxy) -> SecretSources {
        let files = |certificate, key, roots| {
            let file = |key| Str::from(text(proxy, key));
            Files { certificate: file(certificate), key: file(key), roots: file(roots) }
        };
        let client = files("TLS_CLIENT_CERT_CHAIN", "TLS_CLIENT_KEY", "TLS_CLIENT_ROOT_CERT");
        let server = files("TLS_SERVER_CERT_CHAIN", "TLS_SERVER_KEY", "TLS_SERVER_ROOT_CERT");
        SecretSources {
            credential_server: text(proxy, "credential") == "true",
            file_server: text(proxy, "file-credential") == "true",
            client_files: (!client.certificate.is_empty()).then(|| Arc::new(client)),
            server_files: (server != Files::default()).then(|| Arc::new(server)),
        }
    }
}

/// The address families of a proxy, from its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Families {
    /// It has an IPv4 address.
    pub v4: bool,
    /// It has an IPv6 address.
    pub v6: bool,
}

impl Families {
    /// Of these addresses; IPv4 when there are none.
    pub fn of(ips: &[IpAddr]) -> Families {
        let v6 = ips.iter().any(IpAddr::is_ipv6);
        Families { v4: ips.iter().any(IpAddr::is_ipv4) || !v6, v6 }
    }

    /// Whether an address is of one of them.
    pub fn reach(self, ip: IpAddr) -> bool {
        if ip.is_ipv4() { self.v4 } else { self.v6 }
    }

    /// The address that stands for all: `0.0.0.0`, or `::` without IPv4.
    pub fn wildcard(self) -> &'static str {
        if self.v4 { "0.0.0.0" } else { "::" }
    }

    /// The loopback address.
    pub fn loopback(self) -> &'static str {
        if self.v4 { "127.0.0.1" } else { "::1" }
    }
}

/// Metadata INTERCEPTION_MODE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Interception {
    /// By redirection.
    #[default]
    Redirect,
    /// By TPROXY, which keeps the source address.
    Tproxy,
    /// Not at all: the application uses explicit listeners.
    None,
}

/// What besides the scope shapes the listeners of a proxy, all from its node. Proxies of one workload have it
/// in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ListenerTraits {
    /// HTTP10: accept HTTP/1.0.
    pub http10: bool,
    /// IDLE_TIMEOUT of downstream connections, as written; empty when unset.
    pub idle_timeout: Str,
    /// HTTP_PROXY_PORT; 0 for none.
    pub http_proxy_port: u16,
    /// ENVOY_STATUS_PORT, where it answers whether it is ready; 0 for nowhere.
    pub status_port: u16,
    /// ENVOY_PROMETHEUS_PORT, where it shows its metrics; 0 for nowhere.
    pub prometheus_port: u16,
    /// UNPRIVILEGED_POD: may not bind ports below 1024.
    pub unprivileged: bool,
    /// INBOUND_LISTENER_EXACT_BALANCE.
    pub inbound_exact_balance: bool,
    /// OUTBOUND_LISTENER_EXACT_BALANCE.
    pub outbound_exact_balance: bool,
    /// What its ProxyConfig says.
    pub proxy_config: ProxyConfig,
    /// The tags of its trace spans.
    pub trace_tags: TraceTags,
}

/// What trace spans tell of the workload, as Istio names it; empty where the node does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceTags {
    /// `istio.canonical_service`.
    pub canonical_service: Str,
    /// `istio.canonical_revision`.
    pub canonical_revision: Str,
    /// `istio.namespace`.
    pub namespace: Str,
    /// `istio.cluster_id`.
    pub cluster: Str,
    /// `istio.mesh_id`.
    pub mesh: Str,
}

impl Scope {
    /// Whether the proxies agree in TLS to exchange metadata over TCP. One that could not keep its word would
    /// hand the peer's metadata to the application.
    pub fn peer_alpn(&self) -> bool {
        self.features.peer_alpn && self.capabilities.has(Capability::TcpMetadataExchange)
    }

    /// How the sessions of a service's clients stay with an endpoint, where they do and the proxies can see to it.
    pub fn session(&self, service: &Service) -> Option<Session> {
        let labels = &self.features.session_labels;
        let able = self.capabilities.has(Capability::StatefulSession);
        able.then(|| Session::of(service, labels)).flatten()
    }

    /// The scope of a proxy in a snapshot. `visible` is what its namespace sees there, `capabilities` what its
    /// Envoy has, `config` what holds for it.
    pub fn of(
        proxy: &Proxy,
        snapshot: &Snapshot,
        visible: &Visible,
        capabilities: Capabilities,
        config: &ProxyConfig,
    ) -> Scope {
        let cluster =
            if proxy.cluster.is_empty() { snapshot.cluster.clone() } else { proxy.cluster.clone() };
        let (outbound_policy, egress_proxy) = outbound(snapshot, visible);
        let gateways = gateways_of(proxy, snapshot);
        Scope {
            kind: proxy.kind,
            namespace: proxy.namespace.clone(),
            dns_domain: proxy.dns_domain.clone(),
            sidecar: visible.sidecar().cloned(),
            gateway_ports: gateway_ports(proxy, snapshot, &gateways),
            quic_ports: if capabilities.has(Capability::Quic) {
                quic_ports(proxy, snapshot, &gateways)
            } else {
                Vec::new()
            },
            gateways,
            labels: relevant_labels(proxy, &visible.label_keys),
            cluster,
            network: proxy.network.clone(),
            network_view: network_view(proxy),
            families: Families::of(&proxy.ips),
            capabilities: capabilities.allowed(&snapshot.features),
            secrets: SecretSources::of(proxy),
            features: snapshot.features,
            interception: Interception::of(proxy),
            place: visible.asked.place.then(|| place(proxy, snapshot, &visible.asked.labels)),
            node: visible.node_local.then(|| node(proxy, snapshot)),
            dns_capture: flag(proxy, "DNS_CAPTURE"),
            outbound_policy,
            egress_proxy,
            attempt_count: !config.proxy_headers.attempt_count.disabled,
            forwarded_host: config.proxy_headers.x_forwarded_host.enabled,
            preserve_case: config.proxy_headers.preserve_http1_header_case
                && capabilities.has(Capability::PreserveCase),
            http_proxy: snapshot.mesh.proxy_http_port != 0 || port(proxy, "HTTP_PROXY_PORT") != 0,
        }
    }
}

impl Viewpoint {
    /// Of a proxy.
    pub fn of(proxy: &Proxy, snapshot: &Snapshot) -> Viewpoint {
        Viewpoint {
            namespace: proxy.namespace.clone(),
            sidecar: sidecar_of(proxy, snapshot).cloned().map(Same),
            gateway: proxy.kind != ProxyKind::Sidecar,
        }
    }
}

/// The Sidecar that applies to a proxy. Gateways have none.
fn sidecar_of<'a>(proxy: &Proxy, snapshot: &'a Snapshot) -> Option<&'a Arc<Config<Sidecar>>> {
    let root = &snapshot.mesh.root_namespace;
    let is_sidecar = proxy.kind == ProxyKind::Sidecar;
    is_sidecar.then(|| snapshot.sidecars.find(&proxy.namespace, &proxy.labels, root)).flatten()
}

fn gateways_of(proxy: &Proxy, snapshot: &Snapshot) -> Vec<Same<Config<Gateway>>> {
    if proxy.kind != ProxyKind::Router {
        return Vec::new();
    }
    let own = snapshot.features.gateways_in_own_namespace.then_some(&*proxy.namespace);
    snapshot.gateways.select(&proxy.labels, own).cloned().map(Same).collect()
}

/// Of several services with one port, the oldest decides. A service may ask to be left out, for Knative's sake.
fn gateway_ports(
    proxy: &Proxy,
    snapshot: &Snapshot,
    gateways: &[Same<Config<Gateway>>],
) -> Vec<(u16, u16)> {
    if gateways.is_empty() {
        return Vec::new();
    }
    let Some(state) = snapshot.workload_of(proxy) else { return Vec::new() };
    let servers = gateways.iter().flat_map(|Same(gateway)| &gateway.spec.servers);
    let named: BTreeSet<u32> = servers.map(|server| server.port.number).collect();
    let mut ports = BTreeMap::new();
    for ServiceTarget { service, .. } in &*state.targets {
        if service.labels.contains_key(NO_PORT_TRANSLATION) {
            continue;
        }
        for (index, port) in service.ports.iter().enumerate() {
            let asked = named.contains(&u32::from(port.number)) && port.protocol != Protocol::Udp;
            if let Some(target) = target_port(&state.targets, service, index).filter(|_| asked) {
                ports.entry(port.number).or_insert(target);
            }
        }
    }
    ports.into_iter().collect()
}

/// A service of UDP ports alone counts too: not every load balancer takes TCP and UDP together.
fn quic_ports(proxy: &Proxy, snapshot: &Snapshot, gateways: &[Same<Config<Gateway>>]) -> Vec<u16> {
    let state = snapshot.workload_of(proxy);
    let Some(state) = state.filter(|_| snapshot.features.quic && !gateways.is_empty()) else {
        return Vec::new();
    };
    let labels = &state.workload.all_labels;
    let selecting = |service: &&Arc<Service>| {
        !service.selector.is_empty() && meta::selects(&service.selector, labels)
    };
    let namespace = snapshot.namespaces.get(&proxy.namespace);
    let selecting = namespace.into_iter().flat_map(|n| n.services.iter().filter(selecting));
    let services = state.targets.iter().map(|target| &target.service).chain(selecting);
    let udp = services.flat_map(|s| &s.ports).filter(|port| port.protocol == Protocol::Udp);
    let offered: BTreeSet<u16> = udp.map(|port| port.number).collect();
    let servers = gateways.iter().flat_map(|Same(gateway)| &gateway.spec.servers);
    let named: BTreeSet<u32> = servers.map(|server| server.port.number).collect();
    offered.into_iter().filter(|port| named.contains(&u32::from(*port))).collect()
}

/// Where a workload serves a port of one of its services. Its targets leave out ports that lead where another one
/// does.
fn target_port(targets: &[ServiceTarget], service: &Service, index: usize) -> Option<u16> {
    let of_port = |t: &&ServiceTarget| t.port == index && t.service.key == service.key;
    let known = targets.iter().find(of_port).map(|target| target.target_port);
    let port = service.ports.get(index)?;
    known.or(match port.target {
        TargetPort::Number(0) => Some(port.number),
        TargetPort::Number(number) => Some(number),
        TargetPort::Name(_) => None,
    })
}

fn relevant_labels(proxy: &Proxy, keys: &BTreeSet<Str>) -> Labels {
    let known = keys.iter().filter_map(|key| proxy.labels.get_key_value(key));
    known.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What happens to traffic for unknown destinations, as the Sidecar says or else the mesh.
fn outbound(snapshot: &Snapshot, visible: &Visible) -> (OutboundPolicy, Option<Str>) {
    let policy = visible.sidecar().and_then(|Same(s)| s.spec.outbound_traffic_policy.as_ref());
    let Some(policy) = policy else { return (snapshot.mesh.outbound_traffic_policy, None) };
    match policy.mode {
        OutboundMode::RegistryOnly => (OutboundPolicy::RegistryOnly, None),
        OutboundMode::AllowAny => {
            let proxy = policy.egress_proxy.as_ref().map(|destination| {
                let port = destination.port.as_ref().map_or(0, |port| port.number);
                format!("outbound|{port}|{}|{}", destination.subset, destination.host).into()
            });
            (OutboundPolicy::AllowAny, proxy)
        }
    }
}

/// Where a proxy runs, with the labels that are asked for.
fn place(proxy: &Proxy, snapshot: &Snapshot, keys: &BTreeSet<Str>) -> Place {
    let known = snapshot.workload_of(proxy).map(|state| &*state.workload);
    Place::of(proxy, known, &node(proxy, snapshot), keys)
}

/// The node that a proxy runs on, as it says, or as is known of its pod.
fn node(proxy: &Proxy, snapshot: &Snapshot) -> Str {
    if !proxy.node_name.is_empty() {
        return proxy.node_name.clone();
    }
    let known = snapshot.workload_of(proxy);
    known.map_or_else(Str::default, |state| state.workload.node_name.clone())
}

impl Interception {
    fn of(proxy: &Proxy) -> Interception {
        match text(proxy, "INTERCEPTION_MODE") {
            "TPROXY" => Interception::Tproxy,
            "NONE" => Interception::None,
            _ => Interception::Redirect,
        }
    }
}

impl ListenerTraits {
    /// Of a proxy, for which `config` holds.
    pub fn of(proxy: &Proxy, config: ProxyConfig) -> ListenerTraits {
        let label = |key: &str| proxy.labels.get(key).cloned().unwrap_or_default();
        ListenerTraits {
            http10: flag(proxy, "HTTP10"),
            idle_timeout: text(proxy, "IDLE_TIMEOUT").into(),
            http_proxy_port: port(proxy, "HTTP_PROXY_PORT"),
            status_port: port(proxy, "ENVOY_STATUS_PORT"),
            prometheus_port: port(proxy, "ENVOY_PROMETHEUS_PORT"),
            unprivileged: flag(proxy, "UNPRIVILEGED_POD"),
            inbound_exact_balance: flag(proxy, "INBOUND_LISTENER_EXACT_BALANCE"),
            outbound_exact_balance: flag(proxy, "OUTBOUND_LISTENER_EXACT_BALANCE"),
            proxy_config: config,
            trace_tags: TraceTags {
                canonical_service: label("service.istio.io/canonical-name"),
                canonical_revision: label("service.istio.io/canonical-revision"),
                namespace: proxy.namespace.clone(),
                cluster: proxy.cluster.clone(),
                mesh: text(proxy, "MESH_ID").into(),
            },
        }
    }
}

fn network_view(proxy: &Proxy) -> Option<Arc<[Str]>> {
    let mut networks: Vec<Str> = match proxy.metadata.get("REQUESTED_NETWORK_VIEW")? {
        serde_json::Value::String(list) => items(list).map(Str::from).collect(),
        serde_json::Value::Array(list) => {
            list.iter().filter_map(serde_json::Value::as_str).map(Str::from).collect()
        }
        _ => return None,
    };
    networks.retain(|network| !network.is_empty());
    networks.sort();
    networks.dedup();
    (!networks.is_empty()).then(|| networks.into())
}

fn text<'a>(proxy: &'a Proxy, key: &str) -> &'a str {
    proxy.metadata.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// A port, as a number or as text; 0 when absent or no port.
fn port(proxy: &Proxy, key: &str) -> u16 {
    match proxy.metadata.get(key) {
        Some(serde_json::Value::Number(number)) => {
            number.as_f64().filter(|n| n.fract() == 0.0).map_or(0, |n| n as u16)
        }
        Some(serde_json::Value::String(value)) => value.parse().unwrap_or_default(),
        _ => 0,
    }
}

/// Metadata is written by hand and by agents of all ages: `true`, `"true"` and `"1"` mean the same.
fn flag(proxy: &Proxy, key: &str) -> bool {
    match proxy.metadata.get(key) {
        Some(serde_json::Value::Bool(value)) => *value,
        Some(serde_json::Value::String(value)) => matches!(value.as_str(), "true" | "1" | "TRUE"),
        _ => false,
    }
}
