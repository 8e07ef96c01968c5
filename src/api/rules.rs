//! What the fields of several kinds must satisfy: one place for each kind of value.
//!
//! A rule is given the value, its place and where to say what is wrong. It says what is wrong and how to mend it, and
//! never more than one thing for each value. What only one kind has is in that kind's `validation`.

pub(super) mod addresses;
pub(super) mod cel;
pub(super) mod destinations;
pub(super) mod durations;
pub(super) mod exports;
pub(super) mod gateways;
pub(super) mod headers;
pub(super) mod hosts;
pub(super) mod labels;
pub(super) mod ports;
pub(super) mod targets;
pub(super) mod texts;
pub(super) mod urls;

use crate::api::field_path::Place;
use crate::api::issue::Issues;

/// Of fields that exclude each other, at most one is set. Each with whether it is.
pub(super) fn at_most_one(fields: &[(&str, bool)], at: &Place<'_>, issues: &mut Issues) {
    let mut set = fields.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
    if let (Some(first), Some(second)) = (set.next(), set.next()) {
        let message = format!("{first} is set too, and only one of them has effect: remove one");
        issues.error(at.key(second), message);
    }
}

/// A share in percent.
pub(super) fn percent(value: f64, at: &Place<'_>, issues: &mut Issues) {
    if !(0.0..=100.0).contains(&value) {
        issues.error(*at, format!("{value} is no percentage: give one from 0 to 100"));
    }
}

#[cfg(test)]
mod tests;
