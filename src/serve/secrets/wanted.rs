//! Which objects are to be read: those that connected proxies ask for and may have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::api::{ObjectKey, Str, Wanted};

/// How many objects are read at most. Each is a request that an API server keeps open.
pub const MAX_WANTED: usize = 2_000;

/// An object of a cluster.
pub(super) type Object = (Option<Str>, ObjectKey);

/// What each stream wants.
#[derive(Debug)]
pub(super) struct Wants {
    all: Mutex<BTreeMap<Object, usize>>,
    told: watch::Sender<Arc<Wanted>>,
}

impl Default for Wants {
    fn default() -> Self {
        Wants { all: Mutex::default(), told: watch::Sender::new(Arc::default()) }
    }
}

impl Wants {
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Wanted>> {
        self.told.subscribe()
    }

    /// A stream wants `now` what is in the one list, and wanted what is in the other before. Those of the first that are
    /// too many come back.
    pub(super) fn exchange(
        &self,
        before: &BTreeSet<Object>,
        now: &mut BTreeSet<Object>,
    ) -> Vec<Object> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for object in before.difference(now) {
            if let Some(count) = all.get_mut(object) {
                *count -= 1;
                if *count == 0 {
                    all.remove(object);
                    changed = true;
                }
            }
        }
        let mut refused = Vec::new();
        for object in now.difference(before) {
            let full = all.len() >= MAX_WANTED;
            match all.get_mut(object) {
                Some(count) => *count += 1,
                None if full => refused.push(object.clone()),
                None => {
                    all.insert(object.clone(), 1);
                    changed = true;
                }
            }
        }
        now.retain(|object| !refused.contains(object));
        if changed {
            let mut wanted = Wanted::new();
            for (cluster, object) in all.keys() {
                wanted.entry(cluster.clone()).or_default().insert(object.clone());
            }
            self.told.send_replace(Arc::new(wanted));
        }
        refused
    }
}
