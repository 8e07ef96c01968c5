//! One rule: where requests come from, what they ask for, and what else holds.

use super::values::{Check, check};
use super::{conditions, values};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::security::authorization_policy::{Action, Operation, Rule, Source};

/// See the module.
pub(super) fn validate(rule: &Rule, action: Action, at: &Place<'_>, issues: &mut Issues) {
    let (mut sources, mut sources_of_tcp) = (false, false);
    for (index, from) in rule.from.iter().enumerate() {
        let at = at.key("from");
        let at = at.index(index);
        let at = at.key("source");
        match &from.source {
            None => issues.error(at, "a source is required: without one the rule is about all"),
            Some(source) => {
                sources = true;
                sources_of_tcp |= of_source(source, &at, issues);
            }
        }
    }
    let (mut operations, mut operations_of_tcp) = (false, false);
    for (index, to) in rule.to.iter().enumerate() {
        let at = at.key("to");
        let at = at.index(index);
        let at = at.key("operation");
        match &to.operation {
            None => issues.error(at, "an operation is required: without one the rule is about all"),
            Some(operation) => {
                operations = true;
                operations_of_tcp |= of_operation(operation, &at, issues);
            }
        }
    }
    conditions::validate(&rule.when, &at.key("when"), issues);
    let only_http = sources && !operations && !sources_of_tcp || operations && !operations_of_tcp;
    if only_http && action == Action::Deny {
        let message = "refuses everything on ports of TCP, where HTTP's attributes are not known: name the ports";
        issues.warn(*at, message);
    }
}

/// Whether connections have something of it.
fn of_source(source: &Source, at: &Place<'_>, issues: &mut Issues) -> bool {
    let Source { principals, not_principals, namespaces, not_namespaces, .. } = source;
    let Source { request_principals, not_request_principals, .. } = source;
    let Source { service_accounts, not_service_accounts, trust_domains, .. } = source;
    let Source { not_trust_domains, ip_blocks, not_ip_blocks, .. } = source;
    let Source { remote_ip_blocks, not_remote_ip_blocks, .. } = source;
    let identities = [
        ("principals", principals, Check::Filled),
        ("notPrincipals", not_principals, Check::Filled),
        ("namespaces", namespaces, Check::Filled),
        ("notNamespaces", not_namespaces, Check::Filled),
    ];
    let accounts = [
        ("serviceAccounts", service_accounts, Check::Account),
        ("notServiceAccounts", not_service_accounts, Check::Account),
    ];
    let addresses = [
        ("ipBlocks", ip_blocks, Check::Subnet),
        ("notIpBlocks", not_ip_blocks, Check::Subnet),
        ("remoteIpBlocks", remote_ip_blocks, Check::Subnet),
        ("notRemoteIpBlocks", not_remote_ip_blocks, Check::Subnet),
    ];
    let others = [
        ("requestPrincipals", request_principals, Check::Filled),
        ("notRequestPrincipals", not_request_principals, Check::Filled),
        ("trustDomains", trust_domains, Check::TrustDomain),
        ("notTrustDomains", not_trust_domains, Check::TrustDomain),
    ];
    let set = |fields: &[values::Field<'_>]| fields.iter().any(|(_, list, _)| !list.is_empty());
    if set(&identities) && set(&accounts) {
        let message = "serviceAccounts cannot be set with namespaces or principals, which they tell themselves: remove these";
        issues.error(at.key("serviceAccounts"), message);
    }
    let of_tcp = set(&identities) || set(&accounts) || set(&addresses);
    if !of_tcp && !set(&others) {
        issues.error(*at, "must not be empty: say where requests come from");
    }
    for fields in [&identities[..], &accounts, &addresses, &others] {
        check(fields, at, issues);
    }
    of_tcp
}

/// Whether connections have something of it.
fn of_operation(operation: &Operation, at: &Place<'_>, issues: &mut Issues) -> bool {
    let Operation { hosts, not_hosts, ports, not_ports, methods, not_methods, paths, not_paths } =
        operation;
    let fields = [
        ("hosts", hosts, Check::Filled),
        ("notHosts", not_hosts, Check::Filled),
        ("ports", ports, Check::Port),
        ("notPorts", not_ports, Check::Port),
        ("methods", methods, Check::Filled),
        ("notMethods", not_methods, Check::Filled),
        ("paths", paths, Check::Path),
        ("notPaths", not_paths, Check::Path),
    ];
    if fields.iter().all(|(_, list, _)| list.is_empty()) {
        issues.error(*at, "must not be empty: say what requests ask for");
    }
    check(&fields, at, issues);
    !ports.is_empty() || !not_ports.is_empty()
}
