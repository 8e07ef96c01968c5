//! Names in full: of hosts, of destinations and of gateways.

use super::MESH;
use crate::api::Str;
use crate::api::config::Config;
use crate::api::host;
use crate::api::networking::VirtualService;
use crate::api::networking::common::Destination;

/// The spec of an object with names that mean the same in all namespaces.
pub(super) fn resolve(config: &Config<VirtualService>, domain: &str) -> VirtualService {
    let namespace = &*config.meta.namespace;
    let mut spec = config.spec.clone();
    for host in &mut spec.hosts {
        // Hosts are the same in any case, and clients are sent small letters.
        *host = host::resolve(&host.to_ascii_lowercase(), namespace, domain);
    }
    gateways(&mut spec.gateways, namespace);
    let destination = |destination: &mut Destination| {
        destination.host = host::resolve(&destination.host, namespace, domain);
    };
    for rule in &mut spec.http {
        rule.matches.iter_mut().for_each(|one| gateways(&mut one.gateways, namespace));
        rule.route.iter_mut().for_each(|to| destination(&mut to.destination));
        rule.mirror.iter_mut().for_each(destination);
        rule.mirrors.iter_mut().for_each(|to| destination(&mut to.destination));
    }
    for rule in &mut spec.tls {
        rule.matches.iter_mut().for_each(|one| gateways(&mut one.gateways, namespace));
        rule.route.iter_mut().for_each(|to| destination(&mut to.destination));
    }
    for rule in &mut spec.tcp {
        rule.matches.iter_mut().for_each(|one| gateways(&mut one.gateways, namespace));
        rule.route.iter_mut().for_each(|to| destination(&mut to.destination));
    }
    spec
}

fn gateways(names: &mut [Str], namespace: &str) {
    for name in names {
        *name = gateway(name, namespace);
    }
}

/// A gateway as `NAMESPACE/NAME`. Old spellings are the host names of gateways: `NAME.NAMESPACE` and what follows.
fn gateway(name: &str, namespace: &str) -> Str {
    if name == MESH {
        return name.into();
    }
    match name.split_once('/') {
        Some((".", name)) => format!("{namespace}/{name}").into(),
        Some(_) => name.into(),
        None => match name.split_once('.') {
            Some((name, rest)) => {
                let namespace = rest.split('.').next().unwrap_or(rest);
                format!("{namespace}/{name}").into()
            }
            None => format!("{namespace}/{name}").into(),
        },
    }
}
