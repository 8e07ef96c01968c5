//! The periodic check of what is known against the API server.
//!
//! Watches are reliable, and yet: a bug in a proxy between, in a server or in here would leave an object wrong for
//! ever, silently. So now and then each collection is listed by its metadata. An object counts as drifted when two
//! lists, some time apart, agree on its version and what is known is another: changes that are under way settle
//! between the two. What drifted is counted, logged, and mended by a new list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::sleep;

use super::query::Query;
use super::watched::Watched;
use crate::api::ObjectKey;

/// How many objects a page has: metadata is small.
const PAGE: u32 = 1000;

/// How long changes that are under way may take to arrive.
const SETTLES: Duration = Duration::from_secs(30);

/// The versions of a collection's objects.
pub(super) type Versions = BTreeMap<ObjectKey, String>;

/// Asks for the objects of which these versions are not what is known.
pub(super) struct Question {
    /// The collection.
    pub at: usize,
    pub versions: Versions,
    pub differing: oneshot::Sender<BTreeSet<ObjectKey>>,
}

/// What is found, for who counts it.
pub(super) struct Drift {
    pub at: usize,
    pub keys: BTreeSet<ObjectKey>,
}

/// Checks one cluster.
pub(super) struct Audit {
    pub client: Client,
    /// What is followed, and what asks for a new list of it.
    pub watches: Vec<(Watched, Arc<Notify>)>,
    /// The time in which every collection is checked once.
    pub every: Duration,
    /// Where the state answers.
    pub questions: mpsc::Sender<Question>,
    pub found: mpsc::Sender<Drift>,
}

impl Audit {
    /// Checks for ever, one collection after the other.
    pub async fn run(self) {
        let share = self.every / u32::try_from(self.watches.len()).unwrap_or(1).max(1);
        loop {
            for (at, (watched, relist)) in self.watches.iter().enumerate() {
                sleep(share.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
                let Some(keys) = self.check(at, watched).await else { continue };
                if !keys.is_empty() {
                    relist.notify_one();
                    let _ = self.found.send(Drift { at, keys }).await;
                }
            }
        }
    }

    /// The objects that drifted; None if that cannot be said now.
    async fn check(&self, at: usize, watched: &Watched) -> Option<BTreeSet<ObjectKey>> {
        let first = self.versions(watched).await?;
        let suspects = self.ask(at, first.clone()).await?;
        if suspects.is_empty() {
            return Some(suspects);
        }
        sleep(SETTLES.min(self.every)).await;
        let second = self.versions(watched).await?;
        let still = self.ask(at, second.clone()).await?;
        let settled =
            |key: &&ObjectKey| suspects.contains(*key) && first.get(*key) == second.get(*key);
        Some(still.iter().filter(settled).cloned().collect())
    }

    async fn ask(&self, at: usize, versions: Versions) -> Option<BTreeSet<ObjectKey>> {
        let (differing, answer) = oneshot::channel();
        self.questions.send(Question { at, versions, differing }).await.ok()?;
        answer.await.ok()
    }

    /// What the server has. A server that cannot be asked is the followers' business.
    async fn versions(&self, watched: &Watched) -> Option<Versions> {
        let query = Query { metadata_only: true, ..watched.query() };
        let mut versions = Versions::new();
        let mut next = None;
        loop {
            let page = query.page(&self.client, PAGE, next).await.ok()?;
            versions.extend(page.items.iter().map(|item| {
                let key = ObjectKey::new(watched.kind, item.namespace(), item.name());
                (key, item.version().to_owned())
            }));
            next = page.next;
            if next.is_none() {
                return Some(versions);
            }
        }
    }
}
