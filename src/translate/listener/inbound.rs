//! Inbound listeners: one for all ports of the workload, to which its traffic is redirected, and one for each port
//! that its Sidecar binds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde_json::json;

use super::bind::Speech;
use super::chain::Database;
use super::connection_manager::{ConnectionManager, Side};
use super::inbound_route::{Labels, routes};
use super::inspectors::{
    http_inspector, only_ports, original_dst, original_src, tls_inspector, unless_ports,
};
use super::message::{exact_balance, listener};
use super::mtls::{self, Chain, Needs};
use super::plan::{FIRST_UNPRIVILEGED_PORT, of_families};
use super::profile::Profile;
use super::{connection_manager, tcp, tls};
use crate::api::config::Config;
use crate::api::networking::Sidecar;
use crate::api::{Code, Diagnostic, MeshConfig, Meta, ObjectKey, Severity, Str};
use crate::model::policy::peer::{Applied, Mode, Modes};
use crate::model::{Protocol, ServiceTarget};
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::core::v3::TrafficDirection;
use crate::proto::envoy::envoy::config::listener::v3::{
    FilterChain, FilterChainMatch, Listener, ListenerFilter,
};
use crate::translate::common::metadata::{ISTIO, filter_metadata};
use crate::translate::common::name::{
    BLACK_HOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER, inbound_cluster,
};
use crate::translate::common::value::{boolean, duration, uint32};
use crate::translate::gateway::tls as gateway_tls;
use crate::translate::ingress::{self, Ingress};
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::scope::{Interception, Scope, TraceTags};
use crate::translate::security::Guards;

/// All that the inbound listener depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The profile of the proxy.
    pub profile: Same<Profile>,
    /// What spans tell of the workload; None when nothing is traced.
    pub tags: Option<TraceTags>,
    /// The ports on which the workload serves, by number.
    pub ports: BTreeMap<u16, Port>,
    /// What is asked of connections to it.
    pub peers: Applied,
    /// The ports that have a mode of their own although nobody describes them.
    pub undescribed: BTreeSet<u16>,
    /// What refuses requests and connections.
    pub guards: Guards,
    /// The addresses that it binds; None for the listener to which traffic is redirected.
    pub bound: Option<Vec<IpAddr>>,
}

/// A port on which the workload serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// The address that its filter chains are named by.
    pub address: IpAddr,
    /// The oldest service that leads to it, or what stands for the Sidecar that describes it.
    pub host: Str,
    /// The number that clients of the service use.
    pub service_port: u16,
    /// What is spoken, once TLS is ended.
    pub protocol: Protocol,
    /// The TLS that the Sidecar says, as an encoded context; it counts where mTLS is not ended.
    pub tls: Option<Arc<[u8]>>,
    /// The object that defines the service, or the Sidecar.
    pub origin: ObjectKey,
    /// The configuration that its filter chains name as the one that they come from.
    pub config: Option<Str>,
}

/// The ports of a workload behind these services, oldest first. Two services may lead to one port; if they
/// say that different things are spoken there, the older one is believed (the builder of inbound clusters
/// tells the owners).
pub fn ports<'a>(
    targets: impl IntoIterator<Item = &'a ServiceTarget>,
    profile: &Profile,
) -> BTreeMap<u16, Port> {
    let mut ports = BTreeMap::new();
    let wildcard = of_families(profile.families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    let Some(address) = wildcard.first() else { return ports };
    for target in targets {
        let service = &target.service;
        let Some(port) = service.ports.get(target.port) else { continue };
        if Speech::of(port.protocol).is_some() && !profile.is_own_port(target.target_port) {
            ports.entry(target.target_port).or_insert_with(|| Port {
                address: *address,
                host: service.key.hostname.clone(),
                service_port: port.number,
                protocol: port.protocol,
                tls: None,
                origin: service.origin.clone(),
                config: None,
            });
        }
    }
    ports
}

/// A port that the ingress of a scope's Sidecar describes; None if it carries no streams. An error tells why it has no
/// listener.
pub fn of_ingress(
    scope: &Scope,
    profile: &Profile,
    ingress: &Ingress,
    mesh: &MeshConfig,
) -> Result<Option<Port>, Diagnostic> {
    let (Some(Same(sidecar)), Some(host)) = (&scope.sidecar, ingress::name(scope)) else {
        return Ok(None);
    };
    let (Some(_), Some(address)) = (Speech::of(ingress.protocol), ingress.addresses.first()) else {
        return Ok(None);
    };
    let status = [profile.status_port, profile.prometheus_port];
    let everywhere = match &*listener_bind(sidecar, ingress) {
        "" => ingress.protocol.is_http(),
        _ => address.is_unspecified(),
    };
    let privileged =
        ingress.bound && profile.unprivileged && ingress.port < FIRST_UNPRIVILEGED_PORT;
    if privileged || everywhere && status.contains(&ingress.port) {
        return Err(Diagnostic {
            severity: Severity::Error,
            location: None,
            object: Some(sidecar.key()),
            path: format!("spec.ingress[{}].port.number", ingress.index),
            message: format!(
                "port {} is not served: the proxy uses it itself, or may not bind ports below \
                 {FIRST_UNPRIVILEGED_PORT}; use another port",
                ingress.port
            ),
            code: Code::Other,
        });
    }
    // Istio names the namespace in which the Sidecar has effect, be it defined in the root namespace.
    let effective = Meta { namespace: scope.namespace.clone(), ..sidecar.meta.clone() };
    let effective = Config { meta: effective, ..Config::<Sidecar>::default() };
    let tls = sidecar.spec.ingress.get(ingress.index).and_then(|listener| listener.tls.as_ref());
    let tls = tls.filter(|_| scope.features.sidecar_ingress_tls).map(|settings| {
        let (alpn, defaults) =
            (gateway_tls::alpn(false), gateway_tls::Defaults::of(mesh, &scope.features));
        let context = gateway_tls::downstream(settings, &alpn, &defaults, &profile.secrets);
        gateway_tls::over_tcp(context).into()
    });
    Ok(Some(Port {
        address: *address,
        host,
        service_port: ingress.port,
        protocol: match (tls.is_some(), ingress.protocol) {
            (true, Protocol::Https) => Protocol::Http,
            (true, Protocol::Tls) => Protocol::Tcp,
            (_, protocol) => protocol,
        },
        tls,
        origin: sidecar.key(),
        config: Some(effective.resource_path().into()),
    }))
}

/// The address that the user wrote.
fn listener_bind(sidecar: &Config<Sidecar>, ingress: &Ingress) -> Str {
    sidecar.spec.ingress.get(ingress.index).map(|i| i.bind.clone()).unwrap_or_default()
}

/// The listener.
pub fn build(key: &Key) -> Resource {
    let Same(profile) = &key.profile;
    let grpc_web = key.ports.values().any(|port| port.protocol == Protocol::GrpcWeb);
    let builder = Builder {
        key,
        profile,
        manager: ConnectionManager::new(&manager_key(key, false)),
        grpc_web: grpc_web.then(|| ConnectionManager::new(&manager_key(key, true))),
    };
    let chains: Chains = key.ports.iter().map(|(n, port)| (*n, key.chains(*n, port))).collect();
    let of_ports = key
        .ports
        .iter()
        .filter_map(|(number, port)| Some(builder.port(*number, port, chains.get(number)?)));
    let message = match &key.bound {
        Some(addresses) => bound(key, addresses, &chains, of_ports.flatten().collect()),
        None => {
            let loose = key.loose();
            let mut all = vec![builder.black_hole()];
            all.extend(loose.iter().flat_map(|(port, chains)| builder.passthrough(*port, chains)));
            all.extend(of_ports.flatten());
            redirected(key, &chains.into_iter().chain(loose).collect(), all)
        }
    };
    let message = Listener {
        listener_filters_timeout: Some(duration(profile.detection_timeout)),
        continue_on_listener_filters_timeout: true,
        max_connections_to_accept_per_socket_event: profile.accept_per_event(),
        connection_balance_config: profile.inbound_exact_balance.then(exact_balance),
        ..message
    };
    let origins = key.ports.values().map(|port| &port.origin).chain(&key.peers.origins);
    let origins = origins.chain(key.guards.origins()).cloned();
    Resource::new(message.name.as_str().into(), encode(&message), origins)
}

/// The chains of ports; those of 0 are for connections to any other port.
type Chains = BTreeMap<u16, Vec<Chain>>;

impl Key {
    fn chains(&self, number: u16, port: &Port) -> Vec<Chain> {
        let Some(speech) = Speech::of(port.protocol) else { return Vec::new() };
        match self.own_tls(number, port) {
            Some(_) => mtls::own_tls(speech),
            None => self.chains_of(self.peers.modes.of_port(number), speech),
        }
    }

    /// What is for connections to ports that nobody describes.
    fn loose(&self) -> Chains {
        let Modes { workload, .. } = self.peers.modes;
        let others = self.undescribed.iter().map(|port| (*port, self.peers.modes.of_port(*port)));
        let all = [(0, workload)].into_iter().chain(others);
        all.map(|(port, mode)| (port, self.chains_of(mode, Speech::Auto))).collect()
    }

    fn chains_of(&self, mode: Mode, speech: Speech) -> Vec<Chain> {
        let Same(profile) = &self.profile;
        mtls::chains(mode, speech, profile.plaintext_http_alpn())
    }

    /// The TLS of the Sidecar, where it is in force: what ends mTLS ends no other.
    fn own_tls<'a>(&self, number: u16, port: &'a Port) -> Option<&'a [u8]> {
        port.tls.as_deref().filter(|_| self.peers.modes.of_port(number) == Mode::Disable)
    }
}

/// The listener to which all traffic is redirected.
fn redirected(key: &Key, chains: &Chains, filter_chains: Vec<FilterChain>) -> Listener {
    let Same(profile) = &key.profile;
    let wildcard = of_families(profile.families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    let transparent = profile.interception == Interception::Tproxy;
    Listener {
        filter_chains,
        listener_filters: listener_filters(profile, chains),
        transparent: transparent.then_some(boolean(true)),
        ..listener(
            "virtualInbound".into(),
            &wildcard,
            profile.inbound_port,
            TrafficDirection::Inbound,
        )
    }
}

/// A listener of one port.
fn bound(
    key: &Key,
    addresses: &[IpAddr],
    chains: &Chains,
    filter_chains: Vec<FilterChain>,
) -> Listener {
    let Some((number, port)) = key.ports.first_key_value() else { return Listener::default() };
    let needs = chains.get(number).map(|chains| Needs::of(chains)).unwrap_or_default();
    let own = BTreeSet::from([*number]);
    let tls = needs.tls.then(|| only_ports(tls_inspector(), &own));
    Listener {
        filter_chains,
        listener_filters: tls.into_iter().chain(needs.http.then(http_inspector)).collect(),
        ..listener(
            format!("{}_{number}", port.address),
            addresses,
            *number,
            TrafficDirection::Inbound,
        )
    }
}

fn manager_key(key: &Key, grpc_web: bool) -> connection_manager::Key {
    connection_manager::Key {
        profile: key.profile.clone(),
        tags: key.tags.clone(),
        side: Side::Inbound,
        grpc_web,
        guards: key.guards.clone(),
        forwards: Vec::new(),
    }
}

/// What filter chains are made for.
struct Purpose<'a> {
    name: String,
    /// None for connections to any port.
    port: Option<u16>,
    /// The TLS that is ended; None for mTLS.
    tls: Option<&'a [u8]>,
    cluster: &'a str,
    stat_prefix: String,
    labels: Labels<'a>,
    retry: bool,
    http2: bool,
    /// What byte streams speak.
    database: Option<Database>,
    manager: &'a ConnectionManager,
    config: Option<&'a Str>,
}

struct Builder<'a> {
    key: &'a Key,
    profile: &'a Profile,
    manager: ConnectionManager,
    /// For ports that speak gRPC-Web, if there are any.
    grpc_web: Option<ConnectionManager>,
}

impl Builder<'_> {
    /// What is meant for the listener's own port would come back for ever.
    fn black_hole(&self) -> FilterChain {
        FilterChain {
            name: "virtualInbound-blackhole".into(),
            filter_chain_match: Some(FilterChainMatch {
                destination_port: Some(uint32(self.profile.inbound_port.into())),
                ..FilterChainMatch::default()
            }),
            filters: tcp::inbound(self.profile, &Guards::default(), None, BLACK_HOLE_CLUSTER),
            ..FilterChain::default()
        }
    }

    /// Connections to a port that nobody describes, or to any such port for 0.
    fn passthrough(&self, port: u16, chains: &[Chain]) -> Vec<FilterChain> {
        let purpose = |chain: &Chain| Purpose {
            name: if chain.http { "virtualInbound-catchall-http" } else { "virtualInbound" }.into(),
            port: (port != 0).then_some(port),
            tls: None,
            cluster: INBOUND_PASSTHROUGH_CLUSTER,
            stat_prefix: INBOUND_PASSTHROUGH_CLUSTER.into(),
            labels: Labels { host: "", port: 0 },
            retry: true,
            http2: false,
            database: None,
            manager: &self.manager,
            config: None,
        };
        chains.iter().map(|chain| self.chain(chain, &purpose(chain))).collect()
    }

    fn port(&self, number: u16, port: &Port, chains: &[Chain]) -> Vec<FilterChain> {
        let (cluster, name) = (inbound_cluster(number), format!("{}_{number}", port.address));
        let purpose = Purpose {
            stat_prefix: format!("inbound_{name}"),
            name,
            port: Some(number),
            tls: self.key.own_tls(number, port),
            cluster: &cluster,
            labels: Labels { host: &port.host, port: port.service_port },
            // A gRPC client decides itself what it sends again.
            retry: !matches!(port.protocol, Protocol::Grpc | Protocol::GrpcWeb),
            http2: port.protocol.is_http2(),
            database: Database::of(port.protocol),
            manager: match (port.protocol, &self.grpc_web) {
                (Protocol::GrpcWeb, Some(manager)) => manager,
                _ => &self.manager,
            },
            config: port.config.as_ref(),
        };
        chains.iter().map(|chain| self.chain(chain, &purpose)).collect()
    }

    fn chain(&self, chain: &Chain, purpose: &Purpose<'_>) -> FilterChain {
        let filters = if chain.http {
            let routes = routes(purpose.cluster, purpose.labels, purpose.retry);
            let manager = purpose.manager.with_routes(&purpose.stat_prefix, routes, purpose.http2);
            tcp::metadata_exchange(self.profile).into_iter().chain([manager]).collect()
        } else {
            tcp::inbound(self.profile, &self.key.guards, purpose.database, purpose.cluster)
        };
        FilterChain {
            name: purpose.name.clone(),
            filter_chain_match: Some(FilterChainMatch {
                destination_port: purpose.port.map(|port| uint32(port.into())),
                transport_protocol: chain.transport.name().into(),
                application_protocols: chain.alpn.iter().copied().map(str::to_owned).collect(),
                ..FilterChainMatch::default()
            }),
            filters,
            metadata: purpose
                .config
                .map(|path| filter_metadata([(ISTIO, json!({ "config": &**path }))])),
            transport_socket: chain.ends_tls.then(|| match purpose.tls {
                Some(context) => gateway_tls::socket(context, false),
                None => {
                    let peer_exchange = self.profile.peer_alpn && !chain.http;
                    tls::downstream(self.profile, peer_exchange)
                }
            }),
            ..FilterChain::default()
        }
    }
}

/// An inspector looks only where a chain needs its answer, and is left out if none does.
fn listener_filters(profile: &Profile, chains: &Chains) -> Vec<ListenerFilter> {
    let mut needs: BTreeMap<u16, Needs> =
        chains.iter().map(|(port, chains)| (*port, Needs::of(chains))).collect();
    // That chain chooses by the port alone.
    needs.insert(profile.inbound_port, Needs::default());
    let ports = |which: &dyn Fn(&Needs) -> bool| -> BTreeSet<u16> {
        needs.iter().filter(|(_, needs)| which(needs)).map(|(port, _)| *port).collect()
    };
    let mut filters = vec![original_dst()];
    if profile.interception == Interception::Tproxy {
        filters.push(original_src());
    }
    let (tls, http) = (ports(&|needs| needs.tls), ports(&|needs| needs.http));
    if tls.contains(&0) {
        filters.push(unless_ports(tls_inspector(), &ports(&|needs| !needs.tls)));
    } else if !tls.is_empty() {
        filters.push(only_ports(tls_inspector(), &tls));
    }
    // Istio lists port 0 among the others here, where it stands for nothing: other ports are looked at all the same.
    if !http.is_empty() {
        filters.push(unless_ports(http_inspector(), &ports(&|needs| !needs.http)));
    }
    filters
}
