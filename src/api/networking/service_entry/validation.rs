//! What a ServiceEntry must satisfy.

mod resolution;

use std::collections::BTreeSet;

use super::{Resolution, ServiceEntry};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::exports::{self, export_to};
use crate::api::rules::{addresses, hosts, labels, ports};
use crate::api::{Meta, Protocol};

/// A label that asks for no address to be allocated.
const AUTO_ALLOCATE: &str = "networking.istio.io/enable-autoallocate-ip";

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &ServiceEntry, meta: &Meta, issues: &mut Issues) {
    let at = &Place::of("spec");
    validate_selector(spec, at, issues);
    validate_hosts(spec, at, issues);
    validate_addresses(spec, at, issues);
    validate_ports(spec, allocates(spec, meta), at, issues);
    resolution::validate(spec, meta, at, issues);
    let exports_at = at.key("exportTo");
    export_to(&spec.export_to, exports::Of::Service, &meta.namespace, &exports_at, issues);
}

fn validate_selector(spec: &ServiceEntry, at: &Place<'_>, issues: &mut Issues) {
    let Some(selector) = &spec.workload_selector else { return };
    let selector_at = at.key("workloadSelector");
    let what = "it takes all workloads of the namespace";
    let labels_at = selector_at.key("labels");
    match selector.labels.is_empty() {
        true => labels::selector(&selector.labels, what, &selector_at, issues),
        false => labels::selector(&selector.labels, what, &labels_at, issues),
    }
    if !spec.endpoints.is_empty() {
        issues.error(
            selector_at,
            "only one of workloadSelector and endpoints is allowed: remove one",
        );
    }
    if spec.resolution == Resolution::None {
        issues.warn(
            selector_at,
            "workloadSelector should not be set for resolution NONE: it has no effect",
        );
    }
}

fn validate_hosts(spec: &ServiceEntry, at: &Place<'_>, issues: &mut Issues) {
    let at = at.key("hosts");
    if spec.hosts.is_empty() {
        issues.error(at, "at least one host is required");
    }
    for (index, host) in spec.hosts.iter().enumerate() {
        let at = at.index(index);
        if &**host == "*" {
            issues.error(at, "a service cannot stand for all hosts (*): name one, or a part such as *.example.com");
        } else if let Err(why) = hosts::pattern(host) {
            issues.error(at, why);
        } else if hosts::is_partial_wildcard(host) && spec.resolution != Resolution::DynamicDns {
            issues.warn(at, hosts::partial(host));
        }
    }
}

fn validate_addresses(spec: &ServiceEntry, at: &Place<'_>, issues: &mut Issues) {
    let at = at.key("addresses");
    let fixed = matches!(spec.resolution, Resolution::None | Resolution::Static);
    for (index, address) in spec.addresses.iter().enumerate() {
        let at = at.index(index);
        addresses::subnet(address, &at, issues);
        if address.contains('/') && !fixed {
            issues.error(at, "CIDR addresses are allowed only for resolution NONE and STATIC");
        }
    }
}

/// Whether an address is allocated for each of its hosts.
fn allocates(spec: &ServiceEntry, meta: &Meta) -> bool {
    let refused =
        meta.label(AUTO_ALLOCATE).is_some_and(|value| value.eq_ignore_ascii_case("false"));
    spec.resolution != Resolution::None && !refused
}

fn validate_ports(spec: &ServiceEntry, allocates: bool, at: &Place<'_>, issues: &mut Issues) {
    let at = at.key("ports");
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (index, port) in spec.ports.iter().enumerate() {
        let at = at.index(index);
        ports::name(&port.name, &at.key("name"), issues);
        if !names.insert(&port.name) {
            issues.error(
                at.key("name"),
                format!("port name {:?} is already defined: name it otherwise", port.name),
            );
        }
        ports::number(port.number, &at.key("number"), issues);
        if !numbers.insert(port.number) {
            issues.error(
                at.key("number"),
                format!("port {} is already defined: remove one", port.number),
            );
        }
        ports::optional(port.target_port, &at.key("targetPort"), issues);
        ports::known(&port.protocol, &at.key("protocol"), issues);
        if spec.addresses.is_empty() && !allocates && matches!(&*port.protocol, "" | "TCP") {
            let message = "addresses are required for ports of TCP or of no protocol, where none is allocated \
                           automatically: traffic for it is told by its address only";
            issues.warn(at.key("protocol"), message);
        }
    }
    if spec.resolution != Resolution::None && spec.hosts.len() > 1 {
        let plain =
            |protocol: Option<Protocol>| !protocol.is_some_and(|p| p.is_http() || p.is_tls());
        let found = spec.ports.iter().position(|port| plain(ports::protocol(&port.protocol)));
        if let Some(index) = found {
            let message =
                "multiple hosts need ports of HTTP or TLS: nothing else tells which host is meant";
            issues.error(at.index(index).key("protocol"), message);
        }
    }
}

#[cfg(test)]
mod tests;
