//! Addresses of listeners and endpoints, and prefixes of addresses.

use std::net::{IpAddr, SocketAddr};

use crate::proto::envoy::envoy::config::core::v3::address::Address as Kind;
use crate::proto::envoy::envoy::config::core::v3::socket_address::{PortSpecifier, Protocol};
use crate::proto::envoy::envoy::config::core::v3::{Address, CidrRange, SocketAddress};

/// The address and port of a TCP socket, if it is one by number.
pub(super) fn tcp_socket(address: Option<&Address>) -> Option<SocketAddr> {
    match address?.address.as_ref()? {
        Kind::SocketAddress(socket) if socket.protocol() == Protocol::Tcp => {
            Some(SocketAddr::new(socket.address.parse().ok()?, port(socket)))
        }
        _ => None,
    }
}

/// An address for people.
pub(super) fn shown(address: Option<&Address>) -> String {
    match address.and_then(|a| a.address.as_ref()) {
        Some(Kind::SocketAddress(socket)) => match socket.address.parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, port(socket)).to_string(),
            Err(_) => format!("{}:{}", socket.address, port(socket)),
        },
        Some(Kind::Pipe(pipe)) => format!("unix:{}", pipe.path),
        Some(Kind::EnvoyInternalAddress(internal)) => match internal.address_name_specifier {
            Some(ref specifier) => format!("the proxy's own listener {specifier:?}"),
            None => "the proxy itself".to_owned(),
        },
        None => "no address".to_owned(),
    }
}

fn port(socket: &SocketAddress) -> u16 {
    match socket.port_specifier {
        Some(PortSpecifier::PortValue(port)) => u16::try_from(port).unwrap_or_default(),
        _ => 0,
    }
}

/// The length of the longest of these prefixes that an address has.
pub(super) fn longest_prefix(ranges: &[CidrRange], ip: IpAddr) -> Option<u32> {
    ranges.iter().filter_map(|range| prefix(range, ip)).max()
}

fn prefix(range: &CidrRange, ip: IpAddr) -> Option<u32> {
    let length = range.prefix_len.as_ref().map_or(0, |length| length.value);
    let shared = match (range.address_prefix.parse().ok()?, ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => return None,
    };
    (shared >= length).then_some(length)
}

/// Prefixes for people.
pub(super) fn ranges(ranges: &[CidrRange]) -> String {
    let shown = |range: &CidrRange| {
        let length = range.prefix_len.as_ref().map_or(0, |length| length.value);
        format!("{}/{length}", range.address_prefix)
    };
    ranges.iter().map(shown).collect::<Vec<_>>().join(", ")
}
