//! What a rule says that endpoints must agree with.

use crate::api::networking::destination_rule::{ClientTlsMode, TrafficPolicy};
use crate::model::MergedRule;

/// What a rule says of TLS, whatever an endpoint takes. Unlike in a cluster's policy, settings of a port that say nothing
/// of TLS leave what is said for all ports, and a subset inherits nothing.
pub(super) fn tls_mode(
    rule: &MergedRule,
    port: u16,
    subset: Option<&str>,
) -> Option<ClientTlsMode> {
    let policy = match subset {
        None => rule.spec.traffic_policy.as_ref(),
        Some(name) => rule.subset(name).and_then(|subset| subset.traffic_policy.as_ref()),
    };
    policy.and_then(|policy| mode(policy, port))
}

fn mode(policy: &TrafficPolicy, port: u16) -> Option<ClientTlsMode> {
    let of_port = policy.port_level_settings.iter().find_map(|settings| {
        let is_meant = settings.port.as_ref().is_some_and(|p| p.number == u32::from(port));
        settings.tls.as_ref().filter(|_| is_meant)
    });
    of_port.or(policy.tls.as_ref()).map(|tls| tls.mode)
}
