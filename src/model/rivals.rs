//! Objects that define one host: whose word counts, and what their owners are told.
//!
//! Said of two objects it is the same whoever looks, so that the store, which knows all, and translation, which knows
//! what a client sees, say one thing.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::service::{Registry, Service, by_age};
use crate::api::{Code, Diagnostic, Kind, Severity};

/// Whether two services of one host and namespace may become one with the ports of both.
pub fn alike(a: &Service, b: &Service) -> bool {
    a.key == b.key
        && a.registry == b.registry
        && a.resolution == b.resolution
        && a.labels == b.labels
        && a.selector == b.selector
        && a.visibility == b.visibility
}

/// What is to be said of the services of one host: each is compared with the one that counts for most clients, and the
/// one that counts in its own namespace.
pub fn of_host(services: &[Arc<Service>]) -> BTreeSet<Diagnostic> {
    let mut told = BTreeSet::new();
    let mut ranked: Vec<&Arc<Service>> = services.iter().collect();
    ranked.sort_by(|a, b| by_rank(a, b));
    let Some((first, rest)) = ranked.split_first() else { return told };
    let mut of_namespaces = BTreeMap::from([(&first.key.namespace, *first)]);
    for service in rest {
        let own = *of_namespaces.entry(&service.key.namespace).or_insert(service);
        if compete(own, service) {
            told.extend(between(own, service));
        }
        if service.key.namespace != first.key.namespace && compete(first, service) {
            told.extend(between(first, service));
        }
    }
    told
}

/// Whether there is a client that would have to choose. Two that differ in their ports only are one with those of both.
fn compete(a: &Service, b: &Service) -> bool {
    match a.key.namespace == b.key.namespace {
        true => !alike(a, b) || contradict(a, b),
        false => a.visibility.meets(&b.visibility),
    }
}

/// What the owners of two services of one host are told. Parts of one object do not compete.
pub fn between(a: &Service, b: &Service) -> Vec<Diagnostic> {
    if a.origin == b.origin {
        return Vec::new();
    }
    let (winner, loser) = if by_rank(a, b).is_lt() { (a, b) } else { (b, a) };
    let host = &winner.key.hostname;
    let (won, lost) = (&winner.origin, &loser.origin);
    let also = |other: &Service| format!("{host} is also a host of {}", other.origin);
    if winner.key.namespace == loser.key.namespace {
        let why = match winner.registry == loser.registry {
            true => "is older",
            false => "is a Kubernetes Service",
        };
        let remedy = "define the host in one object only";
        return vec![
            say(
                loser,
                format!(
                    "{}, which {why}: its ports, addresses and resolution count, and of this object only the \
                     endpoints; {remedy}",
                    also(winner)
                ),
            )
            .coded(Code::DuplicateHost),
            say(
                winner,
                format!(
                    "{}, of which only the endpoints count, as {won} {why}; {remedy}",
                    also(loser)
                ),
            ),
        ];
    }
    let rule = "a client takes the service of its own namespace, then one of Kubernetes, then the oldest; use another \
                host name if that is not meant";
    let own = &lost.namespace;
    vec![
        say(loser, format!("{}, to which clients outside of {own} go: {rule}", also(winner))),
        say(winner, format!("{}, to which clients of the namespace {own} go: {rule}", also(loser))),
    ]
}

/// Those of Kubernetes first, then by age.
fn by_rank(a: &Service, b: &Service) -> Ordering {
    let external = |service: &Service| service.registry != Registry::Kubernetes;
    external(a).cmp(&external(b)).then_with(|| by_age(a, b))
}

/// Whether a port of both is not the same in both; or all are the same, and one of the objects adds nothing.
fn contradict(a: &Service, b: &Service) -> bool {
    let differs = a.ports.iter().any(|port| b.port(port.number).is_some_and(|other| other != port));
    differs || a.ports == b.ports
}

fn say(service: &Service, message: String) -> Diagnostic {
    let path = match service.origin.kind {
        Kind::ServiceEntry => "spec.hosts",
        _ => "",
    };
    Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(service.origin.clone()),
        path: path.to_owned(),
        message,
        code: Code::Other,
    }
}
