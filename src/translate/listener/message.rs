//! Parts that all listeners have.

use std::net::IpAddr;

use crate::proto::envoy::envoy::config::core::v3::TrafficDirection;
use crate::proto::envoy::envoy::config::listener::v3::listener::ConnectionBalanceConfig;
use crate::proto::envoy::envoy::config::listener::v3::listener::connection_balance_config::{
    BalanceType, ExactBalance,
};
use crate::proto::envoy::envoy::config::listener::v3::{AdditionalAddress, Listener};
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

/// Connections are spread over Envoy's workers exactly, which helps when they are few and long.
pub fn exact_balance() -> ConnectionBalanceConfig {
    ConnectionBalanceConfig { balance_type: Some(BalanceType::ExactBalance(ExactBalance {})) }
}
