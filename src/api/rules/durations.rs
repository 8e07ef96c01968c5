//! Durations: Istio's have whole milliseconds.

use crate::api::duration::{self, GoDuration};
use crate::api::field_path::Place;
use crate::api::issue::Issues;

const NANOS_PER_MILLI: u128 = 1_000_000;

/// A duration of at least one millisecond, if there is one.
pub(in crate::api) fn positive(duration: Option<GoDuration>, at: &Place<'_>, issues: &mut Issues) {
    let Some(GoDuration(duration)) = duration else { return };
    let text = duration::format(duration);
    if duration.as_nanos() < NANOS_PER_MILLI {
        issues.error(*at, format!("a duration of {text} is too short: it must be 1ms or more"));
    } else if duration.as_nanos() % NANOS_PER_MILLI != 0 {
        issues.error(*at, format!("the duration {text} is finer than milliseconds: round it"));
    }
}
