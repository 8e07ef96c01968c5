//! Parts that all listeners have.

use std::net::IpAddr;

use crate::proto::envoy::envoy::config::core::v3::address::Address as Kind;
use crate::proto::envoy::envoy::config::core::v3::socket_address::Protocol as SocketProtocol;
use crate::proto::envoy::envoy::config::core::v3::{TrafficDirection, UdpSocketConfig};
use crate::proto::envoy::envoy::config::listener::v3::listener::ConnectionBalanceConfig;
use crate::proto::envoy::envoy::config::listener::v3::listener::connection_balance_config::{
    BalanceType, ExactBalance,
};
use crate::proto::envoy::envoy::config::listener::v3::{
    AdditionalAddress, Listener, QuicProtocolOptions, UdpListenerConfig,
};
use crate::translate::common::address::address;

/// A listener on one port of these addresses.
pub fn listener(
    name: String,
    addresses: &[IpAddr],
    port: u16,
    direction: TrafficDirection,
) -> Listener {
    let mut all = addresses.iter().map(|ip| address(ip, port));
    Listener {
        name,
        address: all.next(),
        additional_addresses: all
            .map(|address| AdditionalAddress { address: Some(address), ..Default::default() })
            .collect(),
        traffic_direction: direction.into(),
        ..Listener::default()
    }
}

/// Makes it a listener for QUIC.
pub fn take_udp(listener: &mut Listener) {
    let more = listener.additional_addresses.iter_mut().filter_map(|more| more.address.as_mut());
    for address in listener.address.iter_mut().chain(more) {
        if let Some(Kind::SocketAddress(socket)) = &mut address.address {
            socket.protocol = SocketProtocol::Udp.into();
        }
    }
    listener.udp_listener_config = Some(UdpListenerConfig {
        downstream_socket_config: Some(UdpSocketConfig::default()),
        quic_options: Some(QuicProtocolOptions::default()),
        ..UdpListenerConfig::default()
    });
}

/// Connections are spread over Envoy's workers exactly, which helps when they are few and long.
pub fn exact_balance() -> ConnectionBalanceConfig {
    ConnectionBalanceConfig { balance_type: Some(BalanceType::ExactBalance(ExactBalance {})) }
}
