//! How snapshots get from the one writer to all readers.
//!
//! Reading never locks: the newest snapshot is in an `ArcSwap`, and a watch channel only tells that there is
//! a newer one. A slow reader misses the snapshots in between, and nothing waits for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::Snapshot;

/// The writer's end.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    generation: watch::Sender<u64>,
}

/// A reader's end. Clones see the same snapshots, each at its own pace.
#[derive(Clone, Debug)]
pub struct Snapshots {
    shared: Arc<Shared>,
    generation: watch::Receiver<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    newest: ArcSwap<Snapshot>,
    /// What the last push cost, in nanoseconds; 0 when it was taken.
    push_cost: AtomicU64,
    /// The changes that no push has taken.
    changed: Mutex<Option<Changed>>,
}

/// What was changed since some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// When the first of the changes came.
    pub at: Instant,
    /// Nothing but endpoints changed.
    pub endpoints_only: bool,
}

impl Default for Publisher {
    fn default() -> Self {
        Publisher { shared: Arc::default(), generation: watch::Sender::new(0) }
    }
}

impl Publisher {
    /// Tells of the changes that the next snapshot has.
    pub fn changed(&self, changed: Changed) {
        let mut waiting = self.shared.changed.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = Some(match *waiting {
            None => changed,
            Some(earlier) => Changed {
                at: earlier.at.min(changed.at),
                endpoints_only: earlier.endpoints_only && changed.endpoints_only,
            },
        });
    }

    /// Replaces the newest snapshot and wakes the readers.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        let generation = snapshot.generation;
        self.shared.newest.store(snapshot);
        self.generation.send_replace(generation);
    }

    /// The generation of the newest snapshot; 0 when there is none.
    pub fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// A reader.
    pub fn subscribe(&self) -> Snapshots {
        Snapshots { shared: self.shared.clone(), generation: self.generation.subscribe() }
    }

    /// What the last push cost, if a reader told since the last call.
    pub fn take_push_cost(&self) -> Option<Duration> {
        match self.shared.push_cost.swap(0, Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }
}

impl Snapshots {
    /// The newest snapshot; of generation 0, and empty, before every source told all that it has.
    pub fn load(&self) -> Arc<Snapshot> {
        self.shared.newest.load_full()
    }

    /// Waits for a snapshot that this reader was not told of yet. False when there will be none any more.
    pub async fn changed(&mut self) -> bool {
        self.generation.changed().await.is_ok()
    }

    /// Waits until there is a snapshot at all. False when there will be none.
    pub async fn ready(&mut self) -> bool {
        self.generation.wait_for(|generation| *generation > 0).await.is_ok()
    }

    /// What changed since the last call, for the one who pushes it. To be called before the snapshot is loaded.
    pub fn take_changed(&self) -> Option<Changed> {
        self.shared.changed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Tells the writer what it cost, in processor time, to build and send what the last snapshot changed:
    /// it paces itself by that.
    pub fn pushed(&self, cost: Duration) {
        let nanos = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.shared.push_cost.store(nanos, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
