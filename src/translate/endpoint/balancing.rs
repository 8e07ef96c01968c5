//! How localities count among the endpoints of a port: what the service, its DestinationRule and the mesh ask for.
//!
//! A rule's setting counts before the service's preference, and that before the mesh's setting. Priorities need
//! something by which Envoy finds out that endpoints fail: outlier detection, or the health that a preference makes
//! the control plane tell. What depends on the client is resolved here, so that clients for whom it comes out alike
//! share the assignment.

use std::collections::{BTreeMap, BTreeSet};

use super::place::Place;
use super::preference::Preference;
use crate::api::networking::destination_rule::{
    LoadBalancer, LocalityLbSetting, OutlierDetection, TrafficPolicy,
};
use crate::api::{MeshConfig, Str};
use crate::model::{Locality, MergedRule, Service};

/// What is done with the localities of an assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balancing {
    /// All are equal.
    #[default]
    Even,
    /// Each has its share, in percent by the pattern of a locality.
    Shares(BTreeMap<Str, u32>),
    /// Near ones come first.
    Priorities {
        /// The labels that count, the most important first, each with the value that near endpoints have.
        labels: Vec<(Str, Str)>,
        /// Localities count, after the labels.
        failover: Option<Failover>,
    },
}

/// What is near by locality.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failover {
    /// The client's.
    pub from: Locality,
    /// The region that comes before other regions, where one is named for the client's.
    pub to: Option<Str>,
}

impl Balancing {
    /// For the clients at a place, of one port of a service and a subset, if one is named.
    pub fn of(
        service: &Service,
        rule: Option<&MergedRule>,
        port: u16,
        subset: Option<&str>,
        mesh: &MeshConfig,
        place: &Place,
    ) -> Balancing {
        let policy = rule.map(|rule| rule.policy(port, subset)).unwrap_or_default();
        let detects = policy.outlier_detection.is_some();
        let own = policy.load_balancer.and_then(|lb| lb.locality_lb_setting.as_ref());
        match (own, Preference::of(service)) {
            (Some(own), _) => Balancing::of_setting(own, detects, place),
            (None, Some(preference)) => Balancing::Priorities {
                labels: wanted(preference.labels().iter().copied(), place),
                failover: None,
            },
            (None, None) => Balancing::of_setting(&mesh.locality_lb_setting, detects, place),
        }
    }

    fn of_setting(setting: &LocalityLbSetting, detects: bool, place: &Place) -> Balancing {
        if setting.enabled == Some(false) {
            return Balancing::Even;
        }
        if !setting.distribute.is_empty() {
            let of_client = |from: &str| matches(&place.locality, from);
            let own = setting.distribute.iter().find(|shares| of_client(&shares.from));
            return own.map_or(Balancing::Even, |own| Balancing::Shares(own.to.clone()));
        }
        if !detects {
            return Balancing::Even;
        }
        let labels = &setting.failover_priority;
        let by_locality = labels.is_empty() || !setting.failover.is_empty();
        let region = &place.locality.region;
        let to = setting.failover.iter().find(|f| f.from == *region).map(|f| f.to.clone());
        Balancing::Priorities {
            labels: wanted(labels.iter().map(|label| &**label), place),
            failover: by_locality.then(|| Failover { from: place.locality.clone(), to }),
        }
    }
}

/// The labels of `LABEL` and `LABEL=VALUE` items, each with the value that it should have: the client's own where
/// none is given. A value that is given counts wherever the label is named.
fn wanted<'a>(items: impl Iterator<Item = &'a str>, place: &Place) -> Vec<(Str, Str)> {
    let items: Vec<(&str, Option<&str>)> = items.map(item).collect();
    let given: BTreeMap<&str, &str> =
        items.iter().filter_map(|(label, value)| Some((*label, (*value)?))).collect();
    let value = |label: &str| given.get(label).map_or_else(|| place.label(label), |v| (*v).into());
    items.iter().map(|(label, _)| ((*label).into(), value(label))).collect()
}

/// A label, and the value that is given for it.
fn item(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((label, value)) => (label, (!value.contains('=')).then_some(value)),
        None => (text, None),
    }
}

/// Whether a locality is one of those that a pattern such as `region/zone/*` stands for.
pub fn matches(locality: &Locality, pattern: &str) -> bool {
    let mut parts = pattern.split('/');
    let region = parts.next().unwrap_or_default();
    let mut inner = |own: &str| match parts.next() {
        None | Some("" | "*") => true,
        Some(part) => part == own,
    };
    (region == "*" || region == &*locality.region)
        && inner(&locality.zone)
        && inner(&locality.subzone)
}

/// What of a client's place decides about the endpoints of what it sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Its place matters.
    pub place: bool,
    /// These of its labels do.
    pub labels: BTreeSet<Str>,
}

impl Asked {
    /// By a service, with the rules that clients may follow for it.
    pub fn add<'a>(
        &mut self,
        service: &Service,
        rules: impl IntoIterator<Item = &'a MergedRule>,
        mesh: &MeshConfig,
    ) {
        if let Some(preference) = Preference::of(service) {
            self.place = true;
            self.labels.extend(preference.labels().iter().map(|label| Str::from(*label)));
        }
        self.add_setting(&mesh.locality_lb_setting, false);
        for rule in rules {
            let subsets = rule.spec.subsets.iter().filter_map(|s| s.traffic_policy.as_ref());
            for policy in rule.spec.traffic_policy.iter().chain(subsets) {
                self.add_policy(policy, mesh);
            }
        }
    }

    /// Which parts of a policy come together is not looked at: too much costs some sharing only.
    fn add_policy(&mut self, policy: &TrafficPolicy, mesh: &MeshConfig) {
        let mut add = |lb: Option<&LoadBalancer>, detection: Option<&OutlierDetection>| {
            if let Some(setting) = lb.and_then(|lb| lb.locality_lb_setting.as_ref()) {
                self.add_setting(setting, true);
            }
            if detection.is_some() {
                self.add_setting(&mesh.locality_lb_setting, true);
            }
        };
        add(policy.load_balancer.as_ref(), policy.outlier_detection.as_ref());
        for port in &policy.port_level_settings {
            add(port.load_balancer.as_ref(), port.outlier_detection.as_ref());
        }
    }

    fn add_setting(&mut self, setting: &LocalityLbSetting, detects: bool) {
        if setting.enabled == Some(false) || (setting.distribute.is_empty() && !detects) {
            return;
        }
        self.place = true;
        if setting.distribute.is_empty() {
            let labels = setting.failover_priority.iter().map(|text| item(text));
            let open = labels.filter(|(_, value)| value.is_none());
            self.labels.extend(open.map(|(label, _)| Str::from(label)));
        }
    }
}

#[cfg(test)]
mod tests;
