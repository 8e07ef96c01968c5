//! Who leads, without IO: looks at a lock go in, what to write and what to do comes out.
//!
//! No clock but the own one counts, and that only as a measure: a holder is alive for [`TTL`] after its record was
//! *seen* to change. A leader counts from before it asked for its last renewal, and gives up [`RENEW_WITHIN`]
//! after that, so that it has ended before anybody else begins, however long requests take and whatever times
//! are in the record.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::record::{Record, Seen};
use crate::api::Str;

/// How long a record that does not change is respected.
pub const TTL: Duration = Duration::from_secs(30);

/// How far apart a leader's renewals and a contender's looks are.
pub const PERIOD: Duration = Duration::from_millis(7_500);

/// How long a leader goes on without a renewal: a period, and half of the [`TTL`] to repeat it. What is left of the
/// [`TTL`] is for requests that are on their way, and for clocks of different speed.
pub const RENEW_WITHIN: Duration = Duration::from_millis(22_500);

/// How soon a leader repeats a renewal that failed.
const REPEAT: Duration = Duration::from_secs(2);

/// The part of a pause by which contenders are spread, so that they do not meet for ever.
const JITTER: f64 = 0.2;

/// Who stands for election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name, unlike that of all others.
    pub identity: String,
    /// Its revision, `default` if it has none.
    pub revision: Str,
    /// It runs outside of the cluster whose lock it is.
    pub remote: bool,
    /// It takes the lock from holders that count less, and tells others what it counts.
    pub prioritised: bool,
}

/// What a look at the lock makes necessary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: somebody else holds it.
    Wait,
    /// This is to be written, unless the lock changed meanwhile.
    Write(Record),
}

/// What a candidate is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It does not hold the lock.
    Contender,
    /// It took the lock from a holder that may not know yet: nobody may lead before this moment.
    Elected(Instant),
    /// It leads, until this moment if it is not confirmed.
    Leader(Instant),
}

/// What a candidate knows.
#[derive(Debug)]
pub struct Machine {
    me: Candidate,
    observed: Option<Observed>,
    /// When the last confirmed renewal was asked for; None for one that does not hold the lock.
    renewed: Option<Instant>,
    /// Until when a holder from whom the lock was taken may believe that it leads.
    contested_until: Option<Instant>,
    /// The last attempt failed.
    failed: bool,
}

#[derive(Debug)]
struct Observed {
    text: String,
    at: Instant,
}

impl Candidate {
    /// What it writes beside its name.
    fn key(&self) -> String {
        match (self.prioritised, self.remote) {
            (false, _) => String::new(),
            (true, false) => self.revision.to_string(),
            (true, true) => format!("^{}", self.revision),
        }
    }

    /// Whether it may take the lock from a living holder. The default revision may from all others, and of the same
    /// revision one inside of the cluster from one outside.
    fn precedes(&self, holder_key: &str, default_revision: &str) -> bool {
        let remote = holder_key.starts_with('^');
        let same = holder_key.trim_start_matches('^') == &*self.revision;
        let default = !default_revision.is_empty() && default_revision == &*self.revision;
        self.prioritised && ((!same && default) || (same && remote && !self.remote))
    }
}

impl Machine {
    /// A candidate that has seen nothing.
    pub fn new(me: Candidate) -> Machine {
        Machine { me, observed: None, renewed: None, contested_until: None, failed: false }
    }

    /// What it is now.
    pub fn role(&mut self, now: Instant) -> Role {
        let Some(renewed) = self.renewed else { return Role::Contender };
        if now >= renewed + RENEW_WITHIN {
            self.renewed = None;
            return Role::Contender;
        }
        match self.contested_until {
            Some(until) if now < until => Role::Elected(until),
            _ => Role::Leader(renewed + RENEW_WITHIN),
        }
    }

    /// Takes a look at the lock in. `time` is for those who read the record.
    pub fn look(
        &mut self,
        seen: Seen,
        default_revision: &str,
        now: Instant,
        time: Timestamp,
    ) -> Step {
        self.failed = false;
        let Seen::Present { text, record } = seen else {
            return Step::Write(self.record(None, time));
        };
        let observed = match self.observed.take() {
            Some(same) if same.text == text => same,
            _ => Observed { text, at: now },
        };
        let expired = now >= observed.at + TTL;
        self.observed = Some(observed);
        let holder = record.as_ref().map(|record| record.holder_identity.as_str());
        let mine = holder == Some(self.me.identity.as_str());
        if !mine {
            self.renewed = None;
        }
        if mine || expired || holder == Some("") {
            return Step::Write(self.record(record.as_ref(), time));
        }
        match record {
            Some(held) if self.me.precedes(&held.holder_key, default_revision) => {
                // It notices with its next renewal, at the latest when that fails for too long.
                self.contested_until = Some(now + TTL);
                Step::Write(self.record(Some(&held), time))
            }
            _ => Step::Wait,
        }
    }

    /// What was to be written is written; the attempt began at this moment.
    pub fn wrote(&mut self, began: Instant) {
        self.renewed = Some(began);
    }

    /// The lock could not be read or written, or changed meanwhile.
    pub fn failed(&mut self) {
        self.failed = true;
    }

    /// How long to wait for the next attempt, after one that began some time ago. `random` is from 0 to 1.
    pub fn pause(&self, since: Duration, random: f64) -> Duration {
        let pause = match (self.renewed.is_some(), self.failed) {
            (true, true) => REPEAT.mul_f64(1.0 + JITTER * random),
            (true, false) => PERIOD,
            (false, _) => PERIOD.mul_f64(1.0 + JITTER * random),
        };
        pause.saturating_sub(since)
    }

    /// What gives the lock up, if this candidate is the one that holds it. While the one from whom it was taken may
    /// believe that it leads, nobody else may have it either.
    pub fn release(&mut self, seen: &Seen, now: Instant, time: Timestamp) -> Option<Record> {
        self.renewed = None;
        if self.contested_until.is_some_and(|until| now < until) {
            return None;
        }
        let Seen::Present { record: Some(record), .. } = seen else { return None };
        (record.holder_identity == self.me.identity).then(|| Record {
            lease_duration_seconds: 1,
            acquire_time: Some(time),
            renew_time: Some(time),
            leader_transitions: record.leader_transitions,
            ..Record::default()
        })
    }

    /// The record of a lock that this candidate holds after this.
    fn record(&self, before: Option<&Record>, time: Timestamp) -> Record {
        let own = before.filter(|before| before.holder_identity == self.me.identity);
        let transitions = before.map_or(0, |before| before.leader_transitions);
        Record {
            holder_identity: self.me.identity.clone(),
            holder_key: self.me.key(),
            lease_duration_seconds: i32::try_from(TTL.as_secs()).unwrap_or(i32::MAX),
            acquire_time: own.map_or(Some(time), |own| own.acquire_time),
            renew_time: Some(time),
            leader_transitions: match (before, own) {
                (Some(_), None) => transitions.saturating_add(1),
                _ => transitions,
            },
        }
    }
}

#[cfg(test)]
mod tests;
