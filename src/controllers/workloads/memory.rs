//! Registration without an API server: entries are kept in memory, and told to the store like anybody's objects.
//!
//! They are of this process: another one knows those of its own proxies only, and after a restart each is there again as
//! soon as its proxy is. An entry that a file has is nobody's to change; what a proxy tells of its health has no place
//! there and is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use super::made::{self, Made};
use super::{Config, until};
use crate::api::config::{self, Spec};
use crate::api::networking::WorkloadEntry;
use crate::api::networking::workload_entry::{Condition, Status};
use crate::api::{Batch, Change, ObjectKey};
use crate::model::report::{HEALTH_CHECKED, Report, Said};
use crate::snapshot::Snapshots;

/// Takes reports, for ever. The store waits for the first batch, which is empty.
pub async fn run(
    config: Config,
    mut reports: mpsc::Receiver<Report>,
    snapshots: Snapshots,
    batches: mpsc::Sender<Batch>,
) {
    let mut memory = Memory { config, held: BTreeMap::new(), left: BTreeSet::new() };
    let mut change = None;
    let mut synced = true;
    loop {
        let changes: Vec<Change> = change.take().into_iter().collect();
        if synced || !changes.is_empty() {
            let batch = Batch { changes, synced: std::mem::take(&mut synced), remote: None };
            if batches.send(batch).await.is_err() {
                return std::future::pending().await;
            }
        }
        let due = memory.left.first().map(|(due, _)| *due);
        change = tokio::select! {
            report = reports.recv() => match report {
                Some(report) => memory.take(report, &snapshots),
                None => return std::future::pending().await,
            },
            () = until(due) => memory.forget_left(),
        };
    }
}

struct Memory {
    config: Config,
    /// The entries of this process, with how many connections each has.
    held: BTreeMap<ObjectKey, (config::Config<WorkloadEntry>, usize)>,
    /// Those without any, by when it is too late to come back.
    left: BTreeSet<(Instant, ObjectKey)>,
}

impl Memory {
    /// What follows from a report for the store.
    fn take(&mut self, report: Report, snapshots: &Snapshots) -> Option<Change> {
        let Report { entry, registers, connected, said, .. } = report;
        if let (Said::Connected, None, Some(proxy)) = (&said, self.held.get(&entry), registers) {
            let snapshot = snapshots.load();
            if snapshot.objects.get(&entry).is_some() {
                info!(target: "wle", "{entry}: is there already and is not registered");
                return None;
            }
            let Some(group) = made::group(&snapshot.objects, &proxy) else {
                warn!(target: "wle", "{entry}: its group is gone");
                return None;
            };
            let made = Made::of(entry.clone(), &proxy, group);
            let made = made.connected(&self.config.replica, &connected.to_string()).config();
            self.held.insert(entry, (made.clone(), 1));
            return Some(apply(made));
        }
        let (object, connections) = self.held.get_mut(&entry)?;
        let status = match said {
            Said::Connected => {
                *connections += 1;
                self.left.retain(|(_, left)| *left != entry);
                return None;
            }
            Said::Disconnected => {
                *connections = connections.saturating_sub(1);
                if *connections == 0 {
                    self.left.insert((Instant::now() + self.config.grace, entry));
                }
                return None;
            }
            Said::Healthy => "True",
            Said::Unhealthy(_) => "False",
        };
        let condition = Condition { kind: Condition::HEALTHY.into(), status: status.into() };
        let status = Status { conditions: vec![condition] };
        let checked = object.meta.annotation(HEALTH_CHECKED).is_some();
        let changed = checked && object.status != status;
        object.status = status;
        changed.then(|| apply(object.clone()))
    }

    /// The next that left and did not come back in time.
    fn forget_left(&mut self) -> Option<Change> {
        let first = self.left.first().filter(|(due, _)| *due <= Instant::now())?.clone();
        self.left.remove(&first);
        self.held.remove(&first.1)?;
        info!(target: "wle", "{}: its proxy stayed away", first.1);
        Some(Change::Remove(first.1))
    }
}

fn apply(object: config::Config<WorkloadEntry>) -> Change {
    Change::Apply(WorkloadEntry::object(Arc::new(object)))
}

#[cfg(test)]
mod tests;
