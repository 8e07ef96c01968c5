//! Values that must make sense for an object to be used: names, ports, addresses, transports.

use std::net::IpAddr;

use super::{FieldPath, Issue};
use crate::api::core::Transport;

/// The longest DNS label, in bytes (RFC 1035).
const MAX_LABEL: usize = 63;
/// The longest DNS name that Kubernetes takes, in bytes.
const MAX_SUBDOMAIN: usize = 253;

/// A port that traffic can use.
pub(super) fn port(number: i32, path: impl FnOnce() -> FieldPath) -> Result<u16, Issue> {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Issue::error(path(), format!("{number} is no port: give one from 1 to 65535"))),
    }
}

/// An IP address.
pub(super) fn ip(text: &str, path: impl FnOnce() -> FieldPath) -> Result<IpAddr, Issue> {
    text.parse().map_err(|_| {
        Issue::error(
            path(),
            format!("{text:?} is no IP address: give one such as 10.0.0.1 or fd00::1"),
        )
    })
}

/// A transport protocol; TCP when unset.
pub(super) fn transport(
    name: Option<&str>,
    path: impl FnOnce() -> FieldPath,
) -> Result<Transport, Issue> {
    match name {
        None | Some("") | Some("TCP") => Ok(Transport::Tcp),
        Some("UDP") => Ok(Transport::Udp),
        Some("SCTP") => Ok(Transport::Sctp),
        Some(other) => {
            Err(Issue::error(path(), format!("{other:?} is no protocol: use TCP, UDP or SCTP")))
        }
    }
}

/// Whether it is a DNS label: letters in lower case, digits and `-`, of at most 63 bytes.
pub(super) fn is_label(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    bytes.len() <= MAX_LABEL
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// Whether it is DNS labels with dots between them, of at most 253 bytes.
pub(super) fn is_subdomain(name: &str) -> bool {
    name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_label)
}
