//! Outbound listeners: from a planned slot to Envoy's message.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto>

use std::sync::Arc;
use std::time::Duration;

use super::connection_manager::ConnectionManager;
use super::inspectors::{http_inspector, tls_inspector};
use super::message::{exact_balance, listener};
use super::profile::Profile;
use super::slot::{Http, Slot, Tcp};
use super::tcp;
use crate::api::mesh::OutboundPolicy;
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::core::v3::TrafficDirection;
use crate::proto::envoy::envoy::config::listener::v3::{
    FilterChain, FilterChainMatch, Listener, ListenerFilter,
};
use crate::translate::common::name::{BLACK_HOLE_CLUSTER, PASSTHROUGH_CLUSTER};
use crate::translate::common::value::{boolean, duration};
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::scope::Interception;

/// All that an outbound listener depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The profile of the proxy.
    pub profile: Same<Profile>,
    /// What stands on it.
    pub slot: Arc<Slot>,
    /// The workload's connection managers, if there is HTTP on it.
    pub manager: Option<Same<ConnectionManager>>,
}

/// The listener of a slot.
pub fn of_slot(key: &Key) -> Resource {
    let (Same(profile), slot) = (&key.profile, &key.slot);
    let name = slot.name();
    let (filter_chains, default_filter_chain) = chains(key, &name);
    let bound = profile.interception == Interception::None;
    let sni = slot.tcp.iter().any(|tcp| !tcp.server_names.is_empty());
    let inspectors = [sni.then(tls_inspector), slot.http.is_some().then(http_inspector)];
    let listener_filters: Vec<ListenerFilter> = inspectors.into_iter().flatten().collect();
    let detection_timeout = match listener_filters.is_empty() {
        true => Duration::ZERO,
        false => profile.detection_timeout,
    };
    let message = Listener {
        filter_chains,
        default_filter_chain,
        listener_filters,
        listener_filters_timeout: Some(duration(detection_timeout)),
        continue_on_listener_filters_timeout: true,
        bind_to_port: (!bound).then_some(boolean(false)),
        max_connections_to_accept_per_socket_event: profile.accept_per_event().filter(|_| bound),
        connection_balance_config: profile.outbound_exact_balance.then(exact_balance),
        ..listener(name, &slot.addresses, slot.port, TrafficDirection::Outbound)
    };
    Resource::new(message.name.as_str().into(), encode(&message), slot.origins().cloned())
}

/// The filter chains of a slot, and the one for what matches none of them. Envoy does not look for a second
/// match, so a chain without one cannot stand beside others.
fn chains(key: &Key, listener: &str) -> (Vec<FilterChain>, Option<FilterChain>) {
    let (Same(profile), slot) = (&key.profile, &key.slot);
    let http = slot.http.as_ref().zip(key.manager.as_ref());
    let http = http.map(|(http, Same(manager))| http_chain(profile, listener, http, manager));
    let (rest, named): (Vec<&Tcp>, Vec<&Tcp>) =
        slot.tcp.iter().partition(|tcp| tcp.server_names.is_empty());
    let named = named.into_iter().map(|tcp| tcp_chain(profile, tcp));
    let mut chains: Vec<FilterChain> = http.into_iter().chain(named).collect();
    let mut rest = rest.first().map(|tcp| tcp_chain(profile, tcp));
    if chains.is_empty() {
        chains.extend(rest.take());
    } else if rest.is_none() && slot.wildcard {
        rest = Some(FilterChain {
            name: "PassthroughFilterChain".into(),
            filter_chain_match: Some(FilterChainMatch::default()),
            ..unknown_destination(profile)
        });
    }
    (chains, rest)
}

/// What is recognised as plain HTTP.
fn http_chain(
    profile: &Profile,
    listener: &str,
    http: &Http,
    manager: &ConnectionManager,
) -> FilterChain {
    let alpn = profile.plaintext_http_alpn();
    FilterChain {
        filter_chain_match: Some(FilterChainMatch {
            transport_protocol: "raw_buffer".into(),
            application_protocols: alpn.iter().copied().map(str::to_owned).collect(),
            ..FilterChainMatch::default()
        }),
        filters: vec![manager.with_rds(&format!("outbound_{listener}"), &http.route_name)],
        transport_socket_connect_timeout: Some(duration(profile.features.handshake_timeout)),
        ..FilterChain::default()
    }
}

/// The byte streams of a service.
fn tcp_chain(profile: &Profile, tcp: &Tcp) -> FilterChain {
    let named = (!tcp.server_names.is_empty()).then(|| FilterChainMatch {
        server_names: tcp.server_names.clone(),
        ..FilterChainMatch::default()
    });
    FilterChain {
        filter_chain_match: named,
        filters: tcp::outbound(profile, &tcp.cluster, tcp.mongo),
        transport_socket_connect_timeout: Some(duration(profile.features.handshake_timeout)),
        ..FilterChain::default()
    }
}

/// Traffic that no service is known for.
pub fn unknown_destination(profile: &Profile) -> FilterChain {
    let cluster = match profile.outbound_policy {
        OutboundPolicy::AllowAny => profile.egress_proxy.as_deref().unwrap_or(PASSTHROUGH_CLUSTER),
        OutboundPolicy::RegistryOnly => BLACK_HOLE_CLUSTER,
    };
    FilterChain { filters: tcp::outbound(profile, cluster, false), ..FilterChain::default() }
}
