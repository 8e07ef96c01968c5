//! Limits of connections, which DestinationRules and Sidecars have in common.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::destination_rule::{
    ConnectionPool, H2UpgradePolicy, HttpSettings, TcpSettings,
};
use crate::api::rules::durations;

/// Limits of connections.
pub(in crate::api::networking) fn connection_pool(
    pool: &ConnectionPool,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    if pool.tcp.is_none() && pool.http.is_none() {
        issues.error(
            *at,
            "a connection pool needs at least one field: give tcp or http, or remove it",
        );
    }
    if let Some(tcp) = &pool.tcp {
        validate_tcp(tcp, &at.key("tcp"), issues);
    }
    if let Some(http) = &pool.http {
        validate_http(http, &at.key("http"), issues);
    }
}

fn not_negative(number: i32, at: Place<'_>, issues: &mut Issues) {
    if number < 0 {
        issues.error(at, format!("{number} is below 0: it must be non-negative"));
    }
}

fn validate_tcp(tcp: &TcpSettings, at: &Place<'_>, issues: &mut Issues) {
    not_negative(tcp.max_connections, at.key("maxConnections"), issues);
    durations::positive(tcp.connect_timeout, &at.key("connectTimeout"), issues);
    durations::positive(tcp.max_connection_duration, &at.key("maxConnectionDuration"), issues);
    // Zero means that a connection may be idle for ever.
    let idle = tcp.idle_timeout.filter(|timeout| timeout.0.as_millis() > 0);
    durations::positive(idle, &at.key("idleTimeout"), issues);
    if let Some(keepalive) = &tcp.tcp_keepalive {
        let at = at.key("tcpKeepalive");
        durations::positive(keepalive.time, &at.key("time"), issues);
        durations::positive(keepalive.interval, &at.key("interval"), issues);
    }
}

fn validate_http(http: &HttpSettings, at: &Place<'_>, issues: &mut Issues) {
    for (name, number) in [
        ("http1MaxPendingRequests", http.http1_max_pending_requests),
        ("http2MaxRequests", http.http2_max_requests),
        ("maxRequestsPerConnection", http.max_requests_per_connection),
        ("maxRetries", http.max_retries),
        ("maxConcurrentStreams", http.max_concurrent_streams),
    ] {
        not_negative(number, at.key(name), issues);
    }
    durations::positive(http.idle_timeout, &at.key("idleTimeout"), issues);
    if http.use_client_protocol && http.h2_upgrade_policy == H2UpgradePolicy::Upgrade {
        let message = "contradicts h2UpgradePolicy UPGRADE: remove one of them";
        issues.error(at.key("useClientProtocol"), message);
    }
}
