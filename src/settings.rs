//! The settings that come from the environment.
//!
//! Owns the table of variables ([`table`]) and reading them, once, into typed [`Settings`]. Reading is a
//! pure function of names and values: the only place that looks at the process's environment is the caller.
//! A bad value never stops the process: the default holds and a note says so, because a chart of another
//! version must not keep the control plane from starting.

pub mod agent;
mod fields;
mod names;
mod table;
mod value;

use std::collections::BTreeSet;

use crate::api::Features;
use crate::api::features::SessionLabels;
use crate::api::list::items;

pub use self::table::{Settings, State, Variable, variables};
pub use self::value::go_bool;

impl Settings {
    /// Reads an environment. The notes, one line each and in order of names, are for the log: values that were
    /// not understood, variables that have no effect, and names that look misspelt.
    pub fn read<I>(environment: I) -> (Settings, Vec<String>)
    where
        I: IntoIterator<Item = (String, String)>,
    {
        let mut environment: Vec<_> = environment.into_iter().collect();
        environment.sort();
        let mut settings = Settings::default();
        let mut notes = Vec::new();
        let mut pending = Vec::new();
        for (name, text) in &environment {
            match settings.set(name, text) {
                Ok(true) => {}
                Ok(false) => match table::state(name) {
                    Some(State::Different(reason)) => {
                        notes.push(format!("{name} has no effect: {reason}"));
                    }
                    Some(_) => pending.push(name.as_str()),
                    None => notes.extend(names::complaint(name, text)),
                },
                // An empty value is how a chart leaves a variable unset.
                Err(_) if text.is_empty() => {}
                Err(rejected) => notes.push(format!(
                    "{name}={text:?} is ignored and the default holds: {} is needed",
                    rejected.allowed
                )),
            }
        }
        if !pending.is_empty() {
            notes.push(format!(
                "environment variables without an effect yet: {}",
                pending.join(", ")
            ));
        }
        (settings, notes)
    }
}

impl Settings {
    /// What of these shapes the configuration of proxies.
    pub fn features(&self) -> Features {
        Features {
            absolute_domains: self.absolute_domains,
            metadata_exchange: self.metadata_exchange,
            peer_alpn: !self.no_peer_alpn,
            alpn_filter: self.alpn_filter,
            mongo_filter: self.mongo_filter,
            http10: self.http10,
            continue_100: self.continue_100,
            sidecar_remote_address: self.sidecar_remote_address,
            any_trust_domain: self.any_trust_domain,
            trace_sampling: self.trace_sampling,
            accept_per_event: self.accept_per_event,
            handshake_timeout: self.handshake_timeout,
            send_unhealthy: self.send_unhealthy,
            telemetry: self.telemetry,
            endpoint_telemetry: self.endpoint_telemetry,
            track_remaining: !self.no_track_remaining,
            headless_eds: self.headless_eds,
            select_pods: self.select_pods,
            select_workload_entries: self.select_workload_entries,
            remote_workload_entries: self.remote_workload_entries,
            remote_headless: self.remote_headless,
            workload_health: self.workload_health,
            allocate_addresses: self.allocate_addresses,
            allocate_v4: self.allocate_v4,
            allocate_v6: self.allocate_v6,
            dns_jitter: self.dns_jitter,
            dns_udp_queries: self.dns_udp_queries,
            gateways_in_own_namespace: self.gateways_in_own_namespace,
            collapse_routes: self.collapse_routes,
            merge_rules_by_visibility: self.merge_rules_by_visibility,
            best_service_namespace: self.best_service_namespace,
            sidecar_ingress_merge: self.sidecar_ingress_merge,
            sidecar_ingress_tls: self.sidecar_ingress_tls,
            weigh_localities: self.weigh_localities,
            external_tls_by_rule: self.external_tls_by_rule,
            filter_gateway_clusters: self.filter_gateway_clusters,
            quic: self.quic,
            internal_networks: self.internal_networks,
            several_ext_authz: self.several_ext_authz,
            mirror_as_is: self.mirror_as_is,
            compliance: self.compliance,
            jwks_fetcher: self.jwks_fetcher,
            select_gateways: self.select_gateways,
            exchanged_labels: sorted_for_ever(&self.exchanged_labels),
            external_canonical: self.external_canonical,
            mysql_filter: self.mysql_filter,
            redis_filter: self.redis_filter,
            session_filter: self.session_filter,
            session_labels: SessionLabels {
                cookie: for_ever(&self.session_cookie_label),
                header: for_ever(&self.session_header_label),
                draining: for_ever(&self.draining_label),
            },
        }
    }
}

/// Features are read once and hold for the life of the process, and so does this.
fn for_ever(text: &str) -> &'static str {
    Box::leak(Box::from(text))
}

/// The parts of a list with commas, in order.
fn sorted_for_ever(list: &str) -> &'static [&'static str] {
    let parts: BTreeSet<&str> = items(list).collect();
    Vec::leak(parts.into_iter().map(for_ever).collect())
}

/// The number that a limit of 0 stands for: 15 and 5 more for each CPU, 100 at most.
pub fn automatic_limit(cpus: usize) -> u32 {
    u32::try_from(cpus).unwrap_or(u32::MAX).saturating_mul(5).saturating_add(15).min(100)
}

#[cfg(test)]
mod tests;
