//! What a VirtualService must satisfy. One file a topic; [`http`] has what concerns a route as a whole.

mod answers;
mod connections;
mod cors;
mod fault;
mod http;
mod matches;
mod retries;
mod unreachable;

use super::VirtualService;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::exports::{self, export_to};
use crate::api::rules::{addresses, gateways, hosts};
use crate::api::{Meta, Str};

/// What stands for all sidecars among gateways.
const MESH: &str = "mesh";

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &VirtualService, meta: &Meta, issues: &mut Issues) {
    let at = &Place::of("spec");
    let delegate = spec.hosts.is_empty();
    if delegate {
        validate_delegate(spec, at, issues);
    }
    gateways::names(&spec.gateways, &at.key("gateways"), issues);
    validate_hosts(spec, &at.key("hosts"), issues);
    if spec.http.is_empty() && spec.tls.is_empty() && spec.tcp.is_empty() {
        issues.error(*at, "routes are required: give http, tls or tcp");
    }
    let routes = at.key("http");
    for (index, route) in spec.http.iter().enumerate() {
        http::validate(route, delegate, for_gateways(spec), &routes.index(index), issues);
    }
    connections::validate(spec, at, issues);
    export_to(
        &spec.export_to,
        exports::Of::Configuration,
        &meta.namespace,
        &at.key("exportTo"),
        issues,
    );
    unreachable::warn(spec, at, issues);
}

/// One without hosts counts only where others delegate to it.
fn validate_delegate(spec: &VirtualService, at: &Place<'_>, issues: &mut Issues) {
    for (name, given) in [
        ("gateways", !spec.gateways.is_empty()),
        ("tls", !spec.tls.is_empty()),
        ("tcp", !spec.tcp.is_empty()),
    ] {
        if given {
            let message = format!(
                "a virtual service without hosts is a delegate, which must have no {name}: give hosts"
            );
            issues.error(at.key(name), message);
        }
    }
}

/// Whether it is for gateways only.
fn for_gateways(spec: &VirtualService) -> bool {
    !spec.gateways.is_empty() && !names_mesh(spec)
}

fn names_mesh(spec: &VirtualService) -> bool {
    spec.gateways.iter().any(|gateway| &**gateway == MESH)
}

fn validate_hosts(spec: &VirtualService, at: &Place<'_>, issues: &mut Issues) {
    let for_gateways = for_gateways(spec);
    let by_sni = spec.tls.iter().any(|route| route.matches.iter().any(|m| !m.sni_hosts.is_empty()));
    let mut sound = true;
    for (index, host) in spec.hosts.iter().enumerate() {
        let wrong = match hosts::pattern(host) {
            Ok(()) if &**host == "*" && !for_gateways => Some(
                "the wildcard host * is not allowed for the mesh: name hosts, or gateways"
                    .to_owned(),
            ),
            Ok(()) => None,
            Err(_)
                if addresses::is_ip(host) || (for_gateways && by_sni && is_cluster_name(host)) =>
            {
                None
            }
            Err(why) => Some(why),
        };
        if let Some(why) = wrong {
            issues.error(at.index(index), why);
            sound = false;
        }
    }
    if !sound {
        return;
    }
    for (later, earlier) in hosts::overlaps(&spec.hosts) {
        if let (Some(host), Some(other)) = (spec.hosts.get(later), spec.hosts.get(earlier)) {
            let message = format!(
                "duplicate hosts: {host} and {other} stand for the same name, keep one of them"
            );
            issues.error(at.index(later), message);
        }
    }
}

/// Whether it is how gateways of other networks ask for a cluster: `outbound_.80_._.HOST`.
fn is_cluster_name(name: &str) -> bool {
    let mut parts = name.split('_');
    let (direction, port, _, host) = (parts.next(), parts.next(), parts.next(), parts.next());
    let has =
        |part: Option<&str>, what: fn(char) -> bool| part.is_some_and(|part| part.contains(what));
    direction == Some("outbound")
        && has(port, |c| c.is_ascii_digit())
        && has(host, |c| c.is_ascii_alphabetic())
}

/// Whether one of the hosts of the VirtualService stands for all names that `host` stands for.
fn is_covered(hosts: &[Str], host: &str) -> bool {
    hosts.iter().any(|pattern| crate::api::host::covers(pattern, host))
}

#[cfg(test)]
mod tests;
