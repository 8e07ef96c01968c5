//! What routes of TLS and of other connections must satisfy.

use super::{is_cluster_name, is_covered, names_mesh};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::{RouteDestination, TlsMatch, VirtualService};
use crate::api::rules::destinations::{destination, weights};
use crate::api::rules::labels::labels;
use crate::api::rules::{addresses, gateways, hosts, ports};
use crate::api::{Labels, Str};

/// The routes `tls` and `tcp`.
pub(super) fn validate(spec: &VirtualService, at: &Place<'_>, issues: &mut Issues) {
    let routes = at.key("tls");
    for (index, route) in spec.tls.iter().enumerate() {
        let at = routes.index(index);
        let matches = at.key("match");
        if route.matches.is_empty() {
            issues.error(matches, "a route of TLS needs at least one match, with sniHosts");
        }
        for (index, connection) in route.matches.iter().enumerate() {
            validate_tls(connection, spec, &matches.index(index), issues);
        }
        validate_destinations(&route.route, &at.key("route"), issues);
    }
    let routes = at.key("tcp");
    for (index, route) in spec.tcp.iter().enumerate() {
        let at = routes.index(index);
        let matches = at.key("match");
        for (index, connection) in route.matches.iter().enumerate() {
            let at = matches.index(index);
            validate_common(
                &connection.destination_subnets,
                connection.port,
                &connection.source_labels,
                &connection.gateways,
                &at,
                issues,
            );
            if !connection.source_subnet.is_empty() {
                let message = "has no effect: addresses of clients are not matched; remove it, or use sourceLabels";
                issues.warn(at.key("sourceSubnet"), message);
            }
        }
        validate_destinations(&route.route, &at.key("route"), issues);
    }
}

fn validate_tls(connection: &TlsMatch, spec: &VirtualService, at: &Place<'_>, issues: &mut Issues) {
    let names = at.key("sniHosts");
    if connection.sni_hosts.is_empty() {
        issues.error(names, "a match of TLS needs at least one SNI host");
    }
    for (index, name) in connection.sni_hosts.iter().enumerate() {
        validate_sni(name, spec, &names.index(index), issues);
    }
    validate_common(
        &connection.destination_subnets,
        connection.port,
        &connection.source_labels,
        &connection.gateways,
        at,
        issues,
    );
}

fn validate_sni(name: &str, spec: &VirtualService, at: &Place<'_>, issues: &mut Issues) {
    if addresses::is_ip(name) {
        issues.warn(
            *at,
            format!(
                "{name} is an IP address, which goes against the SNI spec: most clients send none"
            ),
        );
        return;
    }
    if let Err(why) = hosts::pattern(name)
        && (names_mesh(spec) || !is_cluster_name(name))
    {
        issues.error(*at, why);
    } else if !is_covered(&spec.hosts, name) {
        let hosts = spec.hosts.join(", ");
        issues.error(
            *at,
            format!(
                "SNI host {name:?} is not a subset of any of the hosts ({hosts}): add it to them"
            ),
        );
    }
}

fn validate_common(
    subnets: &[Str],
    port: u32,
    source: &Labels,
    names: &[Str],
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let subnets_at = at.key("destinationSubnets");
    for (index, subnet) in subnets.iter().enumerate() {
        addresses::subnet(subnet, &subnets_at.index(index), issues);
    }
    ports::optional(port, &at.key("port"), issues);
    labels(source, &at.key("sourceLabels"), issues);
    gateways::names(names, &at.key("gateways"), issues);
}

fn validate_destinations(targets: &[RouteDestination], at: &Place<'_>, issues: &mut Issues) {
    if targets.is_empty() {
        issues.error(*at, "a route is required: name a destination");
    }
    for (index, target) in targets.iter().enumerate() {
        destination(&target.destination, &at.index(index).key("destination"), issues);
    }
    weights(targets.iter().map(|target| target.weight), at, issues);
}
