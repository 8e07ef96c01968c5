//! Health of WorkloadEntries: what the proxy of a workload tells is written to the entry's status.
//!
//! Only to entries with the annotation that asks for it. Annotations tell which replica the proxy is connected to
//! and since when, or when it left, in istiod's form: a replica that hears of it later, of either program, finds out
//! there that its own knowledge is old. When a proxy stays away, nobody knows any more how its workload is,
//! and the condition goes. What is written is decided in [`entry`].

pub mod entry;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};
use tracing::warn;

use self::entry::{Connection, Marks};
use super::writer::{Decide, Part, Target, Writer};
use crate::api::networking::WorkloadEntry;
use crate::api::{ObjectKey, Str};
use crate::model::report::{Report, Said};
use crate::snapshot::Snapshots;

/// How often entries are looked for whose proxy left when its replica could not write that any more, in graces.
const SWEEP: u32 = 10;

/// How health is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this replica.
    pub replica: Str,
    /// How long a proxy may be away (PILOT_WORKLOAD_ENTRY_GRACE_PERIOD).
    pub grace: Duration,
    /// After how long every proxy must have connected anew, if it still exists; None for never.
    pub max_age: Option<Duration>,
}

/// Takes reports, for ever, and has written what follows from them. Never waits for the API server.
pub async fn run(
    config: Config,
    mut reports: mpsc::Receiver<Report>,
    snapshots: Snapshots,
    writer: Writer,
) {
    let mut health = Health { config, writer, open: HashMap::new(), left: BTreeSet::new() };
    let mut sweep = interval(health.config.grace.max(Duration::from_secs(1)) * SWEEP);
    loop {
        let due = health.left.first().map(|(due, _)| *due);
        tokio::select! {
            report = reports.recv() => match report {
                Some(report) => health.take(report),
                None => return std::future::pending().await,
            },
            () = until(due) => health.forget_left(),
            _ = sweep.tick() => health.sweep(&snapshots),
        }
    }
}

struct Health {
    config: Config,
    writer: Writer,
    /// The connections of this replica of each entry's proxy. There are two for moments, when it connects anew.
    open: HashMap<ObjectKey, Vec<Timestamp>>,
    /// Entries whose proxy left, by when it is too late to come back.
    left: BTreeSet<(Instant, ObjectKey)>,
}

impl Health {
    fn take(&mut self, report: Report) {
        let Report { entry, connected, at, said, .. } = report;
        let open = self.open.entry(entry.clone()).or_default();
        let connection = Connection { replica: self.config.replica.clone(), since: connected };
        match said {
            Said::Connected => {
                open.push(connected);
                self.submit(entry, Part::Annotations, Arc::new(move |o| connection.begins(o)));
            }
            Said::Healthy => {
                self.submit(entry, Part::Status, Arc::new(move |o| connection.tells(o, at, None)));
            }
            Said::Unhealthy(why) => {
                let decide: Decide = Arc::new(move |o| connection.tells(o, at, Some(&why)));
                self.submit(entry, Part::Status, decide);
            }
            Said::Disconnected => {
                open.retain(|since| *since != connected);
                if !open.is_empty() {
                    return;
                }
                self.open.remove(&entry);
                self.left.insert((Instant::now() + self.config.grace, entry.clone()));
                self.submit(entry, Part::Annotations, Arc::new(move |o| connection.ends(o, at)));
            }
        }
    }

    /// Those that left and did not come back in time.
    fn forget_left(&mut self) {
        let now = Instant::now();
        while self.left.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, entry)) = self.left.pop_first() else { return };
            if !self.open.contains_key(&entry) {
                self.forget(entry);
            }
        }
    }

    /// Those that left without anybody noticing: their replica ended, too.
    fn sweep(&self, snapshots: &Snapshots) {
        let snapshot = snapshots.load();
        let entries = snapshot.objects.configs::<WorkloadEntry>();
        let now = Timestamp::now();
        for entry in entries.filter(|entry| !entry.status.conditions.is_empty()) {
            let marks = Marks::of(|key| entry.meta.annotation(key).map(|text| &**text));
            if marks.is_left(now, self.config.grace, self.config.max_age) {
                self.forget(entry.key());
            }
        }
    }

    fn forget(&self, entry: ObjectKey) {
        let Config { grace, max_age, .. } = self.config;
        let decide: Decide = Arc::new(move |o| entry::forgets(o, Timestamp::now(), grace, max_age));
        self.submit(entry, Part::Status, decide);
    }

    fn submit(&self, key: ObjectKey, part: Part, decide: Decide) {
        let target = Target { key, part };
        if !self.writer.submit(target.clone(), decide) {
            warn!(target: "wle", "{target}: not written: too many writes wait");
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
