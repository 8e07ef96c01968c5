//! Clients that are told not to speak mTLS to servers that take nothing else: all that they ask fails.

use std::collections::BTreeSet;

use super::peer::{Mode, Policies};
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::meta::selects;
use crate::api::networking::DestinationRule;
use crate::api::networking::destination_rule::{ClientTls, ClientTlsMode, TrafficPolicy};
use crate::api::{Diagnostic, Labels, ObjectKey};
use crate::model::{Endpoint, Service, ServiceEndpoints, TlsMode};

/// Whether a rule says anywhere that no client certificate is presented.
pub fn is_open(rule: &Config<DestinationRule>) -> bool {
    let subsets = rule.spec.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref());
    let mut policies = rule.spec.traffic_policy.iter().chain(subsets);
    policies.any(|policy| {
        let ports = policy.port_level_settings.iter().filter_map(|port| port.tls.as_ref());
        policy.tls.iter().chain(ports).any(is_without_certificate)
    })
}

/// What is to be said of a rule for the endpoints of a service that it is for. `policies` are those of their namespace.
pub fn refused(
    rule: &Config<DestinationRule>,
    service: &Service,
    endpoints: &ServiceEndpoints,
    policies: &Policies,
) -> Vec<Diagnostic> {
    let all = Labels::new();
    let spec = FieldPath::of("spec");
    let whole = rule.spec.traffic_policy.iter();
    let whole = whole.map(|policy| (spec.clone().key("trafficPolicy"), &all, policy));
    let subsets = rule.spec.subsets.iter().enumerate().filter_map(|(index, subset)| {
        let path = spec.clone().key("subsets").index(index).key("trafficPolicy");
        Some((path, &subset.labels, subset.traffic_policy.as_ref()?))
    });
    let mut told = Vec::new();
    for (path, labels, policy) in whole.chain(subsets) {
        let mut found: Vec<(FieldPath, &ClientTls, BTreeSet<u16>, BTreeSet<ObjectKey>)> =
            Vec::new();
        for port in &service.ports {
            let Some((path, tls)) = tls_of(policy, port.number, &path) else { continue };
            let list = endpoints.by_port.get(&port.name).into_iter().flat_map(|list| list.iter());
            let origins: Vec<ObjectKey> =
                list.filter_map(|endpoint| refuses(endpoint, labels, policies)).flatten().collect();
            if origins.is_empty() || !is_without_certificate(tls) {
                continue;
            }
            match found.iter_mut().find(|(known, ..)| *known == path) {
                Some((_, _, ports, all)) => {
                    ports.insert(port.number);
                    all.extend(origins);
                }
                None => {
                    found.push((path, tls, [port.number].into(), origins.into_iter().collect()))
                }
            }
        }
        told.extend(found.into_iter().map(|(path, tls, ports, origins)| {
            let text = |all: Vec<String>| all.join(", ");
            let message = format!(
                "mode {} presents no certificate of the mesh, but workloads of {} take nothing but mTLS on port {} \
                 ({}): requests fail; use ISTIO_MUTUAL, or leave tls out",
                tls.mode.name(),
                service.key.hostname,
                text(ports.iter().map(ToString::to_string).collect()),
                text(origins.iter().map(ToString::to_string).collect()),
            );
            Issue::warning(path, message).of(&rule.key())
        }));
    }
    told
}

fn is_without_certificate(tls: &ClientTls) -> bool {
    matches!(tls.mode, ClientTlsMode::Disable | ClientTlsMode::Simple)
}

/// What a policy says of TLS for a port, and where: settings of the port leave nothing of what is said for all.
fn tls_of<'a>(
    policy: &'a TrafficPolicy,
    port: u16,
    at: &FieldPath,
) -> Option<(FieldPath, &'a ClientTls)> {
    let is_meant = |number: Option<u32>| number == Some(port.into());
    let mut settings = policy.port_level_settings.iter().enumerate();
    match settings.find(|(_, of)| is_meant(of.port.as_ref().map(|port| port.number))) {
        Some((index, settings)) => {
            let path = at.clone().key("portLevelSettings").index(index).key("tls");
            Some((path, settings.tls.as_ref()?))
        }
        None => Some((at.clone().key("tls"), policy.tls.as_ref()?)),
    }
}

/// The policies by which an endpoint takes nothing but mTLS; None if it takes more, or is not meant.
fn refuses(endpoint: &Endpoint, subset: &Labels, policies: &Policies) -> Option<Vec<ObjectKey>> {
    let workload = endpoint.workload.as_ref()?;
    if workload.tls_mode != TlsMode::Istio || !selects(subset, &workload.all_labels) {
        return None;
    }
    if policies.mode(&workload.all_labels, endpoint.port) != Mode::Strict {
        return None;
    }
    Some(policies.apply(&workload.all_labels).origins)
}
