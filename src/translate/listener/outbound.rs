//! Outbound listeners: from a planned slot to Envoy's message.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto>

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::bind::Place;
use super::chain::{Chain, Leads, Match};
use super::connection_manager::ConnectionManager;
use super::inspectors::{http_inspector, tls_inspector};
use super::message::{exact_balance, listener};
use super::profile::Profile;
use super::slot::Slot;
use super::tcp;
use crate::api::mesh::OutboundPolicy;
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::core::v3::TrafficDirection;
use crate::proto::envoy::envoy::config::listener::v3::{FilterChain, FilterChainMatch, Listener};
use crate::translate::common::address::{cidr_range, pipe};
use crate::translate::common::metadata::{ISTIO, filter_metadata};
use crate::translate::common::name::{BLACK_HOLE_CLUSTER, PASSTHROUGH_CLUSTER};
use crate::translate::common::value::{boolean, duration};
use crate::translate::memo::Same;
use crate::translate::resource::Resource;

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
    let named = slot
        .chains
        .iter()
        .any(|chain| !chain.matches.server_names.is_empty() || chain.leads.resolves_server_names());
    let sniffed = slot.chains.iter().any(|chain| chain.matches.plain_http);
    let inspectors = [named.then(tls_inspector), sniffed.then(http_inspector)];
    let addresses: &[IpAddr] = match &slot.place {
        Place::Addresses(addresses) => addresses,
        Place::Socket(_) => &[],
    };
    let common = listener(name, addresses, slot.port, TrafficDirection::Outbound);
    let message = Listener {
        address: slot.place.path().map(pipe).or_else(|| common.address.clone()),
        filter_chains,
        default_filter_chain,
        listener_filters: inspectors.into_iter().flatten().collect(),
        listener_filters_timeout: Some(duration(match sniffed {
            true => profile.detection_timeout,
            false => Duration::ZERO,
        })),
        continue_on_listener_filters_timeout: true,
        bind_to_port: (!slot.bound).then_some(boolean(false)),
        max_connections_to_accept_per_socket_event: profile
            .accept_per_event()
            .filter(|_| slot.bound),
        connection_balance_config: profile.outbound_exact_balance.then(exact_balance),
        ..common
    };
    Resource::new(message.name.as_str().into(), encode(&message), slot.origins().cloned())
}

/// The filter chains of a slot, and the one for what matches none of them. Envoy does not look for a second
/// match, so a chain without one cannot stand beside others.
fn chains(key: &Key, listener: &str) -> (Vec<FilterChain>, Option<FilterChain>) {
    let (Same(profile), slot) = (&key.profile, &key.slot);
    let build = |chain: &Chain| chain_of(key, listener, chain);
    let rest = slot.chains.iter().find(|chain| chain.matches.is_all()).map(build);
    let told = slot.chains.iter().filter(|chain| !chain.matches.is_all());
    let chains: Vec<FilterChain> = told.map(build).collect();
    match rest {
        Some(only) if chains.is_empty() => (vec![only], None),
        Some(rest) => (chains, Some(rest)),
        None => {
            let unknown = FilterChain {
                name: "PassthroughFilterChain".into(),
                filter_chain_match: Some(FilterChainMatch::default()),
                ..unknown_destination(profile)
            };
            (chains, Some(unknown))
        }
    }
}

fn chain_of(key: &Key, listener: &str, chain: &Chain) -> FilterChain {
    let Same(profile) = &key.profile;
    let filters = match (&chain.leads, &key.manager) {
        (Leads::Stream(stream), _) => tcp::outbound(profile, stream),
        (Leads::Http(http), Some(Same(manager))) => {
            vec![manager.with_rds(&format!("outbound_{listener}"), &http.route_name)]
        }
        (Leads::Http(_), None) => Vec::new(),
    };
    FilterChain {
        filter_chain_match: (!chain.matches.is_all()).then(|| matched(profile, &chain.matches)),
        filters,
        transport_socket_connect_timeout: Some(duration(profile.features.handshake_timeout)),
        metadata: chain
            .config
            .as_ref()
            .map(|path| filter_metadata([(ISTIO, json!({ "config": &**path }))])),
        ..FilterChain::default()
    }
}

fn matched(profile: &Profile, matches: &Match) -> FilterChainMatch {
    let alpn = if matches.plain_http { profile.plaintext_http_alpn() } else { &[] };
    let blocks = matches.blocks.iter().filter(|block| !block.address.is_unspecified());
    FilterChainMatch {
        transport_protocol: if matches.plain_http { "raw_buffer" } else { "" }.into(),
        application_protocols: alpn.iter().copied().map(str::to_owned).collect(),
        server_names: match matches.any_name() {
            true => Vec::new(),
            false => matches.server_names.iter().map(ToString::to_string).collect(),
        },
        prefix_ranges: blocks.map(|block| cidr_range(block.address, block.length)).collect(),
        ..FilterChainMatch::default()
    }
}

/// Traffic that no service is known for.
pub fn unknown_destination(profile: &Profile) -> FilterChain {
    let cluster = match profile.outbound_policy {
        OutboundPolicy::AllowAny => profile.egress_proxy.as_deref().unwrap_or(PASSTHROUGH_CLUSTER),
        OutboundPolicy::RegistryOnly => BLACK_HOLE_CLUSTER,
    };
    FilterChain { filters: tcp::to_cluster(profile, cluster), ..FilterChain::default() }
}
