//! The addresses that key sets are fetched from.
//!
//! Users of the mesh write URLs, and the control plane may reach what they may not: itself, its node, the credentials
//! that clouds give away at addresses of their own. Private networks are allowed: issuers live in clusters.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::api::cidr::Cidr;

/// Blocks that no issuer is in, and what is there.
const NEVER: [(&str, &str); 12] = [
    ("0.0.0.0/8", "this host"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local, where clouds give credentials away"),
    ("100.100.100.200/32", "the metadata of a cloud"),
    ("168.63.129.16/32", "the metadata of a cloud"),
    ("192.0.0.192/32", "the metadata of a cloud"),
    ("224.0.0.0/3", "not of one host"),
    ("::/127", "loopback"),
    ("fe80::/10", "link-local"),
    ("fd00:ec2::254/128", "the metadata of a cloud"),
    ("fd20:ce::254/128", "the metadata of a cloud"),
    ("ff00::/8", "not of one host"),
];

/// Which addresses may be connected to.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Refused whatever else is said.
    blocked: Arc<[Cidr]>,
    /// Allowed although they are refused otherwise.
    allowed: Arc<[Cidr]>,
}

impl Addresses {
    /// All but those that are never an issuer's, and but these. Of the former some may be allowed.
    pub fn new(
        blocked: impl IntoIterator<Item = Cidr>,
        allowed: impl IntoIterator<Item = Cidr>,
    ) -> Addresses {
        Addresses { blocked: blocked.into_iter().collect(), allowed: allowed.into_iter().collect() }
    }

    /// Whether an address may be connected to. The error says why not, and how to mend that.
    pub(super) fn check(&self, ip: IpAddr) -> Result<(), String> {
        let forms = forms(ip);
        let within = |block: &Cidr| forms.iter().any(|form| block.contains(*form));
        if self.blocked.iter().any(within) {
            return Err(format!("the address {ip} is in BLOCKED_CIDRS_IN_JWKS_URIS"));
        }
        if self.allowed.iter().any(within) {
            return Ok(());
        }
        let mut never = NEVER.iter().filter_map(|(block, what)| Some((Cidr::parse(block)?, what)));
        match never.find(|(block, _)| within(block)) {
            Some((_, what)) => Err(format!(
                "the address {ip} is refused ({what}); if the issuer is really there, allow it with \
                 ISTIOD_ALLOWED_CIDRS_IN_JWKS_URIS"
            )),
            None => Ok(()),
        }
    }
}

/// An address, and the IPv4 address that it leads to.
fn forms(ip: IpAddr) -> Vec<IpAddr> {
    let embedded = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => embedded(ip).map(IpAddr::V4),
    };
    std::iter::once(ip).chain(embedded).collect()
}

/// The IPv4 address inside one of IPv6: mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    let low = |shift: u32| Some(Ipv4Addr::from_bits((bits >> shift) as u32));
    match bits >> 32 {
        0 if bits > 1 => low(0),
        0xffff => low(0),
        prefix if prefix == 0x0064_ff9b << 64 => low(0),
        _ if bits >> 112 == 0x2002 => low(80),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
