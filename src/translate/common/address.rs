//! Addresses.

use crate::proto::envoy::envoy::config::core::v3::socket_address::PortSpecifier;
use crate::proto::envoy::envoy::config::core::v3::{
    Address, CidrRange, Pipe, SocketAddress, address::Address as Kind,
};

use super::value::uint32;

/// A TCP address and port. Port 0 is said explicitly, as in a bind address that leaves the choice open.
pub fn socket_address(address: impl ToString, port: u16) -> SocketAddress {
    SocketAddress {
        address: address.to_string(),
        port_specifier: Some(PortSpecifier::PortValue(port.into())),
        ..SocketAddress::default()
    }
}

/// A TCP address and port, where a message also takes other kinds of address.
pub fn address(address: impl ToString, port: u16) -> Address {
    Address { address: Some(Kind::SocketAddress(socket_address(address, port))) }
}

/// A unix socket.
pub fn pipe(path: &str) -> Address {
    let pipe = Pipe { path: path.into(), ..Pipe::default() };
    Address { address: Some(Kind::Pipe(pipe)) }
}

/// A block of addresses, `length` bits of which are fixed.
pub fn cidr_range(address: impl ToString, length: u8) -> CidrRange {
    CidrRange { address_prefix: address.to_string(), prefix_len: Some(uint32(length.into())) }
}
