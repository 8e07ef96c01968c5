//! What a rule says of one port and subset.
//!
//! Within the rule and within a subset, settings of the port replace those of all ports altogether: what a port's
//! settings leave open has its default, and is not taken from the settings for all ports. Over that, a subset
//! replaces only what it sets.

use crate::api::duration::GoDuration;
use crate::api::networking::destination_rule::{
    ClientTls, ConnectionPool, LoadBalancer, OutlierDetection, PortTrafficPolicy, ProxyProtocol,
    RetryBudget, TrafficPolicy, Tunnel,
};

use super::MergedRule;

/// The settings that apply; None for defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "the API's own names")]
pub struct EffectivePolicy<'a> {
    pub load_balancer: Option<&'a LoadBalancer>,
    pub connection_pool: Option<&'a ConnectionPool>,
    pub outlier_detection: Option<&'a OutlierDetection>,
    pub tls: Option<&'a ClientTls>,
    pub proxy_protocol: Option<&'a ProxyProtocol>,
    pub retry_budget: Option<&'a RetryBudget>,
}

/// What a rule says of connections that are no HTTP, where a client accepts them. Istio reads no port's settings for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TcpPolicy<'a> {
    /// How long a connection may be idle.
    pub idle_timeout: Option<GoDuration>,
    /// How long it may live.
    pub max_connection_duration: Option<GoDuration>,
    /// The client's address decides the endpoint.
    pub hash_source_ip: bool,
    /// It goes through a tunnel.
    pub tunnel: Option<&'a Tunnel>,
}

impl MergedRule {
    /// The settings for a port, of a subset if one is named.
    pub fn policy(&self, port: u16, subset: Option<&str>) -> EffectivePolicy<'_> {
        let own = self.spec.traffic_policy.as_ref().map(|policy| of_port(policy, port).0);
        let subset = subset.and_then(|name| self.subset(name)?.traffic_policy.as_ref());
        let Some(subset) = subset.map(|policy| of_port(policy, port)) else {
            return own.unwrap_or_default();
        };
        match own {
            Some(own) => subset.0.over(own, subset.1),
            None => subset.0,
        }
    }

    /// The settings for connections that are no HTTP, to a subset if one is named. A subset has no tunnel but its own.
    pub fn tcp_policy(&self, subset: Option<&str>) -> TcpPolicy<'_> {
        let own = self.spec.traffic_policy.as_ref();
        let named = subset.is_some();
        let subset = subset.and_then(|name| self.subset(name)?.traffic_policy.as_ref());
        let tcp = own.and_then(|policy| policy.connection_pool.as_ref()?.tcp.as_ref());
        let balancer = subset.and_then(|policy| policy.load_balancer.as_ref());
        let balancer = balancer.or_else(|| own?.load_balancer.as_ref());
        let hash = balancer.and_then(|balancer| balancer.consistent_hash.as_ref());
        let tunnelled = if named { subset } else { own };
        TcpPolicy {
            idle_timeout: tcp.and_then(|tcp| tcp.idle_timeout),
            max_connection_duration: tcp.and_then(|tcp| tcp.max_connection_duration),
            hash_source_ip: hash.and_then(|hash| hash.use_source_ip) == Some(true),
            tunnel: tunnelled.and_then(|policy| policy.tunnel.as_ref()),
        }
    }
}

impl<'a> EffectivePolicy<'a> {
    /// These settings laid over others. Settings of a port leave nothing of what a port may have settings for.
    fn over(self, below: EffectivePolicy<'a>, of_port: bool) -> EffectivePolicy<'a> {
        let kept = if of_port { EffectivePolicy::default() } else { below };
        EffectivePolicy {
            load_balancer: self.load_balancer.or(kept.load_balancer),
            connection_pool: self.connection_pool.or(kept.connection_pool),
            outlier_detection: self.outlier_detection.or(kept.outlier_detection),
            tls: self.tls.or(kept.tls),
            proxy_protocol: self.proxy_protocol.or(below.proxy_protocol),
            retry_budget: self.retry_budget.or(below.retry_budget),
        }
    }
}

/// The settings for a port, and whether it has some of its own.
fn of_port(policy: &TrafficPolicy, number: u16) -> (EffectivePolicy<'_>, bool) {
    let is_meant = |settings: &&PortTrafficPolicy| {
        settings.port.as_ref().is_some_and(|port| port.number == u32::from(number))
    };
    match policy.port_level_settings.iter().find(is_meant) {
        Some(own) => {
            let policy = EffectivePolicy {
                load_balancer: own.load_balancer.as_ref(),
                connection_pool: own.connection_pool.as_ref(),
                outlier_detection: own.outlier_detection.as_ref(),
                tls: own.tls.as_ref(),
                ..EffectivePolicy::default()
            };
            (policy, true)
        }
        None => {
            let policy = EffectivePolicy {
                load_balancer: policy.load_balancer.as_ref(),
                connection_pool: policy.connection_pool.as_ref(),
                outlier_detection: policy.outlier_detection.as_ref(),
                tls: policy.tls.as_ref(),
                proxy_protocol: policy.proxy_protocol.as_ref(),
                retry_budget: policy.retry_budget.as_ref(),
            };
            (policy, false)
        }
    }
}
