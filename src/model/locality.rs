//! Where a workload runs.

use crate::api::Str;

/// Region, zone and subzone; parts that are unknown are empty. Orders as `region/zone/subzone` does.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
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
        let separator = if text.contains('/') { '/' } else { '.' };
        let mut parts = text.splitn(3, separator);
        let mut next = || parts.next().unwrap_or_default().into();
        Locality { region: next(), zone: next(), subzone: next() }
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.region.is_empty() && self.zone.is_empty() && self.subzone.is_empty()
    }
}

#[cfg(test)]
mod tests;
