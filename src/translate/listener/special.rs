//! Outbound listeners that stand for no service: where redirected traffic arrives, and explicit HTTP proxying.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::connection_manager::ConnectionManager;
use super::message::{exact_balance, listener};
use super::outbound::unknown_destination;
use super::plan::of_families;
use super::profile::Profile;
use super::tcp;
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::core::v3::TrafficDirection;
use crate::proto::envoy::envoy::config::listener::v3::{FilterChain, FilterChainMatch, Listener};
use crate::translate::common::name::BLACK_HOLE_CLUSTER;
use crate::translate::common::value::{boolean, uint32};
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::route::HTTP_PROXY;
use crate::translate::scope::Interception;

/// All that such a listener depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Where outbound traffic is redirected to.
    VirtualOutbound(Same<Profile>),
    /// Explicit HTTP proxying.
    HttpProxy(Same<Profile>, Same<ConnectionManager>),
}

/// The listener.
pub fn build(key: &Key) -> Resource {
    let message = match key {
        Key::VirtualOutbound(Same(profile)) => virtual_outbound(profile),
        Key::HttpProxy(Same(profile), Same(manager)) => http_proxy(profile, manager),
    };
    Resource::new(message.name.as_str().into(), encode(&message), [])
}

/// Hands each connection to the listener of the address that it was meant for, and keeps those that no listener
/// stands for. What is meant for the port itself would come back for ever.
fn virtual_outbound(profile: &Profile) -> Listener {
    let loops = FilterChain {
        name: "virtualOutbound-blackhole".into(),
        filter_chain_match: Some(FilterChainMatch {
            destination_port: Some(uint32(profile.outbound_port.into())),
            ..FilterChainMatch::default()
        }),
        filters: tcp::to_cluster(profile, BLACK_HOLE_CLUSTER),
        ..FilterChain::default()
    };
    let rest =
        FilterChain { name: "virtualOutbound-catchall-tcp".into(), ..unknown_destination(profile) };
    let transparent = profile.interception == Interception::Tproxy;
    let wildcard = of_families(profile.families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    Listener {
        filter_chains: vec![loops, rest],
        use_original_dst: Some(boolean(true)),
        transparent: transparent.then_some(boolean(true)),
        max_connections_to_accept_per_socket_event: profile.accept_per_event(),
        connection_balance_config: profile.outbound_exact_balance.then(exact_balance),
        ..listener(
            "virtualOutbound".into(),
            &wildcard,
            profile.outbound_port,
            TrafficDirection::Outbound,
        )
    }
}

/// For applications that are told to use a proxy.
fn http_proxy(profile: &Profile, manager: &ConnectionManager) -> Listener {
    let port = profile.http_proxy_port;
    let loopback = of_families(profile.families, Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    let address = loopback.first().map(ToString::to_string).unwrap_or_default();
    let name = format!("{address}_{port}");
    Listener {
        filter_chains: vec![FilterChain {
            filters: vec![manager.explicit_proxy(&format!("outbound_{name}"), HTTP_PROXY)],
            ..FilterChain::default()
        }],
        max_connections_to_accept_per_socket_event: profile.accept_per_event(),
        connection_balance_config: profile.outbound_exact_balance.then(exact_balance),
        ..listener(name, &loopback, port, TrafficDirection::Outbound)
    }
}
