//! What is wanted of the other clusters: for each that can be reached, what is wanted of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::WantedObjects;
use crate::api::{Batch, Change, Diagnostic, ObjectKey, Remote, Str, Wanted};

/// How many batches clusters may be ahead of who takes them.
const AHEAD: usize = 16;

/// The clusters, and whom to tell of them.
pub struct WantedOfClusters {
    /// How each is reached.
    pub clients: watch::Receiver<Arc<BTreeMap<Str, Client>>>,
    /// What is wanted.
    pub wanted: watch::Receiver<Arc<Wanted>>,
    /// Where changes go. The first batch is empty and marked as synced.
    pub batches: mpsc::Sender<Batch>,
    /// Where is shown what is wrong with the objects.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
}

/// Follows what is wanted until nobody takes batches any more.
pub async fn run(mut source: WantedOfClusters) {
    let first = Batch { synced: true, ..Batch::default() };
    if source.batches.send(first).await.is_err() {
        return;
    }
    let (tell, mut told) = mpsc::channel(AHEAD);
    let (wrong, mut shown) = watch::channel(());
    let mut running = Running { clusters: BTreeMap::new(), tasks: JoinSet::new(), tell, wrong };
    let mut open = true;
    loop {
        let changes = tokio::select! {
            changed = source.clients.changed(), if open => {
                open = changed.is_ok();
                let clients = source.clients.borrow_and_update().clone();
                running.reconcile(&clients, &source.wanted)
            }
            Some((cluster, batch)) = told.recv() => running.take(cluster, batch),
            Ok(()) = shown.changed() => {
                running.show(&source.diagnostics);
                continue;
            }
        };
        for (cluster, changes) in changes {
            let remote = Some(Remote { cluster, whole: false, trust_domain: None });
            let batch = Batch { changes, synced: false, remote };
            if source.batches.send(batch).await.is_err() {
                return;
            }
        }
    }
}

/// What is to be told of a cluster.
type Told = Vec<(Str, Vec<Change>)>;

struct Running {
    clusters: BTreeMap<Str, Followed>,
    tasks: JoinSet<()>,
    tell: mpsc::Sender<(Str, Batch)>,
    /// Wakes when what is wrong in any cluster changed.
    wrong: watch::Sender<()>,
}

struct Followed {
    task: AbortHandle,
    diagnostics: watch::Receiver<Arc<[Diagnostic]>>,
    /// The objects that exist, as was told.
    objects: BTreeSet<ObjectKey>,
}

impl Running {
    /// Follows these clusters through these clients: clients cannot be told apart, and change rarely.
    fn reconcile(
        &mut self,
        clients: &BTreeMap<Str, Client>,
        wanted: &watch::Receiver<Arc<Wanted>>,
    ) -> Told {
        let before = std::mem::take(&mut self.clusters);
        before.values().for_each(|followed| followed.task.abort());
        // Those that ended are let go.
        while self.tasks.try_join_next().is_some() {}
        let mut gone = Vec::new();
        for (cluster, followed) in before {
            match clients.get(&cluster) {
                Some(client) => self.begin(cluster, client, wanted, followed.objects),
                None => {
                    let removals = followed.objects.into_iter().map(Change::Remove).collect();
                    gone.push((cluster, removals));
                }
            }
        }
        for (cluster, client) in clients {
            if !self.clusters.contains_key(cluster) {
                self.begin(cluster.clone(), client, wanted, BTreeSet::new());
            }
        }
        self.wrong.send_replace(());
        gone
    }

    fn begin(
        &mut self,
        cluster: Str,
        client: &Client,
        wanted: &watch::Receiver<Arc<Wanted>>,
        objects: BTreeSet<ObjectKey>,
    ) {
        let (batches, mut inlet) = mpsc::channel(1);
        let (shown, diagnostics) = watch::channel(Arc::from([]));
        let source = WantedObjects {
            client: client.clone(),
            cluster: Some(cluster.clone()),
            wanted: wanted.clone(),
            batches,
            diagnostics: shown,
        };
        let (tell, id) = (self.tell.clone(), cluster.clone());
        let (mut changed, wrong) = (diagnostics.clone(), self.wrong.clone());
        let task = self.tasks.spawn(async move {
            let hand_on = async {
                loop {
                    tokio::select! {
                        Some(batch) = inlet.recv() => {
                            if tell.send((id.clone(), batch)).await.is_err() {
                                return;
                            }
                        }
                        Ok(()) = changed.changed() => wrong.send_replace(()),
                        else => return,
                    }
                }
            };
            tokio::join!(super::run(source), hand_on);
        });
        self.clusters.insert(cluster, Followed { task, diagnostics, objects });
    }

    /// What a cluster told; nothing if it is followed no more.
    fn take(&mut self, cluster: Str, batch: Batch) -> Told {
        let Some(followed) = self.clusters.get_mut(&cluster) else { return Vec::new() };
        for change in &batch.changes {
            match change {
                Change::Apply(object) => followed.objects.insert(object.key()),
                Change::Remove(key) => followed.objects.remove(key),
            };
        }
        if batch.changes.is_empty() { Vec::new() } else { vec![(cluster, batch.changes)] }
    }

    fn show(&self, shown: &watch::Sender<Arc<[Diagnostic]>>) {
        let all = self.clusters.iter().flat_map(|(cluster, followed)| {
            let told = followed.diagnostics.borrow().clone();
            let there = told.iter().map(|diagnostic| Diagnostic {
                message: format!("in the cluster {cluster}: {}", diagnostic.message),
                ..diagnostic.clone()
            });
            there.collect::<Vec<_>>()
        });
        shown.send_replace(all.collect());
    }
}
