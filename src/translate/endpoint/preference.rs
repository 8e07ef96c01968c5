//! Preferences for near endpoints (`trafficDistribution`).
//!
//! A service may ask that its clients prefer endpoints near them. What is near is a list of labels, the coarsest
//! first: this is Istio's failover priority by topology labels.
//! <https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting>

use super::place::{HOSTNAME, NETWORK, REGION, SUBZONE, ZONE};
use crate::model::Service;

/// A service's wish for near endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preference {
    /// `PreferClose` and `PreferSameZone`.
    SameZone,
    /// `PreferSameNode`.
    SameNode,
}

impl Preference {
    /// Of a service; None if it has none, or asks for what is unknown.
    pub fn of(service: &Service) -> Option<Preference> {
        let value = &*service.traffic_distribution;
        let is = |name: &str| value.eq_ignore_ascii_case(name);
        if is("PreferClose") || is("PreferSameZone") {
            Some(Preference::SameZone)
        } else if is("PreferSameNode") {
            Some(Preference::SameNode)
        } else {
            None
        }
    }

    /// The labels that near endpoints share with a client.
    pub fn labels(self) -> &'static [&'static str] {
        const ALL: [&str; 5] = [NETWORK, REGION, ZONE, SUBZONE, HOSTNAME];
        match self {
            Preference::SameZone => ALL.split_at(3).0,
            Preference::SameNode => &ALL,
        }
    }
}
