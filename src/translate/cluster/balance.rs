//! How endpoints are chosen.

use super::policy::Policy;
use crate::api::networking::destination_rule::{
    ConsistentHash, LoadBalancer, LocalityLbSetting, OutlierDetection, SimpleBalancer, Warmup,
};
use crate::model::Service;
use crate::model::destination_rule::EffectivePolicy;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::common_lb_config::{
    LocalityConfigSpecifier, LocalityWeightedLbConfig,
};
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    CommonLbConfig, LbConfig, LbPolicy, LeastRequestLbConfig, MaglevLbConfig, RingHashLbConfig,
    RoundRobinLbConfig, SlowStartConfig,
};
use crate::proto::envoy::envoy::config::core::v3::{HealthStatus, HealthStatusSet, RuntimeDouble};
use crate::proto::envoy::envoy::r#type::v3::Percent;
use crate::proto::envoy::google::protobuf::UInt64Value;
use crate::translate::common::value::duration;
use crate::translate::endpoint::preference::Preference;

/// The size of a ring that nobody gave a size.
const RING_SIZE: u64 = 1024;

/// The share of traffic that a new endpoint begins with.
const WARMUP_PERCENT: f64 = 10.0;

/// Envoy wants a key by which the aggression could be changed at run time. This is Istio's, which nobody uses.
const AGGRESSION_KEY: &str = "(";

/// Whether endpoints are not chosen, as the client already did.
pub fn is_passthrough(balancer: Option<&LoadBalancer>) -> bool {
    balancer.and_then(|balancer| balancer.simple) == Some(SimpleBalancer::Passthrough)
}

/// Sets how a cluster chooses among endpoints that it knows.
pub fn choose(cluster: &mut Cluster, balancer: Option<&LoadBalancer>) {
    let simple = balancer.and_then(|balancer| balancer.simple).unwrap_or_default();
    let slow_start_config = balancer.and_then(slow_start);
    let (lb_policy, lb_config) = match simple {
        SimpleBalancer::Random => (LbPolicy::Random, None),
        SimpleBalancer::RoundRobin => {
            let config = slow_start_config.map(|slow_start| {
                LbConfig::RoundRobinLbConfig(RoundRobinLbConfig {
                    slow_start_config: Some(slow_start),
                })
            });
            (LbPolicy::RoundRobin, config)
        }
        _ => {
            let config = slow_start_config.map(|slow_start| {
                LbConfig::LeastRequestLbConfig(LeastRequestLbConfig {
                    slow_start_config: Some(slow_start),
                    ..LeastRequestLbConfig::default()
                })
            });
            (LbPolicy::LeastRequest, config)
        }
    };
    let hash = balancer.and_then(|balancer| balancer.consistent_hash.as_ref()).map(hashed);
    let (lb_policy, lb_config) = match hash {
        Some((policy, config)) => (policy, config.or(lb_config)),
        None => (lb_policy, lb_config),
    };
    cluster.lb_policy = lb_policy.into();
    cluster.lb_config = lb_config;
}

fn hashed(hash: &ConsistentHash) -> (LbPolicy, Option<LbConfig>) {
    let size = |value: u64| (value != 0).then_some(UInt64Value { value });
    let ring = |minimum_ring_size| {
        LbConfig::RingHashLbConfig(RingHashLbConfig {
            minimum_ring_size: Some(minimum_ring_size),
            ..RingHashLbConfig::default()
        })
    };
    match (&hash.maglev, &hash.ring_hash) {
        (Some(maglev), _) => {
            let config = size(maglev.table_size).map(|table_size| {
                LbConfig::MaglevLbConfig(MaglevLbConfig { table_size: Some(table_size) })
            });
            (LbPolicy::Maglev, config)
        }
        (None, Some(settings)) => (LbPolicy::RingHash, size(settings.minimum_ring_size).map(ring)),
        (None, None) => {
            let size = size(hash.minimum_ring_size).unwrap_or(UInt64Value { value: RING_SIZE });
            (LbPolicy::RingHash, Some(ring(size)))
        }
    }
}

fn slow_start(balancer: &LoadBalancer) -> Option<SlowStartConfig> {
    if let Some(Warmup { duration: window, minimum_percent, aggression }) = &balancer.warmup {
        return Some(SlowStartConfig {
            slow_start_window: window.map(|time| duration(time.0)),
            aggression: Some(RuntimeDouble {
                default_value: aggression.unwrap_or(1.0),
                runtime_key: AGGRESSION_KEY.into(),
            }),
            min_weight_percent: Some(Percent { value: minimum_percent.unwrap_or(WARMUP_PERCENT) }),
        });
    }
    let window = balancer.warmup_duration_secs?;
    Some(SlowStartConfig {
        slow_start_window: Some(duration(window.0)),
        ..SlowStartConfig::default()
    })
}

/// What all ways of choosing have in common: how localities count, and when health does not.
pub fn common(service: &Service, settings: EffectivePolicy<'_>, policy: &Policy) -> CommonLbConfig {
    CommonLbConfig {
        healthy_panic_threshold: panic_threshold(service, settings.outlier_detection, policy),
        locality_config_specifier: weighs_localities(service, settings, policy).then_some(
            LocalityConfigSpecifier::LocalityWeightedLbConfig(LocalityWeightedLbConfig {}),
        ),
        ..CommonLbConfig::default()
    }
}

/// The health of endpoints that a session may lead to. Those that go are among them: Envoy would forget them otherwise.
pub fn session_health() -> HealthStatusSet {
    use HealthStatus::{Degraded, Draining, Healthy, Unknown};
    let statuses = [Healthy, Draining, Unknown, Degraded].map(i32::from).to_vec();
    HealthStatusSet { statuses }
}

/// The share of healthy endpoints below which all are used. Where the cluster knows unhealthy ones, they must not be:
/// Envoy would use them below half.
fn panic_threshold(
    service: &Service,
    outlier: Option<&OutlierDetection>,
    policy: &Policy,
) -> Option<Percent> {
    if policy.send_unhealthy || Preference::of(service).is_some() {
        return Some(Percent::default());
    }
    let percent = outlier?.min_health_percent;
    (percent >= 0).then(|| Percent { value: f64::from(percent) })
}

/// Localities are weighed where shares are given, and where some are preferred and failures are noticed.
fn weighs_localities(service: &Service, settings: EffectivePolicy<'_>, policy: &Policy) -> bool {
    let fails_over = |setting: &LocalityLbSetting| {
        !setting.failover.is_empty() || !setting.failover_priority.is_empty()
    };
    let weighed = |setting: &LocalityLbSetting| {
        let noticed = settings.outlier_detection.is_some();
        setting.enabled != Some(false)
            && (!setting.distribute.is_empty() || noticed && fails_over(setting))
    };
    let own = settings.load_balancer.and_then(|balancer| balancer.locality_lb_setting.as_ref());
    policy.weigh_localities
        || match own {
            Some(own) => weighed(own),
            None => Preference::of(service).is_some() || weighed(&policy.localities),
        }
}
