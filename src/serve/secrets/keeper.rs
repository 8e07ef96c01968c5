//! The secrets of one stream: which its proxy asks for, which it may have, and what it has of them.

mod look;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::look::{Held, Look, Seen};
use super::review::Answer;
use super::wanted::Object;
use super::{Account, Shared};
use crate::api::Str;
use crate::model::{Credentials, Proxy};
use crate::serve::cache::Names;
use crate::snapshot::{Snapshot, Snapshots};
use crate::translate::{ResourceSet, ResourceType, Resources};

/// How many secrets one proxy may ask for.
const MAX_NAMES: usize = 1_000;

/// See the module. Dropping it ends what is read for the stream.
pub struct Keeper {
    shared: Arc<Shared>,
    number: u64,
    proxy: Arc<Proxy>,
    account: Option<Account>,
    snapshots: Snapshots,
    names: Option<Names>,
    /// When the proxy last asked for other names.
    asked: Instant,
    /// What was looked at last; None if it is to be looked at again whatever it is.
    looked_at: Option<Arc<Credentials>>,
    /// When it is to be looked at again though nothing changed.
    again: Option<Instant>,
    /// The snapshots have ended.
    last: bool,
    held: Held,
    wants: BTreeSet<Object>,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, proxy: Arc<Proxy>, account: Option<Account>) -> Keeper {
        Keeper {
            number: shared.table.number(),
            snapshots: shared.snapshots.clone(),
            shared,
            proxy,
            account,
            names: None,
            asked: Instant::now(),
            looked_at: None,
            again: None,
            last: false,
            held: Held::new(),
            wants: BTreeSet::new(),
        }
    }

    /// The proxy asks for these names now; for none any more if there are none.
    pub fn ask(&mut self, names: Option<&Names>) {
        let same = match (&self.names, names) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !same {
            self.names = names.cloned();
            self.asked = Instant::now();
            self.looked_at = None;
        }
    }

    /// Waits until the proxy is to have something else: the layer of all that it is to have, and the generation of the
    /// snapshot that this is from. May be dropped and called again without loss.
    pub async fn next(&mut self) -> (Arc<Resources>, u64) {
        loop {
            if self.names.is_none() && self.looked_at.is_some() {
                return pending().await;
            }
            let snapshot = self.snapshots.load();
            let known = |seen: &Arc<Credentials>| Arc::ptr_eq(seen, &snapshot.credentials);
            if !self.looked_at.as_ref().is_some_and(known) {
                let answer = self.review().await;
                if let Some(layer) = self.look(&snapshot, answer.as_ref()) {
                    return (layer, snapshot.generation);
                }
            }
            let Keeper { snapshots, again, last, .. } = self;
            let again = *again;
            tokio::select! {
                changed = snapshots.changed(), if !*last => *last = !changed,
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                    self.again = None;
                    self.looked_at = None;
                }
                else => return pending().await,
            }
        }
    }

    /// Whether the proxy may read secrets, where that matters.
    async fn review(&self) -> Option<Answer> {
        let account = self.account.as_ref()?;
        let mut names = self.names.iter().flat_map(|names| names.iter());
        if !names.any(|name| look::needs_review(name, account)) {
            return None;
        }
        let subject = (self.cluster(&self.snapshots.load()), account.clone());
        Some(self.shared.reviews.ask(&subject).await)
    }

    /// The cluster of the proxy, unless it is the one that configures the mesh.
    fn cluster(&self, snapshot: &Snapshot) -> Option<Str> {
        let told = &self.proxy.cluster;
        (!told.is_empty() && *told != snapshot.cluster).then(|| told.clone())
    }

    /// Finds out what the proxy is to have. None if that is what it has.
    fn look(&mut self, snapshot: &Snapshot, answer: Option<&Answer>) -> Option<Arc<Resources>> {
        let names = self.names.clone().unwrap_or_else(|| Arc::from([]));
        let names = names.get(..MAX_NAMES).unwrap_or(&names);
        let look = Look {
            snapshot,
            proxy: &self.proxy,
            account: self.account.as_ref(),
            cluster: self.cluster(snapshot),
            answer,
            held: &self.held,
            patient: self.asked.elapsed() < self.shared.times.on_its_way,
            mentions: OnceCell::new(),
        };
        let Seen { held, mut wants, mut troubles, changes } = look.at(names);
        let refused = self.shared.wants.exchange(&self.wants, &mut wants);
        self.wants = wants;
        troubles.extend(refused.iter().map(look::too_many));
        let errors = troubles.len() as u64;
        self.shared.metrics.sds_errors.add(errors);
        self.shared.table.replace(self.number, &self.proxy.workload_id, troubles);
        self.again = self.next_look(answer, changes);
        self.looked_at = Some(snapshot.credentials.clone());
        let is_same = held.len() == self.held.len()
            && held.values().zip(self.held.values()).all(|(a, b)| Arc::ptr_eq(&a.1, &b.1));
        self.held = held;
        let items = || self.held.values().map(|(_, resource)| resource.clone()).collect();
        (!is_same).then(|| {
            let set = ResourceSet::new(ResourceType::Secret, items());
            Arc::new(Resources::new([Arc::new(set)]))
        })
    }

    /// When something may be otherwise though no object changed: rights, or what is valid.
    fn next_look(&self, answer: Option<&Answer>, changes: Option<Duration>) -> Option<Instant> {
        let (now, times) = (Instant::now(), &self.shared.times);
        let rights = match answer {
            Some(Answer::Unknown(_)) => Some(times.failure),
            Some(Answer::Denied(_)) => Some(times.answer),
            Some(Answer::Allowed) | None => None,
        };
        let arrived = Some(times.on_its_way.saturating_sub(self.asked.elapsed()));
        let arrived = arrived.filter(|wait| !wait.is_zero() && self.names.is_some());
        [rights, changes, arrived].into_iter().flatten().min().map(|wait| now + wait)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.wants.exchange(&self.wants, &mut BTreeSet::new());
        self.shared.table.replace(self.number, &self.proxy.workload_id, Vec::new());
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Keeper { proxy, account, names, .. } = self;
        let mut shown = f.debug_struct("Keeper");
        shown.field("proxy", &proxy.id).field("account", account).field("names", names);
        shown.finish_non_exhaustive()
    }
}
