//! Numbers, names and protocols of ports.

use crate::api::Protocol;
use crate::api::field_path::Place;
use crate::api::issue::Issues;

use super::hosts::is_label;

/// The number of a port.
pub(in crate::api) fn number(number: u32, at: &Place<'_>, issues: &mut Issues) {
    if !(1..=65535).contains(&number) {
        issues.error(*at, format!("port number {number} is not in the range 1..65535"));
    }
}

/// The number of a port, or 0 for none.
pub(in crate::api) fn optional(optional: u32, at: &Place<'_>, issues: &mut Issues) {
    if optional != 0 {
        number(optional, at, issues);
    }
}

/// The name of a port.
pub(in crate::api) fn name(name: &str, at: &Place<'_>, issues: &mut Issues) {
    if !is_label(name) {
        issues.error(
            *at,
            format!("invalid port name {name:?}: use letters, digits and -, such as http-web"),
        );
    }
}

/// What is spoken on a port, when Istio knows it by this name in configuration.
pub(in crate::api) fn protocol(name: &str) -> Option<Protocol> {
    Protocol::parse(name).filter(|protocol| *protocol != Protocol::Hbone)
}

/// The name of a protocol; empty leaves it to the proxy to find out.
pub(in crate::api) fn known(name: &str, at: &Place<'_>, issues: &mut Issues) {
    if !name.is_empty() && protocol(name).is_none() {
        issues.error(*at, unsupported(name));
    }
}

/// What to say of a protocol that nobody knows.
pub(in crate::api) fn unsupported(name: &str) -> String {
    format!(
        "unsupported protocol {name:?}: use HTTP, HTTP2, HTTPS, GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS or MYSQL"
    )
}

/// A field that only ServiceEntries have a use for.
pub(in crate::api) fn no_target(target: u32, at: &Place<'_>, issues: &mut Issues) {
    if target > 0 {
        issues.error(*at, "targetPort has no effect here: remove it");
    }
}
