//! No two virtual hosts of a configuration may have one name, or answer to one domain: Envoy would refuse all of them.
//! The first keeps what several claim; those who lost and those who won are told.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::domains;
use super::virtual_host::VirtualHost;
use super::wanted::{Host, Wanted};
use crate::api::{Code, Diagnostic, ObjectKey, Severity, Str};
use crate::model::Routing;

/// What is kept of the wanted hosts, and what is to be said. `build` makes a host that does not answer to some domains.
pub fn keep(
    configuration: &str,
    wanted: Vec<Wanted>,
    mut build: impl FnMut(&Wanted, Vec<String>) -> Arc<VirtualHost>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(Wanted, Arc<VirtualHost>)> {
    // Mostly nothing is claimed twice.
    let hosts: Vec<_> = wanted.iter().map(|one| build(one, Vec::new())).collect();
    if are_apart(&wanted, &hosts) {
        let all = wanted.into_iter().zip(hosts);
        return all.filter(|(_, host)| !host.domains.is_empty()).collect();
    }
    let services = wanted.iter().filter(|w| matches!(w.host, Host::Service(_)));
    let known: HashSet<Str> = services.map(|w| w.host.name().clone()).collect();
    let mut names: HashMap<(Str, u16), Wanted> = HashMap::new();
    let mut owners: HashMap<String, Host> = HashMap::new();
    let mut kept = Vec::new();
    for one in wanted {
        let name = (one.host.name().clone(), one.port);
        if let Some(first) = names.get(&name) {
            if let (Some(first), Some(lost)) = (&first.routing, &one.routing) {
                diagnostics.extend(shadowed(&name.0, first, lost));
            }
            continue;
        }
        names.insert(name, one.clone());
        let mut host = build(&one, Vec::new());
        let mut taken = Vec::new();
        for domain in &host.domains {
            if let Some(owner) = owners.get(domain) {
                taken.push(domain.clone());
                diagnostics.extend(duplicate(configuration, domain, owner, &one.host));
            } else if is_short_form(&one.host, domain) && known.contains(domain.as_str()) {
                // A short form of one service is the full name of another.
                taken.push(domain.clone());
            }
        }
        if !taken.is_empty() {
            host = build(&one, taken);
        }
        for domain in &host.domains {
            owners.insert(domain.clone(), one.host.clone());
        }
        if !host.domains.is_empty() {
            kept.push((one, host));
        }
    }
    kept
}

/// Whether certainly no name or domain of a host is that of another.
fn are_apart(wanted: &[Wanted], hosts: &[Arc<VirtualHost>]) -> bool {
    let mut owners: HashMap<&str, usize, rapidhash::fast::RandomState> = HashMap::default();
    let mut all = wanted.iter().enumerate().map(|(index, one)| (&**one.host.name(), index));
    if !all.all(|(name, index)| owners.insert(name, index).is_none()) {
        return false;
    }
    let domains = hosts.iter().enumerate();
    let mut domains = domains.flat_map(|(i, host)| host.domains.iter().map(move |d| (&**d, i)));
    domains.all(|(domain, index)| match owners.entry(domain) {
        Entry::Occupied(owner) => *owner.get() == index,
        Entry::Vacant(free) => {
            free.insert(index);
            true
        }
    })
}

/// Whether a domain of a host is neither a full name nor an address of it.
fn is_short_form(host: &Host, domain: &str) -> bool {
    match host {
        Host::Name(..) => false,
        Host::Service(service) => {
            domains::hosts(&service.0).all(|full| full != domain)
                && domain.parse::<std::net::IpAddr>().is_err()
        }
    }
}

/// What is said of a host that two VirtualServices route.
fn shadowed(host: &str, first: &Routing, lost: &Routing) -> Vec<Diagnostic> {
    let (first, lost) = (first.config.key(), lost.config.key());
    if first == lost {
        return Vec::new();
    }
    let say = |object: &ObjectKey, message: String| Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(object.clone()),
        path: "spec.hosts".into(),
        message,
        code: Code::Other,
    };
    vec![
        say(
            &lost,
            format!(
                "requests of sidecars for {host} are routed by {first} alone, which comes before; \
                 put the rules into one of the two"
            ),
        )
        .coded(Code::DuplicateDomain),
        say(
            &first,
            format!(
                "{lost} has the host {host} too, but requests of sidecars are routed here alone, as this one comes \
                 before; put the rules into one of the two"
            ),
        ),
    ]
}

/// What is said of a domain that two claim. Two ports of one service may well.
fn duplicate(configuration: &str, domain: &str, first: &Host, newer: &Host) -> Vec<Diagnostic> {
    let (first, newer) = (first.origin(), newer.origin());
    if first == newer {
        return Vec::new();
    }
    let say = |object: &ObjectKey, message: String| Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(object.clone()),
        path: String::new(),
        message,
        code: Code::Other,
    };
    vec![
        say(
            newer,
            format!(
                "requests for {domain} (routes {configuration}) go to {first}, which comes before and has \
                 the same host name or address; give one of them another"
            ),
        )
        .coded(Code::DuplicateDomain),
        say(
            first,
            format!(
                "{newer} has the same host name or address, {domain} (routes {configuration}); \
                 requests go here, as this one comes before; give one of them another"
            ),
        ),
    ]
}
