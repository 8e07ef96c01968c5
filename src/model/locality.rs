//! Where a workload runs.

use crate::api::Str;

/// Region, zone and subzone; parts that are unknown are empty. Orders by its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    /// As `region/zone/subzone`. Sets localities apart: Istio takes `r/z`, as a WorkloadEntry says, for another one
    /// than `r/z/`, which a node's labels make.
    text: Str,
    /// Such as `europe-west1`.
    pub region: Str,
    /// Such as `europe-west1-b`.
    pub zone: Str,
    /// Such as a rack.
    pub subzone: Str,
}

impl Locality {
    /// From `region/zone/subzone`, of which the tail may be missing. Where there is no `/`, as the values of
    /// labels cannot have one, `.` separates.
    pub fn parse(text: &str) -> Locality {
        let text = if text.contains('/') { text.to_owned() } else { text.replace('.', "/") };
        let mut parts = text.split('/');
        let mut next = || parts.next().unwrap_or_default().into();
        Locality { region: next(), zone: next(), subzone: next(), text: text.into() }
    }

    /// Of these parts.
    pub fn of(region: &str, zone: &str, subzone: &str) -> Locality {
        let text = match (region, zone, subzone) {
            ("", "", "") => String::new(),
            _ => format!("{region}/{zone}/{subzone}"),
        };
        Locality {
            text: text.into(),
            region: region.into(),
            zone: zone.into(),
            subzone: subzone.into(),
        }
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.region.is_empty() && self.zone.is_empty() && self.subzone.is_empty()
    }
}

#[cfg(test)]
mod tests;
