//! Limits and lifetimes of connections.
//!
//! They come from DestinationRules, from Sidecars for what comes in, and for keepalive from the mesh too. Without any, a
//! cluster has no limits: Envoy's defaults would throttle a busy service.

use super::policy::Policy;
use super::protocol::{HttpOptions, HttpVersion};
use crate::api::mesh::TcpKeepalive;
use crate::api::networking::destination_rule::{
    ConnectionPool, H2UpgradePolicy, HttpSettings, Keepalive, RetryBudget,
};
use crate::model::Protocol;
use crate::proto::envoy::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use crate::proto::envoy::envoy::config::cluster::v3::circuit_breakers::thresholds;
use crate::proto::envoy::envoy::config::cluster::v3::{
    CircuitBreakers, Cluster, UpstreamConnectionOptions,
};
use crate::proto::envoy::envoy::config::core::v3 as core;
use crate::proto::envoy::envoy::r#type::v3::Percent;
use crate::translate::common::value::{duration, uint32};

/// The share of requests that may be retries, where a budget does not say.
const BUDGET_PERCENT: f64 = 20.0;

/// The retries that there may be in any case, where a budget does not say.
const BUDGET_CONCURRENCY: u32 = 3;

/// What limits the connections of a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits<'a> {
    /// Of connections and requests.
    pub pool: Option<&'a ConnectionPool>,
    /// Of retries.
    pub retry_budget: Option<&'a RetryBudget>,
}

impl Limits<'_> {
    /// Sets them on a cluster and its HTTP options.
    pub fn apply(self, policy: &Policy, cluster: &mut Cluster, http: &mut HttpOptions) {
        let tcp = self.pool.and_then(|pool| pool.tcp.as_ref());
        cluster.circuit_breakers = Some(self.circuit_breakers(policy));
        cluster.connect_timeout = Some(duration(
            tcp.and_then(|tcp| tcp.connect_timeout).map_or(policy.connect_timeout, |t| t.0),
        ));
        let own = tcp.and_then(|tcp| tcp.tcp_keepalive.as_ref());
        cluster.upstream_connection_options = connection_options(policy.tcp_keepalive, own);

        let settings = self.pool.and_then(|pool| pool.http.as_ref());
        let idle_timeout = settings.and_then(|http| http.idle_timeout);
        let idle_timeout = idle_timeout.or_else(|| tcp?.idle_timeout);
        let max_connection_duration = tcp.and_then(|tcp| tcp.max_connection_duration);
        let requests = settings.and_then(|http| positive(http.max_requests_per_connection));
        let streams = settings.and_then(|http| positive(http.max_concurrent_streams));
        let some = idle_timeout.is_some() || max_connection_duration.is_some();
        if some || requests.is_some() || streams.is_some() {
            http.common = Some(core::HttpProtocolOptions {
                idle_timeout: idle_timeout.map(|time| duration(time.0)),
                max_connection_duration: max_connection_duration.map(|time| duration(time.0)),
                max_requests_per_connection: requests.map(uint32),
                ..core::HttpProtocolOptions::default()
            });
        }
        http.max_concurrent_streams = streams;
        if settings.is_some_and(|http| http.use_client_protocol) {
            http.version = HttpVersion::AsDownstream;
        }
    }

    /// The limits that count at once.
    pub fn circuit_breakers(self, policy: &Policy) -> CircuitBreakers {
        let tcp = self.pool.and_then(|pool| pool.tcp.as_ref());
        let http = self.pool.and_then(|pool| pool.http.as_ref());
        let limit =
            |number: Option<i32>| Some(uint32(number.and_then(positive).unwrap_or(u32::MAX)));
        CircuitBreakers {
            thresholds: vec![Thresholds {
                max_connections: limit(tcp.map(|tcp| tcp.max_connections)),
                max_pending_requests: limit(http.map(|http| http.http1_max_pending_requests)),
                max_requests: limit(http.map(|http| http.http2_max_requests)),
                max_retries: limit(http.map(|http| http.max_retries)),
                retry_budget: self.retry_budget.map(retry_budget),
                track_remaining: policy.track_remaining,
                ..Thresholds::default()
            }],
            ..CircuitBreakers::default()
        }
    }
}

/// The version that is spoken to a port of this protocol, before what [`Limits`] say. Who asks for an upgrade in a rule
/// knows what the port speaks; the mesh upgrades only what is known to be HTTP. What is found out stays so.
pub fn upgraded(
    version: HttpVersion,
    protocol: Protocol,
    pool: Option<&ConnectionPool>,
    policy: &Policy,
) -> HttpVersion {
    let settings = pool.and_then(|pool| pool.http.as_ref());
    let upgrade = match settings.map(|http: &HttpSettings| http.h2_upgrade_policy) {
        Some(H2UpgradePolicy::Upgrade) => true,
        Some(H2UpgradePolicy::DoNotUpgrade) => false,
        Some(H2UpgradePolicy::Default) | None => policy.h2_upgrade && protocol.is_http(),
    };
    match version {
        HttpVersion::Default if upgrade => HttpVersion::Two,
        version => version,
    }
}

fn retry_budget(budget: &RetryBudget) -> thresholds::RetryBudget {
    let concurrency = match budget.min_retry_concurrency {
        0 => BUDGET_CONCURRENCY,
        number => number,
    };
    thresholds::RetryBudget {
        budget_percent: Some(Percent { value: budget.percent.unwrap_or(BUDGET_PERCENT) }),
        min_retry_concurrency: Some(uint32(concurrency)),
        ..thresholds::RetryBudget::default()
    }
}

/// Keepalive: each setting of the rule, else that of the mesh.
pub fn connection_options(
    mesh: Option<TcpKeepalive>,
    own: Option<&Keepalive>,
) -> Option<UpstreamConnectionOptions> {
    if mesh.is_none() && own.is_none() {
        return None;
    }
    let mesh = mesh.unwrap_or_default();
    let seconds =
        |time: std::time::Duration| uint32(u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
    let probes = own.map(|own| own.probes).filter(|probes| *probes > 0).or(mesh.probes);
    let time = own.and_then(|own| own.time).map(|time| time.0).or(mesh.time);
    let interval = own.and_then(|own| own.interval).map(|time| time.0).or(mesh.interval);
    Some(UpstreamConnectionOptions {
        tcp_keepalive: Some(core::TcpKeepalive {
            keepalive_probes: probes.map(uint32),
            keepalive_time: time.map(seconds),
            keepalive_interval: interval.map(seconds),
        }),
        ..UpstreamConnectionOptions::default()
    })
}

/// A number that is a limit.
fn positive(number: i32) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}
