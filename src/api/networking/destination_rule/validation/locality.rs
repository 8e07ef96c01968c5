//! What the settings of localities must satisfy: no endpoint's share may be said twice.

use std::collections::BTreeSet;

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::destination_rule::{Distribute, Failover, LocalityLbSetting};

/// Labels that `failover` speaks of too.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

/// How many parts a locality has: region, zone, subzone.
const PARTS: usize = 3;

/// How localities count; `ejects` when outlier detection leaves endpoints out.
pub(super) fn validate(
    setting: &LocalityLbSetting,
    ejects: bool,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let failover = at.key("failover");
    let priority = at.key("failoverPriority");
    if !setting.distribute.is_empty() && !setting.failover.is_empty() {
        issues.error(failover, "distribute and failover cannot be set together: remove one");
        return;
    }
    if !setting.failover.is_empty() {
        for (index, label) in setting.failover_priority.iter().enumerate() {
            if TOPOLOGY.contains(&&**label) {
                let message = format!(
                    "failover and the topology label {label} cannot be set together: remove one"
                );
                issues.error(priority.index(index), message);
            }
        }
    }
    validate_distribute(&setting.distribute, &at.key("distribute"), issues);
    if !ejects {
        let message = "outlier detection must be provided for failover: without it no endpoint counts as failed";
        if !setting.failover.is_empty() {
            issues.warn(failover, message);
        } else if !setting.failover_priority.is_empty() {
            issues.warn(priority, message);
        }
    }
    for (index, regions) in setting.failover.iter().enumerate() {
        validate_failover(regions, &failover.index(index), issues);
    }
}

fn validate_distribute(distribute: &[Distribute], at: &Place<'_>, issues: &mut Issues) {
    let mut sources = Localities::default();
    for (index, Distribute { from, to }) in distribute.iter().enumerate() {
        let at = at.index(index);
        if let Err(why) = sources.add(from) {
            issues.error(at.key("from"), why);
        }
        let at = at.key("to");
        let mut targets = Localities::default();
        let mut total = 0u64;
        for (locality, weight) in to {
            if !(1..=100).contains(weight) {
                issues.error(
                    at.key(locality),
                    format!("locality weight {weight} is not in the range 1..100"),
                );
            } else if let Err(why) = targets.add(locality) {
                issues.error(at.key(locality), why);
            }
            total += u64::from(*weight);
        }
        if total != 100 {
            issues.error(at, format!("the total locality weight is {total}: it must be 100"));
        }
    }
}

fn validate_failover(regions: &Failover, at: &Place<'_>, issues: &mut Issues) {
    let Failover { from, to } = regions;
    if from == to {
        issues.error(at.key("to"), format!("failover must go to a different region than {from:?}"));
    }
    for (name, region) in [("from", from), ("to", to)] {
        if region.contains('/') {
            issues.error(
                at.key(name),
                format!("{region:?} is no region: zones cannot be named here"),
            );
        } else if region.contains('*') {
            issues.error(at.key(name), "a region may not contain a wildcard (*): name one");
        }
    }
}

/// Localities of which each says something new: the first that describes a place counts, so a wildcard may follow what
/// is a part of it, but not the other way around.
#[derive(Default)]
struct Localities<'a> {
    /// Those that were added, without a `*` at the end.
    whole: BTreeSet<Vec<&'a str>>,
    /// Everything that one of them is a part of.
    around: BTreeSet<Vec<&'a str>>,
}

impl<'a> Localities<'a> {
    fn add(&mut self, locality: &'a str) -> Result<(), String> {
        let stars = locality.matches('*').count();
        if stars > 1 || (stars == 1 && !locality.ends_with('*')) {
            return Err(format!("{locality:?}: only one wildcard (*) is allowed, at the end"));
        }
        let mut parts: Vec<&str> = locality.splitn(PARTS, '/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(format!(
                "{locality:?} has an empty region, zone or subzone: write REGION/ZONE/SUBZONE"
            ));
        }
        let wildcard = parts.pop_if(|last| *last == "*").is_some();
        let before = |end: usize| parts.iter().copied().take(end).collect::<Vec<_>>();
        let known = (0..=parts.len()).any(|end| self.whole.contains(&before(end)));
        if known || (!wildcard && self.around.contains(&parts)) {
            return Err(format!("{locality:?} overlaps with another locality: keep one of them"));
        }
        self.around.extend((0..parts.len()).map(before));
        self.whole.insert(parts);
        Ok(())
    }
}
