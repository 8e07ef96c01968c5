//! How far following a cluster is, for readiness, metrics and the log.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use tracing::{info, warn};

use super::SCOPE;
use super::definitions::Definitions;
use super::state::{Phase, State};
use crate::api::ClusterPhase;
use crate::metrics::Metrics;

/// What is said of a resource that is defined, and of which the server knows nothing.
const UNSERVED: &str = "the server does not serve it";

/// How far following a cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Everything was read once.
    pub synced: bool,
    /// What was not read yet, and why, where something failed.
    pub waiting: Vec<String>,
    /// What cannot be followed at the moment, and why; what it gave before stays in use.
    pub stale: BTreeMap<String, String>,
    /// Since when some of it cannot be followed.
    pub stale_since: Option<Timestamp>,
    /// The server answered: some of it was read.
    pub answered: bool,
}

impl Status {
    /// The status of what is followed, after this one. What is synced stays so.
    pub(super) fn of(state: &State, definitions: &Definitions, before: &Status) -> Status {
        let mut status = Status { synced: before.synced, ..Status::default() };
        status.answered = before.answered;
        for (watched, phase, failure) in state.phases() {
            let because = |why: &str| format!("{watched} ({why})");
            match phase {
                Phase::Following => status.answered = true,
                Phase::Stale(why) => {
                    status.stale.insert(watched.to_string(), why.clone());
                }
                Phase::Syncing if watched.optional && failure.is_some() => {}
                Phase::Syncing => {
                    status.waiting.push(failure.map_or_else(|| watched.to_string(), because));
                }
                Phase::Absent => match watched.definition().map(|name| definitions.has(&name)) {
                    // Waited for, and nothing is missing without it.
                    Some(Some(false)) => {}
                    Some(None) => {
                        let why = definitions.missing().unwrap_or_default();
                        let why = format!("whether it is defined is not known: {why}");
                        status.waiting.push(because(&why));
                    }
                    // It was served before: a server that begins, say.
                    Some(Some(true)) | None if before.synced => {
                        status.stale.insert(watched.to_string(), UNSERVED.to_owned());
                    }
                    Some(Some(true)) | None => {
                        status.waiting.push(because(UNSERVED));
                    }
                },
            }
        }
        status.synced |= status.waiting.is_empty();
        if !status.stale.is_empty() {
            status.stale_since = before.stale_since.or_else(|| Some(Timestamp::now()));
        }
        status
    }

    /// The same in a word.
    pub fn phase(&self) -> ClusterPhase {
        match (self.synced, self.stale_since) {
            (true, None) => ClusterPhase::Synced,
            (true, Some(since)) => ClusterPhase::Stale(since),
            (false, _) if self.answered => ClusterPhase::Syncing,
            (false, _) => ClusterPhase::Connecting,
        }
    }

    /// What is missing of it: what was not read yet, and what cannot be followed.
    pub fn missing(&self) -> Vec<String> {
        let stale = self.stale.iter().map(|(name, why)| format!("{name} ({why})"));
        self.waiting.iter().cloned().chain(stale).collect()
    }

    /// Logs what differs from `before`, and counts it.
    pub(super) fn tell(&self, before: &Status, cluster: &str, metrics: &Metrics) {
        for (name, why) in &self.stale {
            if !before.stale.contains_key(name) {
                warn!(target: SCOPE, cluster, "{name}: cannot be followed: {why}; what is known stays in use");
                metrics.watch_failures.with(&[cluster, name]).inc();
                metrics.sync_errors.with(&[cluster]).inc();
                metrics.stale_since.with(&[cluster, name]).set(now());
            }
        }
        for name in before.stale.keys().filter(|name| !self.stale.contains_key(*name)) {
            info!(target: SCOPE, cluster, "{name}: followed again");
            metrics.stale_since.with(&[cluster, name]).set(0.0);
        }
        for waiting in self.waiting.iter().filter(|name| name.ends_with(')')) {
            if !before.waiting.contains(waiting) {
                warn!(target: SCOPE, cluster, "not read yet: {waiting}");
            }
        }
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
