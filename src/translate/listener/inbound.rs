//! Inbound listeners: one for all ports of the workload, to which its traffic is redirected, and one for each port
//! that its Sidecar binds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::json;

use super::bind::Speech;
use super::chain::Database;
use super::connection_manager::{ConnectionManager, Side};
use super::inbound_route::{Labels, routes};
use super::inspectors::{
    http_inspector, only_port, original_dst, original_src, tls_inspector, unless_port,
};
use super::message::{exact_balance, listener};
use super::mtls::{self, Chain, Modes};
use super::plan::{FIRST_UNPRIVILEGED_PORT, of_families};
use super::profile::Profile;
use super::{connection_manager, tcp, tls};
use crate::api::config::Config;
use crate::api::networking::Sidecar;
use crate::api::{Diagnostic, Meta, ObjectKey, Severity, Str};
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
use crate::translate::ingress::{self, Ingress};
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::scope::{Interception, Scope, TraceTags};

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
    pub modes: Modes,
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
    /// What is spoken.
    pub protocol: Protocol,
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
        });
    }
    // Istio names the namespace in which the Sidecar has effect, be it defined in the root namespace.
    let effective = Meta { namespace: scope.namespace.clone(), ..sidecar.meta.clone() };
    let effective = Config { meta: effective, ..Config::<Sidecar>::default() };
    Ok(Some(Port {
        address: *address,
        host,
        service_port: ingress.port,
        protocol: ingress.protocol,
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
        profile,
        manager: ConnectionManager::new(&manager_key(key, false)),
        grpc_web: grpc_web.then(|| ConnectionManager::new(&manager_key(key, true))),
    };
    let ports = key.ports.iter().flat_map(|(n, port)| builder.port(*n, port, &key.modes));
    let message = match &key.bound {
        Some(addresses) => bound(key, addresses, ports.collect()),
        None => {
            let mut chains = vec![builder.black_hole()];
            chains.extend(builder.passthrough(&key.modes));
            chains.extend(ports);
            redirected(key, chains)
        }
    };
    let message = Listener {
        listener_filters_timeout: Some(duration(profile.detection_timeout)),
        continue_on_listener_filters_timeout: true,
        max_connections_to_accept_per_socket_event: profile.accept_per_event(),
        connection_balance_config: profile.inbound_exact_balance.then(exact_balance),
        ..message
    };
    let origins = key.ports.values().map(|port| port.origin.clone());
    Resource::new(message.name.as_str().into(), encode(&message), origins)
}

/// The listener to which all traffic is redirected.
fn redirected(key: &Key, filter_chains: Vec<FilterChain>) -> Listener {
    let Same(profile) = &key.profile;
    let wildcard = of_families(profile.families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    let transparent = profile.interception == Interception::Tproxy;
    Listener {
        filter_chains,
        listener_filters: listener_filters(profile, &key.ports, &key.modes),
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
fn bound(key: &Key, addresses: &[IpAddr], filter_chains: Vec<FilterChain>) -> Listener {
    let Some((number, port)) = key.ports.first_key_value() else { return Listener::default() };
    let (mode, speech) = (key.modes.of_port(*number), Speech::of(port.protocol));
    let tls = mtls::needs_tls_inspector(mode).then(|| only_port(tls_inspector(), *number));
    let sniffed = speech.is_some_and(|speech| mtls::needs_http_inspector(mode, speech));
    Listener {
        filter_chains,
        listener_filters: tls.into_iter().chain(sniffed.then(http_inspector)).collect(),
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
        forwards: Vec::new(),
    }
}

/// What filter chains are made for.
struct Purpose<'a> {
    name: String,
    /// None for connections to any port.
    port: Option<u16>,
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
            filters: tcp::inbound(self.profile, None, BLACK_HOLE_CLUSTER),
            ..FilterChain::default()
        }
    }

    /// Connections to ports that no service leads to.
    fn passthrough(&self, modes: &Modes) -> Vec<FilterChain> {
        let alpn = self.profile.plaintext_http_alpn();
        let chains = mtls::chains(modes.workload, Speech::Auto, alpn);
        let purpose = |chain: &Chain| Purpose {
            name: if chain.http { "virtualInbound-catchall-http" } else { "virtualInbound" }.into(),
            port: None,
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

    fn port(&self, number: u16, port: &Port, modes: &Modes) -> Vec<FilterChain> {
        let Some(speech) = Speech::of(port.protocol) else { return Vec::new() };
        let alpn = self.profile.plaintext_http_alpn();
        let (cluster, name) = (inbound_cluster(number), format!("{}_{number}", port.address));
        let purpose = Purpose {
            stat_prefix: format!("inbound_{name}"),
            name,
            port: Some(number),
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
        let chains = mtls::chains(modes.of_port(number), speech, alpn);
        chains.iter().map(|chain| self.chain(chain, &purpose)).collect()
    }

    fn chain(&self, chain: &Chain, purpose: &Purpose<'_>) -> FilterChain {
        let filters = if chain.http {
            let routes = routes(purpose.cluster, purpose.labels, purpose.retry);
            let manager = purpose.manager.with_routes(&purpose.stat_prefix, routes, purpose.http2);
            tcp::metadata_exchange(self.profile).into_iter().chain([manager]).collect()
        } else {
            tcp::inbound(self.profile, purpose.database, purpose.cluster)
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
            transport_socket: chain.mtls.then(|| {
                let peer_exchange = self.profile.peer_alpn && !chain.http;
                tls::downstream(&self.profile.trust_domains, &self.profile.mtls, peer_exchange)
            }),
            ..FilterChain::default()
        }
    }
}

/// An inspector looks only where a chain needs its answer, and is left out if none does.
fn listener_filters(
    profile: &Profile,
    ports: &BTreeMap<u16, Port>,
    modes: &Modes,
) -> Vec<ListenerFilter> {
    let mut filters = vec![original_dst()];
    if profile.interception == Interception::Tproxy {
        filters.push(original_src());
    }
    let mut inspect = |filter: ListenerFilter, needed: &dyn Fn(mtls::Mode, Speech) -> bool| {
        let without: BTreeSet<u16> = ports
            .iter()
            .filter(|(number, port)| {
                let speech = Speech::of(port.protocol).unwrap_or(Speech::Tcp);
                !needed(modes.of_port(**number), speech)
            })
            .map(|(number, _)| *number)
            .collect();
        let by_others = needed(modes.workload, Speech::Auto);
        if by_others || without.len() < ports.len() {
            let own = profile.inbound_port;
            filters.push(unless_port(filter, &without.into_iter().chain([own]).collect()));
        }
    };
    inspect(tls_inspector(), &|mode, _| mtls::needs_tls_inspector(mode));
    inspect(http_inspector(), &mtls::needs_http_inspector);
    filters
}
