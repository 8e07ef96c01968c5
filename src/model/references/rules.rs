//! DestinationRules for hosts that nobody has.

use std::sync::Arc;

use super::near::Near;
use super::{World, full, only_as_written};
use crate::api::Diagnostic;
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::host::is_wildcard;
use crate::api::issue::Issue;
use crate::api::networking::DestinationRule;

/// See the module.
pub(super) fn check<'a>(
    world: World<'_>,
    rules: impl Iterator<Item = &'a Arc<Config<DestinationRule>>>,
    near: &mut Near<'_>,
) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for rule in rules {
        let host = full(&rule.spec.host, &rule.meta.namespace, world.domain);
        let known = match is_wildcard(&host) {
            true => world.hosts.any_under(&host),
            false => !world.hosts.of(&host).is_empty(),
        };
        if known || host.is_empty() || *host == *"*" {
            continue;
        }
        let reason = match world.hosts.over(&host) {
            _ if is_wildcard(&host) => {
                "create a Service or ServiceEntry that it covers, or correct it".to_owned()
            }
            Some(service) => only_as_written(&host, service),
            None => near.remedy(&host),
        };
        let message = format!("has no effect: no service has the host {host}; {reason}");
        let path = FieldPath::of("spec").key("host");
        told.push(Issue::warning(path, message).of(&rule.key()));
    }
    told
}
