//! Modes for ports that nobody serves: mostly the port of a service instead of that of its workloads.

use std::collections::BTreeSet;

use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::meta::selects;
use crate::api::security::PeerAuthentication;
use crate::api::{Diagnostic, Labels};
use crate::model::ServiceTarget;

/// Whether a policy has modes for ports at all.
pub fn has_ports(policy: &Config<PeerAuthentication>) -> bool {
    policy.spec.port_level_mtls.as_ref().is_some_and(|ports| !ports.is_empty())
}

/// What is to be said of a policy, given the workloads of its namespace with the services that lead to them. Of
/// workloads that no service leads to nothing is known.
pub fn unserved<'a>(
    policy: &Config<PeerAuthentication>,
    workloads: impl Iterator<Item = (&'a Labels, &'a [ServiceTarget])>,
) -> Vec<Diagnostic> {
    let Some(selector) = &policy.spec.selector else { return Vec::new() };
    let meant = workloads.filter(|(labels, _)| selects(&selector.match_labels, labels));
    let targets: Vec<&ServiceTarget> = meant.flat_map(|(_, targets)| targets).collect();
    if targets.is_empty() {
        return Vec::new();
    }
    let served: BTreeSet<u32> = targets.iter().map(|target| target.target_port.into()).collect();
    let ports = policy.spec.port_level_mtls.iter().flatten().map(|(port, _)| *port);
    let told = ports.filter(|port| !served.contains(port)).map(|port| {
        let of_service = targets.iter().find(|target| {
            let number = target.service.ports.get(target.port).map(|port| port.number);
            number.is_some_and(|number| u32::from(number) == port)
        });
        let remedy = match of_service {
            Some(target) => format!(
                "it is the port of {host}, which leads to port {target} of the workloads: write {target}",
                host = target.service.key.hostname,
                target = target.target_port,
            ),
            None => {
                let served: Vec<String> = served.iter().map(ToString::to_string).collect();
                format!("they serve {}", served.join(", "))
            }
        };
        let message = format!("no service leads to port {port} of the selected workloads; {remedy}");
        let path = FieldPath::of("spec").key("portLevelMtls").key(&port.to_string());
        Issue::warning(path, message).of(&policy.key())
    });
    told.collect()
}
