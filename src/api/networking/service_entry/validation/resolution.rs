//! What each way to find endpoints asks of a ServiceEntry.

use std::collections::BTreeSet;

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::service_entry::{Location, Resolution, ServiceEntry};
use crate::api::networking::workload_entry::WorkloadEntry;
use crate::api::networking::workload_entry::validation::{ports_and_labels, workload};
use crate::api::rules::addresses::{self, UNIX};
use crate::api::rules::{hosts, ports};
use crate::api::{Meta, Protocol, Str, host};

/// A label that sends traffic for a service through a waypoint.
const USE_WAYPOINT: &str = "istio.io/use-waypoint";

/// The rules of its resolution.
pub(super) fn validate(spec: &ServiceEntry, meta: &Meta, at: &Place<'_>, issues: &mut Issues) {
    match spec.resolution {
        Resolution::None if spec.endpoints.is_empty() => {}
        Resolution::None => {
            issues.error(
                at.key("endpoints"),
                "no endpoints may be given for resolution NONE: remove them, or use STATIC",
            );
        }
        Resolution::Static => each_endpoint(spec, at, issues, static_endpoint),
        Resolution::Dns | Resolution::DnsRoundRobin => dns(spec, at, issues),
        Resolution::DynamicDns => dynamic(spec, meta, at, issues),
    }
}

fn each_endpoint(
    spec: &ServiceEntry,
    at: &Place<'_>,
    issues: &mut Issues,
    rule: impl Fn(&ServiceEntry, &WorkloadEntry, &Place<'_>, &mut Issues),
) {
    let defined: BTreeSet<&Str> = spec.ports.iter().map(|port| &port.name).collect();
    let at = at.key("endpoints");
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        let at = at.index(index);
        rule(spec, endpoint, &at, issues);
        let ports_at = at.key("ports");
        for name in endpoint.ports.keys().filter(|name| !defined.contains(name)) {
            issues.error(
                ports_at.key(name),
                format!("endpoint port {name:?} is not defined by the service entry"),
            );
        }
    }
}

fn static_endpoint(
    spec: &ServiceEntry,
    endpoint: &WorkloadEntry,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    workload(endpoint, false, at, issues);
    if endpoint.address.starts_with(UNIX) && spec.ports.len() != 1 {
        issues.error(at.key("address"), "exactly 1 service port is required for a unix socket");
    }
}

fn dns_endpoint(_: &ServiceEntry, endpoint: &WorkloadEntry, at: &Place<'_>, issues: &mut Issues) {
    let address = &*endpoint.address;
    if !addresses::is_ip(address) && hosts::name(address).is_err() {
        issues.error(
            at.key("address"),
            format!("{address:?} is not a valid full host name or IP address"),
        );
    }
    ports_and_labels(endpoint, at, issues);
}

fn dns(spec: &ServiceEntry, at: &Place<'_>, issues: &mut Issues) {
    let resolution = spec.resolution.name();
    let hosts_at = at.key("hosts");
    if spec.endpoints.is_empty() {
        // What is no name at all was said already.
        let wildcard = |host: &Str| hosts::name(host).is_err() && hosts::pattern(host).is_ok();
        if let Some(index) = spec.hosts.iter().position(wildcard) {
            let message = format!(
                "a wildcard cannot be resolved: {resolution} needs full host names, or endpoints"
            );
            issues.error(hosts_at.index(index), message);
        }
    }
    if spec.resolution == Resolution::DnsRoundRobin && spec.endpoints.len() > 1 {
        issues.error(
            at.key("endpoints"),
            format!("{resolution} takes at most 1 endpoint: use DNS for several"),
        );
    }
    each_endpoint(spec, at, issues, dns_endpoint);
    let tcp = |name: &str| ports::protocol(name).is_some_and(Protocol::is_tcp);
    let with_tcp = spec.ports.iter().any(|port| tcp(&port.protocol));
    if !spec.addresses.is_empty() && spec.hosts.len() > 1 && with_tcp {
        let message = "should have one host only, as it has addresses and a TCP port: nothing tells hosts apart";
        issues.warn(hosts_at, message);
    }
}

fn dynamic(spec: &ServiceEntry, meta: &Meta, at: &Place<'_>, issues: &mut Issues) {
    let hosts_at = at.key("hosts");
    for (index, host) in spec.hosts.iter().enumerate() {
        if !host::is_wildcard(host) {
            issues.error(
                hosts_at.index(index),
                "the host must be a wildcard for resolution DYNAMIC_DNS: use DNS for others",
            );
        }
    }
    for (name, set) in
        [("addresses", !spec.addresses.is_empty()), ("endpoints", !spec.endpoints.is_empty())]
    {
        if set {
            issues.error(
                at.key(name),
                format!("{name} cannot be set for resolution DYNAMIC_DNS: DNS says them"),
            );
        }
    }
    let ports_at = at.key("ports");
    for (index, port) in spec.ports.iter().enumerate() {
        let protocol = ports::protocol(&port.protocol);
        let named = matches!(
            protocol,
            Some(Protocol::Http | Protocol::Http2 | Protocol::Grpc | Protocol::Tls)
        );
        if !named {
            let message =
                "DYNAMIC_DNS needs HTTP, HTTP2, GRPC or TLS, where requests name their host";
            issues.error(ports_at.index(index).key("protocol"), message);
        }
    }
    let waypoint =
        meta.label(USE_WAYPOINT).is_some_and(|w| !w.is_empty() && !w.eq_ignore_ascii_case("none"));
    if spec.location == Location::MeshInternal && waypoint {
        let message = "MESH_INTERNAL with resolution DYNAMIC_DNS is not supported with waypoints: use MESH_EXTERNAL";
        issues.error(at.key("location"), message);
    }
}
