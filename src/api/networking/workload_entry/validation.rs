//! What a WorkloadEntry must satisfy.

use super::WorkloadEntry;
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::addresses::{self, UNIX};
use crate::api::rules::labels::labels;
use crate::api::rules::{hosts, ports};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &WorkloadEntry, _meta: &Meta, issues: &mut Issues) {
    workload(spec, true, &Place::of("spec"), issues);
}

/// An instance, alone or as an endpoint of a service; only where `names` says so its address may be a host name.
pub(in crate::api::networking) fn workload(
    entry: &WorkloadEntry,
    names: bool,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let address = &*entry.address;
    if address.is_empty() {
        match &*entry.network {
            "" => {
                issues.error(at.key("address"), "an address is required, or a network whose gateway stands for it");
                return;
            }
            network => issues.warn(
                at.key("address"),
                format!("address is unset with network {network:?}: the gateway of the network stands for it"),
            ),
        }
    } else if let Some(path) = address.strip_prefix(UNIX) {
        addresses::unix_path(path, &at.key("address"), issues);
        if !entry.ports.is_empty() {
            issues.error(
                at.key("ports"),
                format!("the unix socket {address} must not have ports: remove them"),
            );
        }
    } else if !(addresses::is_ip(address) || names && hosts::name(address).is_ok()) {
        let or = if names { " or a full host name" } else { "" };
        issues.error(at.key("address"), format!("{address:?} is not a valid IP address{or}"));
    }
    ports_and_labels(entry, at, issues);
}

/// What every instance must satisfy, whatever its address is.
pub(in crate::api::networking) fn ports_and_labels(
    entry: &WorkloadEntry,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let ports_at = at.key("ports");
    for (name, port) in &entry.ports {
        let at = ports_at.key(name);
        ports::name(name, &at, issues);
        ports::number(*port, &at, issues);
    }
    labels(&entry.labels, &at.key("labels"), issues);
}

#[cfg(test)]
mod tests;
