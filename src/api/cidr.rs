//! Ranges of addresses, as `10.0.0.0/8` writes them.

use std::net::IpAddr;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// As written.
    address: IpAddr,
    /// How many leading bits are the same.
    length: u8,
}

impl Cidr {
    /// From `ADDRESS/LENGTH`. Bits behind the length are ignored; an address without a length is none.
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        if !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let length: u8 = length.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        (length <= bits).then_some(Cidr { address, length })
    }

    /// One address alone.
    pub fn host(text: &str) -> Option<Cidr> {
        let address: IpAddr = text.parse().ok()?;
        Some(Cidr { address, length: if address.is_ipv4() { 32 } else { 128 } })
    }

    /// The address that it was written with; bits behind the length may be set.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits are the same: the smaller, the more addresses.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether the address is one of them.
    pub fn contains(self, ip: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u8| match u32::from(bits - self.length) {
            shift if shift >= 128 => true,
            shift => a >> shift == b >> shift,
        };
        match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                same(own.to_bits().into(), ip.to_bits().into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => same(own.to_bits(), ip.to_bits(), 128),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
