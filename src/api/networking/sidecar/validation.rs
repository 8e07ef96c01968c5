//! What a Sidecar must satisfy.

mod egress;
mod ingress;

use super::{OutboundMode, OutboundTrafficPolicy, Sidecar};
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::destination_rule::validation::connection_pool;
use crate::api::rules::destinations::destination;
use crate::api::rules::{hosts, labels};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &Sidecar, meta: &Meta, issues: &mut Issues) {
    let at = &Place::of("spec");
    if let Some(selector) = &spec.workload_selector {
        let at = at.key("workloadSelector");
        let what = "it is for all workloads of the namespace, as if there were no selector";
        match selector.labels.is_empty() {
            true => labels::selector(&selector.labels, what, &at, issues),
            false => labels::selector(&selector.labels, what, &at.key("labels"), issues),
        }
    }
    if spec.ingress.is_empty()
        && spec.egress.is_empty()
        && spec.outbound_traffic_policy.is_none()
        && spec.inbound_connection_pool.is_none()
    {
        let message =
            "says nothing: give ingress, egress, outboundTrafficPolicy or inboundConnectionPool";
        issues.error(*at, message);
    }
    ingress::validate(&spec.ingress, &at.key("ingress"), issues);
    if let Some(pool) = &spec.inbound_connection_pool {
        connection_pool(pool, &at.key("inboundConnectionPool"), issues);
    }
    egress::validate(&spec.egress, meta, &at.key("egress"), issues);
    if let Some(policy) = &spec.outbound_traffic_policy {
        validate_outbound(policy, &at.key("outboundTrafficPolicy"), issues);
    }
}

fn validate_outbound(policy: &OutboundTrafficPolicy, at: &Place<'_>, issues: &mut Issues) {
    let Some(proxy) = &policy.egress_proxy else { return };
    let at = at.key("egressProxy");
    if policy.mode != OutboundMode::AllowAny {
        issues.error(
            at,
            "an egress proxy needs the mode ALLOW_ANY: with others nothing would reach it",
        );
        return;
    }
    if let (Ok(()), Err(why)) = (hosts::pattern(&proxy.host), hosts::name(&proxy.host)) {
        issues.error(at.key("host"), why);
    }
    destination(proxy, &at, issues);
    if proxy.port.is_none() {
        issues.error(at.key("port"), "the port of an egress proxy is required");
    }
}

#[cfg(test)]
mod tests;
