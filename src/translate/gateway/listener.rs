//! A gateway's listeners: from a plan to Envoy's messages.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::plan::{Chain, Planned, Reads};
use super::tls;
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::core::v3::TrafficDirection;
use crate::proto::envoy::envoy::config::listener::v3::{
    Filter, FilterChain, FilterChainMatch, Listener, ListenerFilter,
};
use crate::translate::capability::Capability;
use crate::translate::common::value::duration;
use crate::translate::listener::connection_manager::ConnectionManager;
use crate::translate::listener::inspectors::{proxy_protocol, tls_inspector};
use crate::translate::listener::message::{exact_balance, listener, take_udp};
use crate::translate::listener::mtls::MTLS;
use crate::translate::listener::plan::of_families;
use crate::translate::listener::profile::Profile;
use crate::translate::listener::tcp::through_gateway;
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::security::Guards;

/// All that a listener depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The profile of the proxy.
    pub profile: Same<Profile>,
    /// What stands on it.
    pub planned: Arc<Planned>,
    /// The connection manager of requests, and the one of requests that may be gRPC-Web; each if there are such.
    pub managers: [Option<Same<ConnectionManager>>; 2],
    /// What refuses requests, as the connection managers do already.
    pub guards: Guards,
}

/// The listener.
pub fn build(key: &Key) -> Resource {
    let (Same(profile), planned) = (&key.profile, &key.planned);
    let addresses = match planned.bind {
        Some(ip) => vec![ip],
        None => of_families(profile.families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
    };
    let address = addresses.first().map(IpAddr::to_string).unwrap_or_default();
    let name = format!("{address}_{}", planned.port);
    let name = if planned.quic { format!("udp_{name}") } else { name };
    let chains = planned.chains.iter().filter_map(|chain| filter_chain(key, &name, chain));
    let mut message = Listener {
        filter_chains: chains.collect(),
        max_connections_to_accept_per_socket_event: profile.accept_per_event(),
        ..listener(name, &addresses, planned.port, TrafficDirection::Outbound)
    };
    if planned.quic {
        take_udp(&mut message);
    } else {
        message.listener_filters = listener_filters(profile, planned);
        message.connection_balance_config = profile.outbound_exact_balance.then(exact_balance);
    }
    let origins = planned.origins.iter().chain(key.guards.origins()).cloned();
    Resource::new(message.name.as_str().into(), encode(&message), origins)
}

/// The PROXY protocol stands before everything else. No filter has a timeout of its own: Envoy's is what saves a
/// gateway from clients that say nothing.
fn listener_filters(profile: &Profile, planned: &Planned) -> Vec<ListenerFilter> {
    let told = profile.proxy_config.gateway_topology.proxy_protocol.is_some();
    let told = told && profile.capabilities.has(Capability::ProxyProtocol);
    let reads_tls = |chain: &Chain| !chain.server_names.is_empty() || chain.tls.is_some();
    let inspected = planned.chains.iter().any(reads_tls);
    let filters = [told.then(proxy_protocol), inspected.then(tls_inspector)];
    filters.into_iter().flatten().collect()
}

fn filter_chain(key: &Key, listener: &str, chain: &Chain) -> Option<FilterChain> {
    let Same(profile) = &key.profile;
    let application_protocols = if chain.of_mesh { MTLS } else { &[] };
    let matched = FilterChainMatch {
        server_names: chain.server_names.iter().map(ToString::to_string).collect(),
        application_protocols: application_protocols.iter().map(|p| (*p).to_owned()).collect(),
        ..FilterChainMatch::default()
    };
    let timeout = profile.features.handshake_timeout;
    Some(FilterChain {
        filter_chain_match: (matched != FilterChainMatch::default()).then_some(matched),
        filters: filters(key, listener, chain)?,
        transport_socket: chain.tls.as_deref().map(|tls| tls::socket(tls, key.planned.quic)),
        transport_socket_connect_timeout: (!timeout.is_zero()).then(|| duration(timeout)),
        ..FilterChain::default()
    })
}

/// Who ends the TLS that a chain passes on to the mesh guards what is in it.
fn filters(key: &Key, listener: &str, chain: &Chain) -> Option<Vec<Filter>> {
    let [plain, grpc_web_too] = &key.managers;
    let nothing = Guards::default();
    let guards = if chain.of_mesh { &nothing } else { &key.guards };
    match &chain.reads {
        Reads::Stream { stream, exchange } => {
            Some(through_gateway(&key.profile.0, guards, stream, *exchange))
        }
        Reads::Http { route, counted_as, grpc_web } => {
            let Same(manager) = if *grpc_web { grpc_web_too } else { plain }.as_ref()?;
            let counted_as = match &**counted_as {
                "" => format!("outbound_{listener};"),
                name => name.to_owned(),
            };
            Some(vec![manager.of_gateway(counted_as, route, key.planned.quic)])
        }
    }
}
