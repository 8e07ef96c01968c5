//! What a rule says that endpoints must agree with.

use crate::api::networking::destination_rule::{ClientTlsMode, TrafficPolicy};
use crate::model::MergedRule;

/// Whether a rule begins TLS in another way than by mTLS of the mesh, or not at all, whatever an endpoint takes. Unlike
/// in a cluster's policy, settings of a port that say nothing of TLS leave what is said for all ports.
pub(super) fn is_explicit_tls(rule: &MergedRule, port: u16, subset: Option<&str>) -> bool {
    let own = || mode(rule.spec.traffic_policy.as_ref()?, port);
    let mode = match subset {
        None => own(),
        Some(name) => rule.subset(name).and_then(|subset| {
            let of_subset = subset.traffic_policy.as_ref().and_then(|policy| mode(policy, port));
            of_subset.or_else(own)
        }),
    };
    mode.is_some_and(|mode| mode != ClientTlsMode::IstioMutual)
}

fn mode(policy: &TrafficPolicy, port: u16) -> Option<ClientTlsMode> {
    let of_port = policy.port_level_settings.iter().find_map(|settings| {
        let is_meant = settings.port.as_ref().is_some_and(|p| p.number == u32::from(port));
        settings.tls.as_ref().filter(|_| is_meant)
    });
    of_port.or(policy.tls.as_ref()).map(|tls| tls.mode)
}
