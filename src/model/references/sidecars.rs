//! Hosts that Sidecars import and nobody has.
//!
//! Only those that are named in full, or by their ending: `NAMESPACE/*` is what namespaces are opened with before they
//! have anything in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::World;
use super::near::Near;
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::host::{covers, is_wildcard, overlap};
use crate::api::issue::Issue;
use crate::api::networking::Sidecar;
use crate::api::{Diagnostic, Str};

/// See the module.
pub(super) fn check<'a>(
    world: World<'_>,
    sidecars: impl Iterator<Item = &'a Arc<Config<Sidecar>>>,
    near: &mut Near<'_>,
) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for sidecar in sidecars {
        let own = &*sidecar.meta.namespace;
        for (listener, egress) in sidecar.spec.egress.iter().enumerate() {
            for (index, written) in egress.hosts.iter().enumerate() {
                let Some((namespace, host)) = written.split_once('/') else { continue };
                let namespace = if namespace == "." { own } else { namespace };
                if namespace == "~" || host == "*" || is_known(world, namespace, host) {
                    continue;
                }
                let message = unknown(world, namespace, host, near);
                let path = FieldPath::of("spec").key("egress").index(listener);
                let path = path.key("hosts").index(index);
                told.push(Issue::warning(path, message).of(&sidecar.key()));
            }
        }
    }
    told
}

fn is_known(world: World<'_>, namespace: &str, host: &str) -> bool {
    let services = world.hosts.of(host);
    let service = match is_wildcard(host) {
        true => world.hosts.any_under(host),
        false => services.iter().any(|s| namespace == "*" || *s.key.namespace == *namespace),
    };
    // A VirtualService is imported by its hosts too, and leads to services that need not be imported.
    service
        || world.virtual_services.all().iter().any(|routing| {
            let meant = namespace == "*" || *routing.config.meta.namespace == *namespace;
            meant && routing.spec.hosts.iter().any(|own| overlap(own, host))
        })
}

fn unknown(world: World<'_>, namespace: &str, host: &str, near: &mut Near<'_>) -> String {
    let host: Str = host.into();
    let elsewhere: BTreeSet<&str> =
        world.hosts.of(&host).iter().map(|service| &*service.key.namespace).collect();
    let place = match namespace {
        "*" => "no service or VirtualService".to_owned(),
        _ => format!("no service or VirtualService of the namespace {namespace}"),
    };
    let remedy = match elsewhere.first() {
        Some(other) => format!("{other}/{host} may be meant"),
        None if is_wildcard(&host) => "correct it, or leave it out".to_owned(),
        None => match world.hosts.over(&host) {
            Some(service) if covers(&service.key.hostname, &host) => {
                super::only_as_written(&host, service)
            }
            _ => near.remedy(&host),
        },
    };
    format!("imports nothing: {place} has the host {host}; {remedy}")
}
