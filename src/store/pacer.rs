//! When pending changes are published: the first one at once, then at a pace that the cost sets.
//!
//! There are two lanes, so that endpoints never wait for configuration: `Lane::Endpoints` for what follows
//! from slices and pods, and `Lane::Configuration` for everything else. The contract of each:
//!
//! - A lane with nothing pending is never due.
//! - A change that comes after quiet, which is `after` without a change of the lane, is due at once.
//! - Else the lane is due when its *window* since the last flush has passed, or when it was quiet, whichever
//!   comes first.
//! - The window is a multiple of what building and sending lately cost, so that in a storm of changes only a
//!   share of the time goes into publishing, but never more than `max`. As it begins with a flush, and no
//!   pending change is older than that, no change waits for longer than `max`.
//!
//! `after` and `max` are PILOT_DEBOUNCE_AFTER and PILOT_DEBOUNCE_MAX. Pure: times are told, as durations
//! since any one moment.

use std::time::Duration;

use crate::api::Kind;

/// How many times the cost the window is: in a storm, a fifth of the time goes into publishing.
const WINDOW_PER_COST: u32 = 4;

/// How slowly a cost is forgotten: each cheaper flush brings the estimate this part of the way down. A dearer
/// one counts at once.
const FORGET: u32 = 4;

/// What the settings allow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After so much quiet, pending changes go out.
    pub after: Duration,
    /// No change waits for longer.
    pub max: Duration,
}

/// Changes that are published together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Slices, Endpoints and pods: many, urgent, and cheap to publish.
    Endpoints,
    /// Everything else.
    Configuration,
}

impl Lane {
    /// Both.
    pub const ALL: [Lane; 2] = [Lane::Endpoints, Lane::Configuration];

    /// The lane of objects of a kind.
    pub fn of(kind: Kind) -> Lane {
        match kind {
            Kind::EndpointSlice | Kind::Endpoints | Kind::Pod => Lane::Endpoints,
            _ => Lane::Configuration,
        }
    }
}

/// The pace of one lane.
#[derive(Debug)]
pub struct Pacer {
    limits: Limits,
    /// When the first of the pending changes came.
    pending: Option<Duration>,
    /// When the last change came, pending or not.
    changed: Option<Duration>,
    /// The pending changes came after quiet.
    at_once: bool,
    flushed: Duration,
    cost: Duration,
}

impl Pacer {
    /// Nothing pending, nothing known of the cost.
    pub fn new(limits: Limits) -> Pacer {
        Pacer {
            limits,
            pending: None,
            changed: None,
            at_once: false,
            flushed: Duration::ZERO,
            cost: Duration::ZERO,
        }
    }

    /// A change came.
    pub fn changed(&mut self, now: Duration) {
        if self.pending.is_none() {
            self.pending = Some(now);
            self.at_once =
                self.changed.is_none_or(|last| now.saturating_sub(last) >= self.limits.after);
        }
        self.changed = Some(now);
    }

    /// When what is pending is to be flushed; in the past when it is overdue.
    pub fn due(&self) -> Option<Duration> {
        let (first, last) = (self.pending?, self.changed?);
        if self.at_once {
            return Some(first);
        }
        Some(first.max((self.flushed + self.window()).min(last + self.limits.after)))
    }

    /// Everything pending is flushed. Returns how long the first change of it waited; None when nothing was
    /// pending.
    pub fn flush(&mut self, now: Duration) -> Option<Duration> {
        self.flushed = now;
        Some(now.saturating_sub(self.pending.take()?))
    }

    /// What the last flush cost, building and sending together.
    pub fn learn(&mut self, cost: Duration) {
        self.cost = if cost >= self.cost { cost } else { self.cost - (self.cost - cost) / FORGET };
    }

    /// How long changes are gathered after a flush.
    pub fn window(&self) -> Duration {
        self.cost.saturating_mul(WINDOW_PER_COST).min(self.limits.max)
    }
}

#[cfg(test)]
mod tests;
