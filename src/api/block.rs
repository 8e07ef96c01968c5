//! Blocks of IP addresses.

use std::fmt;
use std::net::IpAddr;

/// A block of addresses; a single one where all bits are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// An address of it, as it was written.
    pub address: IpAddr,
    /// How many bits are fixed.
    pub length: u8,
}

impl Block {
    /// From an IP address, or CIDR notation.
    pub fn parse(text: &str) -> Option<Block> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(all), |length| length.parse().ok())?;
        (length <= all).then_some(Block { address, length })
    }

    /// The address, if it is a single one.
    pub fn single(self) -> Option<IpAddr> {
        let all = if self.address.is_ipv4() { 32 } else { 128 };
        (self.length == all).then_some(self.address)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single() {
            Some(address) => address.fmt(f),
            None => write!(f, "{}/{}", self.address, self.length),
        }
    }
}
