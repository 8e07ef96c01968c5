//! Objects that are read only because somebody wants them: Secrets, and ConfigMaps with roots.
//!
//! Each is followed by a watch of its own that names it, so that nothing else of its kind is ever read. What nobody wants
//! any more is followed for a while longer: proxies come back. Owns which watches there are; which objects are wanted, and
//! how many at most, is decided by who wants them. What an object is, and that it is not there, is told once it is known.

pub mod clusters;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::state::State;
use super::EVENTS;
use super::follow::{Event, Follower};
use super::watched::Watched;
use crate::api::{Batch, Diagnostic, ObjectKey, Str, Wanted};
use crate::sources::report::Reporter;

/// How long an object is followed when nobody wants it any more: longer than proxies take to reconnect.
const LINGER: Duration = Duration::from_secs(300);

/// Whom to ask for the objects, and whom to tell.
pub struct WantedObjects {
    /// The API server.
    pub client: Client,
    /// The cluster, unless it is the one that configures the mesh.
    pub cluster: Option<Str>,
    /// What is wanted.
    pub wanted: watch::Receiver<Arc<Wanted>>,
    /// Where changes go. The first batch is empty and marked as synced: nobody waits for what is not wanted yet.
    pub batches: mpsc::Sender<Batch>,
    /// Where is shown what is wrong with the objects.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
}

/// Follows what is wanted until nobody takes batches any more.
pub async fn run(source: WantedObjects) {
    let first = Batch { synced: true, ..Batch::default() };
    if source.batches.send(first).await.is_ok() {
        Running::new(source).run().await;
    }
}

struct Running {
    source: WantedObjects,
    events: mpsc::Receiver<(usize, Event)>,
    /// For those who follow.
    tell: mpsc::Sender<(usize, Event)>,
    tasks: JoinSet<()>,
    followed: BTreeMap<ObjectKey, Followed>,
    /// The number of the next watch.
    next: usize,
    paged: Arc<AtomicBool>,
    back: watch::Sender<()>,
    state: State,
    reporter: Reporter,
}

struct Followed {
    at: usize,
    task: AbortHandle,
    /// When it is given up; None while it is wanted.
    until: Option<Instant>,
}

impl Running {
    fn new(source: WantedObjects) -> Running {
        let (tell, events) = mpsc::channel(EVENTS);
        Running {
            events,
            tell,
            tasks: JoinSet::new(),
            followed: BTreeMap::new(),
            next: 0,
            paged: Arc::default(),
            back: watch::Sender::new(()),
            state: State::default(),
            reporter: Reporter::new(source.diagnostics.clone()),
            source,
        }
    }

    async fn run(mut self) {
        let mut open = true;
        self.follow();
        loop {
            let end = self.followed.values().filter_map(|followed| followed.until).min();
            tokio::select! {
                changed = self.source.wanted.changed(), if open => match changed {
                    Ok(()) => self.follow(),
                    Err(_) => open = false,
                },
                Some((at, event)) = self.events.recv() => self.state.take(at, event),
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => self.give_up(),
                Some(_) = self.tasks.join_next() => {}
            }
            if let Some(diagnostics) = self.state.diagnostics() {
                self.reporter.report(diagnostics);
            }
            let changes = self.state.changes();
            let batch = Batch { changes, ..Batch::default() };
            if !batch.changes.is_empty() && self.source.batches.send(batch).await.is_err() {
                return;
            }
        }
    }

    /// Begins to follow what is newly wanted, and marks what nobody wants any more.
    fn follow(&mut self) {
        let wanted = self.source.wanted.borrow_and_update().clone();
        let none = BTreeSet::new();
        let wanted = wanted.get(&self.source.cluster).unwrap_or(&none);
        let end = Instant::now() + LINGER;
        for (key, followed) in &mut self.followed {
            match wanted.contains(key) {
                true => followed.until = None,
                false => _ = followed.until.get_or_insert(end),
            }
        }
        for key in wanted {
            if !self.followed.contains_key(key) {
                self.begin(key);
            }
        }
    }

    fn begin(&mut self, key: &ObjectKey) {
        let at = self.next;
        self.next += 1;
        let watched = Watched::one(key.kind, &key.namespace, &key.name);
        let follower = Follower {
            client: self.source.client.clone(),
            query: watched.query(),
            at,
            events: self.tell.clone(),
            paged: self.paged.clone(),
            made: None,
            relist: Arc::new(Notify::new()),
            back: self.back.clone(),
        };
        let task = self.tasks.spawn(follower.run());
        self.state.begin(at, key.clone());
        self.followed.insert(key.clone(), Followed { at, task, until: None });
    }

    /// Ends what nobody wanted for long enough.
    fn give_up(&mut self) {
        let now = Instant::now();
        let over = |followed: &Followed| followed.until.is_some_and(|until| until <= now);
        let keys: Vec<ObjectKey> =
            self.followed.iter().filter(|(_, f)| over(f)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(followed) = self.followed.remove(&key) {
                followed.task.abort();
                self.state.end(followed.at);
            }
        }
    }
}

#[cfg(test)]
mod tests;
