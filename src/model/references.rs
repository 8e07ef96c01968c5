//! What objects name that is not there: hosts, subsets, ports and Gateways.
//!
//! Everything here is told and nothing is changed by it: a route to a host that nobody has stays, and its requests fail
//! until somebody has it. An alarm must be true: what one client in the right namespace can reach is not told. Looking
//! at all objects costs a look-up for each name; only what is missing costs more.

mod bindings;
mod hosts;
mod near;
mod routes;
mod rules;
mod sidecars;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use self::hosts::HostIndex;
use self::near::Near;
use super::{Rules, Service, VirtualServices, Visibility};
use crate::api::config::Config;
use crate::api::networking::{DestinationRule, Gateway, Sidecar};
use crate::api::{Diagnostic, Str, host};

/// The objects that name others, and those that are named.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// All services.
    pub hosts: &'a HostIndex,
    /// All VirtualServices.
    pub virtual_services: &'a VirtualServices,
    /// All DestinationRules, by client.
    pub rules: &'a Rules,
    /// The root namespace, whose objects are for all others.
    pub root_namespace: &'a Str,
    /// The DNS suffix of Kubernetes services.
    pub domain: &'a str,
}

/// What is to be said of these objects, in any order.
pub fn missing<'a>(
    world: World<'a>,
    rules: impl Iterator<Item = &'a Arc<Config<DestinationRule>>>,
    gateways: &[Arc<Config<Gateway>>],
    sidecars: impl Iterator<Item = &'a Arc<Config<Sidecar>>>,
) -> Vec<Diagnostic> {
    let mut near = Near::new(world.hosts, world.domain);
    let mut told = routes::check(world, &mut near);
    told.extend(bindings::check(world, gateways));
    told.extend(rules::check(world, rules, &mut near));
    told.extend(sidecars::check(world, sidecars, &mut near));
    told
}

/// The namespaces that see any of these services, as a text; None if all do.
fn seen_by(services: &[Arc<Service>]) -> Option<String> {
    let mut namespaces = BTreeSet::new();
    for service in services {
        match &service.visibility {
            Visibility::Public => return None,
            Visibility::Namespaces(list) => namespaces.extend(list.iter().map(|name| &**name)),
        }
    }
    Some(match namespaces.len() {
        0 => "nobody".to_owned(),
        _ => namespaces.into_iter().collect::<Vec<_>>().join(", "),
    })
}

/// Why a name that a service of this pattern covers does not mean it.
fn only_as_written(name: &str, service: &Service) -> String {
    let written = &service.key.hostname;
    format!(
        "{} has {written}, which covers {name} but has to be named as it is written there",
        service.origin
    )
}

/// The objects that define these services, as a text.
fn owners(services: &[Arc<Service>]) -> String {
    let owners: BTreeSet<String> = services.iter().map(|s| s.origin.to_string()).collect();
    owners.into_iter().collect::<Vec<_>>().join(", ")
}

/// The host that an object of `namespace` means.
fn full(name: &str, namespace: &str, domain: &str) -> Str {
    host::resolve(name, namespace, domain)
}
