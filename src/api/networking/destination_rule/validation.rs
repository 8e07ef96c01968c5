//! What a DestinationRule must satisfy.

mod balancing;
mod locality;
mod pool;
mod tls;

use std::collections::BTreeSet;

pub(in crate::api::networking) use self::pool::connection_pool;
use super::{DestinationRule, OutlierDetection, PortTrafficPolicy, Subset, TrafficPolicy, Tunnel};
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::exports::{self, export_to};
use crate::api::rules::labels::{self, labels};
use crate::api::rules::{addresses, destinations, durations, hosts, percent, ports};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &DestinationRule, meta: &Meta, issues: &mut Issues) {
    let at = &Place::of("spec");
    let namespace = &*meta.namespace;
    if let Err(why) = hosts::pattern(&spec.host) {
        issues.error(at.key("host"), why);
    }
    if let Some(policy) = &spec.traffic_policy {
        validate_policy(policy, namespace, &at.key("trafficPolicy"), issues);
    }
    let subsets = at.key("subsets");
    let mut names = BTreeSet::new();
    for (index, subset) in spec.subsets.iter().enumerate() {
        let at = subsets.index(index);
        validate_subset(subset, namespace, &at, issues);
        if !names.insert(&subset.name) {
            issues.error(
                at.key("name"),
                format!("duplicate subset {:?}: name it otherwise", subset.name),
            );
        }
    }
    export_to(&spec.export_to, exports::Of::Configuration, namespace, &at.key("exportTo"), issues);
    validate_selector(spec, namespace, at, issues);
}

fn validate_subset(subset: &Subset, namespace: &str, at: &Place<'_>, issues: &mut Issues) {
    destinations::subset_name(&subset.name, &at.key("name"), issues);
    labels(&subset.labels, &at.key("labels"), issues);
    if let Some(policy) = &subset.traffic_policy {
        validate_policy(policy, namespace, &at.key("trafficPolicy"), issues);
    }
}

/// A rule for some workloads is for those of its own namespace.
fn validate_selector(spec: &DestinationRule, namespace: &str, at: &Place<'_>, issues: &mut Issues) {
    let Some(selector) = &spec.workload_selector else { return };
    let exported = spec
        .export_to
        .iter()
        .position(|export| !matches!(&**export, "." | "") && **export != *namespace);
    if let Some(index) = exported {
        let message = "a rule with a workloadSelector cannot be exported beyond its own namespace: use . only";
        issues.error(at.key("exportTo").index(index), message);
    }
    let at = at.key("workloadSelector");
    let what = "it is for all workloads of the namespace";
    match selector.match_labels.is_empty() {
        true => labels::selector(&selector.match_labels, what, &at, issues),
        false => labels::selector(&selector.match_labels, what, &at.key("matchLabels"), issues),
    }
}

fn validate_policy(policy: &TrafficPolicy, namespace: &str, at: &Place<'_>, issues: &mut Issues) {
    if *policy == TrafficPolicy::default() {
        issues.error(*at, "a traffic policy needs at least one field: remove it, or say something");
        return;
    }
    if policy.tunnel.is_some() && policy.proxy_protocol.is_some() {
        issues.error(
            at.key("proxyProtocol"),
            "tunnel and proxyProtocol cannot be set together: remove one",
        );
    }
    let outlier = policy.outlier_detection.as_ref();
    if let Some(outlier) = outlier {
        validate_outlier(outlier, &at.key("outlierDetection"), issues);
    }
    if let Some(pool) = &policy.connection_pool {
        connection_pool(pool, &at.key("connectionPool"), issues);
    }
    if let Some(balancer) = &policy.load_balancer {
        balancing::validate(balancer, outlier.is_some(), &at.key("loadBalancer"), issues);
    }
    if let Some(tls) = &policy.tls {
        tls::validate(tls, namespace, &at.key("tls"), issues);
    }
    if let Some(tunnel) = &policy.tunnel {
        validate_tunnel(tunnel, &at.key("tunnel"), issues);
    }
    if let Some(share) = policy.retry_budget.as_ref().and_then(|budget| budget.percent) {
        percent(share, &at.key("retryBudget").key("percent"), issues);
    }
    let settings = at.key("portLevelSettings");
    for (index, port) in policy.port_level_settings.iter().enumerate() {
        validate_port(port, namespace, &settings.index(index), issues);
    }
}

fn validate_port(policy: &PortTrafficPolicy, namespace: &str, at: &Place<'_>, issues: &mut Issues) {
    let PortTrafficPolicy { port, load_balancer, connection_pool: pool, outlier_detection, tls } =
        policy;
    match port {
        Some(port) => ports::number(port.number, &at.key("port").key("number"), issues),
        None => issues.error(at.key("port"), "the port is required: give its number"),
    }
    if load_balancer.is_none() && pool.is_none() && outlier_detection.is_none() && tls.is_none() {
        issues.error(
            *at,
            "the policy of a port needs at least one field: remove it, or say something",
        );
    }
    if let Some(outlier) = outlier_detection {
        validate_outlier(outlier, &at.key("outlierDetection"), issues);
    }
    if let Some(pool) = pool {
        connection_pool(pool, &at.key("connectionPool"), issues);
    }
    if let Some(balancer) = load_balancer {
        balancing::validate(balancer, outlier_detection.is_some(), &at.key("loadBalancer"), issues);
    }
    if let Some(tls) = tls {
        tls::validate(tls, namespace, &at.key("tls"), issues);
    }
}

fn validate_outlier(outlier: &OutlierDetection, at: &Place<'_>, issues: &mut Issues) {
    durations::positive(outlier.base_ejection_time, &at.key("baseEjectionTime"), issues);
    durations::positive(outlier.interval, &at.key("interval"), issues);
    percent(outlier.max_ejection_percent.into(), &at.key("maxEjectionPercent"), issues);
    percent(outlier.min_health_percent.into(), &at.key("minHealthPercent"), issues);
    if outlier.consecutive_errors != 0 {
        let message = "is deprecated: use consecutiveGatewayErrors or consecutive5xxErrors";
        issues.warn(at.key("consecutiveErrors"), message);
    }
    let local = outlier.consecutive_local_origin_failures.is_some_and(|failures| failures > 0);
    if local && !outlier.split_external_local_origin_errors {
        let message = "has no effect unless splitExternalLocalOriginErrors is true: set it";
        issues.error(at.key("consecutiveLocalOriginFailures"), message);
    }
}

fn validate_tunnel(tunnel: &Tunnel, at: &Place<'_>, issues: &mut Issues) {
    if !matches!(&*tunnel.protocol, "" | "CONNECT" | "POST") {
        issues.error(
            at.key("protocol"),
            format!("{:?} is no protocol of tunnels: use CONNECT or POST", tunnel.protocol),
        );
    }
    let host = &*tunnel.target_host;
    if !addresses::is_ip(host) && hosts::name(host).is_err() {
        issues.error(
            at.key("targetHost"),
            format!("{host:?} is not a valid full host name or IP address"),
        );
    }
    ports::number(tunnel.target_port, &at.key("targetPort"), issues);
}

#[cfg(test)]
mod tests;
