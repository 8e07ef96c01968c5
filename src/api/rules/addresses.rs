//! IP addresses, networks in CIDR form and unix sockets.

use std::net::IpAddr;

use crate::api::field_path::Place;
use crate::api::issue::Issues;

/// What the address of a unix socket begins with.
pub(in crate::api) const UNIX: &str = "unix://";

/// Whether it is an IP address; one of IPv6 may have a zone.
pub(in crate::api) fn is_ip(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && matches!(address.parse(), Ok(IpAddr::V6(_))),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// An IP address.
pub(in crate::api) fn ip(text: &str, at: &Place<'_>, issues: &mut Issues) {
    if !is_ip(text) {
        issues
            .error(*at, format!("{text:?} is no IP address: give one such as 10.0.0.1 or fd00::1"));
    }
}

/// An IP address, or a network in CIDR form.
pub(in crate::api) fn subnet(text: &str, at: &Place<'_>, issues: &mut Issues) {
    let Some((address, length)) = text.split_once('/') else { return ip(text, at, issues) };
    let bits = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => 0,
    };
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (length == "0" || !length.starts_with('0'));
    if bits == 0 || !plain || length.parse::<u32>().map_or(true, |length| length > bits) {
        issues.error(
            *at,
            format!("{text:?} is no CIDR block: give one such as 10.0.0.0/8 or fd00::/64"),
        );
    }
}

/// The path of a unix socket, without [`UNIX`]; one with `@` is abstract.
pub(in crate::api) fn unix_path(path: &str, at: &Place<'_>, issues: &mut Issues) {
    if path.is_empty() {
        issues.error(*at, "the unix socket has no path: write unix:///PATH");
    } else if !path.starts_with('@') && (!path.starts_with('/') || path.ends_with('/')) {
        issues
            .error(*at, format!("{path:?} is not an absolute path to a file: write unix:///PATH"));
    }
}

/// An address to listen on: empty, an IP address, or a unix socket where there is no port.
pub(in crate::api) fn bind(bind: &str, at: &Place<'_>, issues: &mut Issues) {
    if let Some(path) = bind.strip_prefix(UNIX) {
        unix_path(path, at, issues);
    } else if !bind.is_empty() {
        ip(bind, at, issues);
    }
}
