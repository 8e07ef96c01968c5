//! The other clusters of the mesh: which there are is told by secrets, and each is followed as the own one is.
//!
//! [`plan`] decides (without IO) which clients there are to be; this task starts and ends them, and hands on what
//! they tell. A client that takes over tells first everything that its cluster has, as one batch: what the cluster
//! served before goes on being served until then, and what did not change is no change. The start of the control
//! plane waits for clusters, but for none longer than PILOT_REMOTE_CLUSTER_TIMEOUT: a cluster that is out of reach
//! must not hold up the mesh. Invariant: what is left of a cluster that nobody tells of any more is nothing.

mod client;
mod divert;
pub mod folder;
pub mod kubeconfig;
mod mesh;
mod offers;
pub mod plan;
mod show;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info};

use self::client::{Heard, Reader, Running};
pub use self::divert::divert;
use self::kubeconfig::Allowed;
pub use self::offers::SELECTOR;
use self::plan::{Action, ClientId, Plan};
pub use self::show::{Shown, states, waiting};
use super::client::Limits;
use super::{Ignored, REGISTRY, Watched};
use crate::api::{Batch, Diagnostic, Features, Kind, MeshConfig, Remote, Str};
use crate::metrics::Metrics;
use crate::sources::report::{Reporter, share};

/// The log scope, which is istiod's of its clients.
const SCOPE: &str = "kube";

/// How much all clients together may be ahead of this task, in batches; each client waits for its turn.
const HEARD: usize = 16;

/// Where remote clusters are told of, and whom to tell what is in them.
pub struct RemoteClusters {
    /// The id of the own cluster.
    pub own: Str,
    /// The namespace of the secrets.
    pub namespace: Str,
    /// Changes among which the secrets are. The first that is marked as synced tells all that exist.
    pub secrets: mpsc::Receiver<Batch>,
    /// What kubeconfigs may ask for.
    pub allowed: Allowed,
    /// How often each API server may be asked.
    pub limits: Limits,
    /// What is followed in each cluster.
    pub watches: Vec<Watched>,
    /// The revision of this control plane.
    pub revision: String,
    /// The time in which each collection is checked against its server once.
    pub audit: Duration,
    /// How long a cluster is waited for; zero for ever.
    pub timeout: Duration,
    /// The mesh configuration, whose selectors decide in each cluster which namespaces belong to the mesh.
    pub mesh_config: watch::Receiver<Arc<MeshConfig>>,
    /// Where batches go. One is marked as synced: when all clusters are read, or waited for long enough.
    pub batches: mpsc::Sender<Batch>,
    /// Where is shown what is wrong with secrets, and with objects of the clusters.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
    /// Where is shown how each cluster is reached, for those who ask it something else.
    pub clients: watch::Sender<Arc<BTreeMap<Str, Client>>>,
    /// Where is shown how far each cluster is.
    pub shown: watch::Sender<Arc<[Shown]>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What is followed of a cluster beside the one that configures the mesh. Of its own mesh configuration, which is in
/// this ConfigMap, the trust domain counts.
pub fn watches(
    features: &Features,
    ignored: &Ignored,
    namespace: &str,
    (at, name): &(Str, Str),
) -> Vec<Watched> {
    let entries = features.select_workload_entries && features.remote_workload_entries;
    let entries = entries && !ignored.ignores(Kind::WorkloadEntry);
    let kinds = REGISTRY.into_iter().chain(entries.then_some(Kind::WorkloadEntry));
    let mesh = Watched::one(Kind::ConfigMap, at, name).if_readable();
    kinds.map(|kind| Watched::all(kind).within(namespace)).chain([mesh]).collect()
}

/// Follows the clusters until nobody takes batches any more.
pub async fn run(source: RemoteClusters) {
    Manager::new(source).run().await;
}

/// Starts and ends clients as the plan says.
struct Manager {
    source: RemoteClusters,
    plan: Plan,
    clients: BTreeMap<ClientId, Running>,
    heard: mpsc::Receiver<(ClientId, Heard)>,
    tell: mpsc::Sender<(ClientId, Heard)>,
    reporter: Reporter,
    /// All secrets that existed at start are known.
    read: bool,
    /// That everything is read was said.
    synced: bool,
    /// The clients that are shown.
    offered: BTreeMap<Str, ClientId>,
}

impl Manager {
    fn new(source: RemoteClusters) -> Manager {
        let (tell, heard) = mpsc::channel(HEARD);
        // What is shown has more than what is logged here: clients log what is wrong with their objects.
        let (logged, _) = watch::channel(Arc::from([]));
        source.metrics.managed_clusters.with(&["local"]).set(1.0);
        source.metrics.managed_clusters.with(&["remote"]).set(0.0);
        Manager {
            plan: Plan::new(source.own.clone(), source.namespace.clone(), source.allowed.clone()),
            clients: BTreeMap::new(),
            heard,
            tell,
            reporter: Reporter::new(logged),
            read: false,
            synced: false,
            offered: BTreeMap::new(),
            source,
        }
    }

    async fn run(mut self) {
        let mut open = true;
        loop {
            let deadline = self.clients.values().filter_map(|client| client.deadline).min();
            let at = deadline.unwrap_or_else(Instant::now);
            let goes_on = tokio::select! {
                secrets = self.source.secrets.recv(), if open => {
                    open = secrets.is_some();
                    self.take(&secrets.unwrap_or_default());
                    true
                }
                Some((client, heard)) = self.heard.recv() => self.hear(client, heard).await,
                () = sleep_until(at), if deadline.is_some() => {
                    self.time_out();
                    true
                }
            };
            if !goes_on || !self.act().await {
                return;
            }
            self.show();
        }
    }

    fn take(&mut self, batch: &Batch) {
        for change in &batch.changes {
            if let Some(event) = self.plan.take(change) {
                self.source.metrics.remote_secret_events.with(&[event]).inc();
            }
        }
        self.read |= batch.synced;
    }

    /// False if nobody listens any more.
    async fn hear(&mut self, id: ClientId, heard: Heard) -> bool {
        // What a client said before it was ended is late.
        let Some(client) = self.clients.get_mut(&id) else { return true };
        let cluster = client.cluster.clone();
        match heard {
            Heard::Refused(reason) => self.plan.refuse(&cluster, id, reason),
            Heard::Connected(made) => client.client = Some(made),
            Heard::Told(diagnostics) => client.diagnostics = diagnostics,
            Heard::Batch(mut batch) => {
                if let Some(trust_domain) = mesh::take_trust_domain(&mut batch) {
                    client.trust_domain = trust_domain;
                }
                let trust_domain = client.trust_domain.clone();
                let whole = batch.synced && self.plan.synced(&cluster, id);
                if whole {
                    client.deadline = None;
                }
                if self.plan.serves(&cluster, id) {
                    return self.send(batch, Remote { cluster, whole, trust_domain }).await;
                }
            }
        }
        true
    }

    async fn send(&self, batch: Batch, remote: Remote) -> bool {
        let batch = Batch { changes: batch.changes, synced: false, remote: Some(remote) };
        self.source.batches.send(batch).await.is_ok()
    }

    fn time_out(&mut self) {
        let now = Instant::now();
        for (id, client) in &mut self.clients {
            if client.deadline.take_if(|deadline| *deadline <= now).is_none() {
                continue;
            }
            let cluster = &client.cluster;
            if self.plan.timed_out(cluster, *id) {
                let after_ms = self.source.timeout.as_millis() as u64;
                let missing = client.status.borrow().missing().join(", ");
                error!(target: SCOPE, %cluster, after_ms, "not read in time, and not waited for any more: {missing}");
                self.source.metrics.remote_timeouts.with(&[cluster]).inc();
            }
        }
    }

    /// Does what is to be done. False if nobody listens any more.
    async fn act(&mut self) -> bool {
        for action in self.plan.actions() {
            match action {
                Action::Start { client, cluster, kubeconfig } => {
                    info!(target: SCOPE, %cluster, "a client for the cluster is started");
                    let reader = Reader::new(&self.source, cluster, kubeconfig);
                    self.clients.insert(client, reader.start(client, self.tell.clone()));
                }
                Action::Stop(client) => {
                    if let Some(client) = self.clients.remove(&client) {
                        client.end().await;
                    }
                }
                Action::Forget(cluster) => {
                    info!(target: SCOPE, %cluster, "the cluster is not read any more");
                    show::forget(&cluster, &self.source.metrics);
                    let nothing = Remote { cluster, whole: true, trust_domain: None };
                    if !self.send(Batch::default(), nothing).await {
                        return false;
                    }
                }
                Action::Skip(secret) => {
                    let cluster = &self.source.own;
                    info!(target: SCOPE, %cluster, "{secret}: what it says of the own cluster is ignored");
                }
            }
        }
        if self.read && !self.synced && self.plan.waiting().next().is_none() {
            self.synced = true;
            let batch = Batch { synced: true, ..Batch::default() };
            return self.source.batches.send(batch).await.is_ok();
        }
        true
    }

    /// Shows how clusters are reached: by the client whose objects are served, else by any.
    fn offer(&mut self) {
        let connected = self.clients.iter().filter(|(_, running)| running.client.is_some());
        let mut offered = BTreeMap::new();
        for (id, running) in connected {
            let serves = self.plan.serves(&running.cluster, *id);
            if serves || !offered.contains_key(&running.cluster) {
                offered.insert(running.cluster.clone(), *id);
            }
        }
        if offered == self.offered {
            return;
        }
        let client = |id: &ClientId| self.clients.get(id)?.client.clone();
        let clients =
            offered.iter().filter_map(|(cluster, id)| Some((cluster.clone(), client(id)?)));
        self.source.clients.send_replace(Arc::new(clients.collect()));
        self.offered = offered;
    }

    fn show(&mut self) {
        let shown = show::shown(&self.plan, &self.clients);
        show::count(&shown, self.plan.count(), &self.source.metrics);
        self.source.shown.send_replace(shown);
        self.offer();
        let mut diagnostics = self.plan.diagnostics();
        diagnostics.sort();
        self.reporter.report(diagnostics.clone());
        let serving = self.clients.iter().filter(|(id, c)| self.plan.serves(&c.cluster, **id));
        diagnostics.extend(serving.flat_map(|(_, client)| client.diagnostics_there()));
        share(&self.source.diagnostics, diagnostics);
    }
}

#[cfg(test)]
mod tests;
