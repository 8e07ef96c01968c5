//! WorkloadEntries of proxies: registered when these connect, with the health that they tell, gone when they stay away.
//!
//! An entry is made from the proxy's group where there is none, and tells in annotations which replica the proxy is
//! connected to and since when, or when it left, in istiod's form: a replica that hears of it later, of either program,
//! finds out there that its own knowledge is old. Health is written to entries with the annotation that asks for it.
//! When a proxy stays away, its registered entry is deleted; of another one the condition goes, as nobody knows any more.
//!
//! - [`made`]: what a new entry says. [`entry`]: what becomes of one that is there. Both are pure.
//! - [`memory`]: the same without an API server.
//!
//! Every replica looks after the proxies that are connected to it, and all of them look for what ended replicas left. That
//! two do the same is harmless: a write is to the very version that was looked at.

pub mod entry;
pub mod made;
pub mod memory;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};
use tracing::warn;

use self::entry::{Connection, Marks};
use self::made::Made;
use super::writer::{Decide, Edit, Make, Part, Target, Writer, Wrote};
use crate::api::networking::WorkloadEntry;
use crate::api::{Kind, ObjectKey, Str};
use crate::metrics::Metrics;
use crate::model::Proxy;
use crate::model::report::{Report, Said};
use crate::snapshot::{Snapshot, Snapshots};

/// How often entries are looked for whose proxy left when its replica could not write that any more, in graces.
const SWEEP: u32 = 10;

/// How entries are kept.
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
    mut snapshots: Snapshots,
    writer: Writer,
) {
    let mut sweep = interval(config.grace.max(Duration::from_secs(1)) * SWEEP);
    let seen = snapshots.load();
    let mut workloads =
        Workloads { config, writer, held: HashMap::new(), left: BTreeSet::new(), seen };
    loop {
        let due = workloads.left.first().map(|(due, _)| *due);
        tokio::select! {
            report = reports.recv() => match report {
                Some(report) => workloads.take(report),
                None => return std::future::pending().await,
            },
            more = snapshots.changed() => match more {
                true => workloads.look(snapshots.load()),
                false => return std::future::pending().await,
            },
            () = until(due) => workloads.forget_left(),
            _ = sweep.tick() => workloads.sweep(),
        }
    }
}

/// Counts what was written of entries.
pub fn count(metrics: &Metrics, wrote: Wrote<'_>) {
    match wrote {
        Wrote::Done(Edit::Annotations(marks)) if marks.get(entry::CONNECTED) == Some(&None) => {
            metrics.unregistrations.inc();
        }
        Wrote::Done(Edit::Annotations(_)) => metrics.registration_updates.inc(),
        Wrote::Done(Edit::Delete) => metrics.registration_deletes.inc(),
        Wrote::Done(Edit::Status(_)) => {}
        Wrote::Made => metrics.registrations.inc(),
        Wrote::Refused => metrics.registration_errors.inc(),
    }
}

struct Workloads {
    config: Config,
    writer: Writer,
    /// The entries whose proxies are connected to this replica.
    held: HashMap<ObjectKey, Held>,
    /// Entries whose proxy left, by when it is too late to come back.
    left: BTreeSet<(Instant, ObjectKey)>,
    /// The mesh as it was looked at last.
    seen: Arc<Snapshot>,
}

/// An entry whose proxy is connected to this replica.
#[derive(Default)]
struct Held {
    /// Since when: an agent has a connection beside its Envoy's, and for moments one is there twice.
    connections: Vec<Timestamp>,
    /// The proxy, where its entry is made if there is none.
    registers: Option<Arc<Proxy>>,
    /// What was told last of the health.
    told: Option<Told>,
}

#[derive(Clone)]
struct Told {
    connected: Timestamp,
    at: Timestamp,
    why: Option<Str>,
}

impl Workloads {
    fn take(&mut self, report: Report) {
        let Report { entry, registers, connected, at, said } = report;
        let health = |why| Some(Told { connected, at, why });
        match said {
            Said::Connected => {
                let held = self.held.entry(entry.clone()).or_default();
                held.connections.push(connected);
                held.registers = registers.or(held.registers.take());
                self.connect(&entry);
            }
            Said::Healthy | Said::Unhealthy(_) => {
                let why = if let Said::Unhealthy(why) = said { Some(why) } else { None };
                if let Some(held) = self.held.get_mut(&entry) {
                    held.told = health(why);
                }
                // One that is on its way is told when it is there.
                if self.seen.objects.get(&entry).is_some() {
                    self.tell(&entry);
                }
            }
            Said::Disconnected => {
                let Some(held) = self.held.get_mut(&entry) else { return };
                held.connections.retain(|since| *since != connected);
                if !held.connections.is_empty() {
                    return;
                }
                self.held.remove(&entry);
                self.left.insert((Instant::now() + self.config.grace, entry.clone()));
                let connection = self.connection(connected);
                let decide: Decide = Arc::new(move |o| connection.ends(o, at));
                self.submit(entry, Part::Annotations, decide, None);
            }
        }
    }

    /// The entry is to be there, and to say that its proxy is connected.
    fn connect(&self, entry: &ObjectKey) {
        let Some(held) = self.held.get(entry) else { return };
        let Some(since) = held.connections.iter().max() else { return };
        let connection = self.connection(*since);
        let make = held.registers.as_ref().and_then(|proxy| {
            let group = made::group(&self.seen.objects, proxy)?;
            let made = Made::of(entry.clone(), proxy, group);
            let object = made.connected(&self.config.replica, &since.to_string()).object();
            Some(Arc::new(move || object.clone()) as Make)
        });
        let registers = held.registers.is_some();
        let decide: Decide = Arc::new(move |o| connection.begins(o, registers));
        self.submit(entry.clone(), Part::Annotations, decide, make);
    }

    /// The entry is to say what its proxy told of the health.
    fn tell(&self, entry: &ObjectKey) {
        let told = self.held.get(entry).and_then(|held| held.told.clone());
        let Some(Told { connected, at, why }) = told else { return };
        let connection = self.connection(connected);
        let decide: Decide = Arc::new(move |o| connection.tells(o, at, why.as_deref()));
        self.submit(entry.clone(), Part::Status, decide, None);
    }

    /// The mesh changed: entries that went, or whose group came, are made again; those that came are told the health.
    fn look(&mut self, snapshot: Arc<Snapshot>) {
        let seen = std::mem::replace(&mut self.seen, snapshot);
        let same = |kind| seen.objects.shares(&self.seen.objects, kind);
        if same(Kind::WorkloadEntry) && same(Kind::WorkloadGroup) {
            return;
        }
        for (key, held) in &self.held {
            let was = seen.objects.get(key).is_some();
            if self.seen.objects.get(key).is_some() {
                if !was {
                    self.tell(key);
                }
                continue;
            }
            let Some(proxy) = &held.registers else { continue };
            let group = made::group(&self.seen.objects, proxy);
            let new = group.map(Arc::as_ptr) != made::group(&seen.objects, proxy).map(Arc::as_ptr);
            if group.is_some() && (was || new) {
                self.connect(key);
            }
        }
    }

    /// Those that left and did not come back in time.
    fn forget_left(&mut self) {
        let now = Instant::now();
        while self.left.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, entry)) = self.left.pop_first() else { return };
            if !self.held.contains_key(&entry) {
                self.forget(entry);
            }
        }
    }

    /// Those that left without anybody noticing, as their replica ended too; and those that could not be made.
    fn sweep(&self) {
        let now = Timestamp::now();
        for entry in self.seen.objects.configs::<WorkloadEntry>() {
            let annotation = |key: &str| entry.meta.annotation(key).map(|text| &**text);
            let concerns =
                annotation(entry::GROUP).is_some() || !entry.status.conditions.is_empty();
            let Config { grace, max_age, .. } = self.config;
            if concerns && Marks::of(annotation).is_left(now, grace, max_age) {
                self.forget(entry.key());
            }
        }
        for entry in self.held.keys().filter(|key| self.seen.objects.get(key).is_none()) {
            self.connect(entry);
        }
    }

    fn forget(&self, entry: ObjectKey) {
        let Config { grace, max_age, .. } = self.config;
        let decide: Decide = Arc::new(move |o| entry::forgets(o, Timestamp::now(), grace, max_age));
        self.submit(entry, Part::Status, decide, None);
    }

    fn connection(&self, since: Timestamp) -> Connection {
        Connection { replica: self.config.replica.clone(), since }
    }

    fn submit(&self, key: ObjectKey, part: Part, decide: Decide, make: Option<Make>) {
        let target = Target { key, part };
        if !self.writer.submit_or_make(target.clone(), decide, make) {
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
