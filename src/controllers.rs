//! The way back: what the control plane writes, and only to the API server.
//!
//! ```text
//!  snapshots ─► addresses ─┐                       (one replica of all: it leads)
//!                          ├─► writer ─► API server
//!  reports of proxies ─► workloads ┘                (every replica, of its own proxies)
//!
//!  roots, revision ─► webhooks ─► API server       (every replica, of its own revision)
//! ```
//!
//! - [`election`] decides which replica leads a [`lock`], with the objects and rules of istiod, so that replicas of
//!   both hold the same locks during a migration. What only a leader does is a future that is dropped when it
//!   no longer leads.
//! - [`writer`] does the writing: paced, bounded, and never where nothing differs.
//! - [`addresses`], [`workloads`], [`roots`] and [`webhooks`] are what is written; roots also to other clusters
//!   ([`remote_roots`]).
//!
//! Nothing that serves proxies waits for any of this, and what is written comes back through the sources like
//! anybody's change. Knows neither stores nor Envoy.

pub mod addresses;
pub mod cluster_trust_bundle;
pub mod default_revision;
pub mod election;
pub mod lock;
pub mod remote_roots;
pub mod roots;
pub mod webhooks;
pub mod workloads;
pub mod writer;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info};

use self::election::{Candidate, Election};
use self::lock::Duty;
use self::writer::{Pace, Writer, Wrote};
use crate::api::Str;
use crate::metrics::Metrics;
use crate::model::report::Report;
use crate::snapshot::Snapshots;

/// How far writes are apart. Each is two requests: at this pace they take half of what istiod may ask of its API server
/// by default, and leave the rest to what proxies wait for.
const APART: Duration = Duration::from_millis(50);

/// How many writes may come at once after quiet.
const BURST: u32 = 20;

/// What the controllers are to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The namespace of the locks (`--namespace`).
    pub namespace: Str,
    /// The name of this replica (POD_NAME); no other may have it.
    pub replica: Str,
    /// The revision of this control plane; empty for none.
    pub revision: Str,
    /// Whether there are other replicas (ENABLE_LEADER_ELECTION): without, this one leads.
    pub elect: bool,
    /// Whether addresses are written (PILOT_ENABLE_IP_AUTOALLOCATE).
    pub addresses: bool,
    /// How many writes are under way at once (PILOT_STATUS_MAX_WORKERS).
    pub workers: usize,
    /// Whether queues are counted under istiod's names too (ISTIO_ENABLE_CONTROLLER_QUEUE_METRICS).
    pub queue_metrics: bool,
}

/// The running controllers. Dropping them ends them, and leaves locks to expire.
pub struct Controllers {
    config: Config,
    client: Client,
    metrics: Arc<Metrics>,
    pace: Arc<Pace>,
    default_revision: watch::Receiver<Str>,
    stop: watch::Sender<bool>,
    /// What ends by itself when it is told to stop.
    elections: JoinSet<()>,
    /// What does not.
    tasks: JoinSet<()>,
}

impl Controllers {
    /// Starts what `config` asks for. Leaders work from `snapshots`, once there are any.
    pub fn start(
        config: Config,
        client: Client,
        snapshots: Snapshots,
        metrics: Arc<Metrics>,
    ) -> Controllers {
        let (default, default_revision) = watch::channel(Str::default());
        let mut controllers = Controllers {
            config,
            client,
            metrics,
            pace: Arc::new(Pace::new(APART, BURST)),
            default_revision,
            stop: watch::Sender::new(false),
            elections: JoinSet::new(),
            tasks: JoinSet::new(),
        };
        if controllers.config.elect {
            let client = controllers.client.clone();
            controllers.tasks.spawn(default_revision::follow(client, default));
        }
        if controllers.config.addresses {
            let writes = controllers.writers("istio-ip-autoallocate", |_, _| {});
            let mut ready = snapshots.clone();
            controllers.lead(Duty::Addresses, async move { ready.ready().await }, move || {
                let writer = writes();
                let (work, writing) =
                    (addresses::run(snapshots.clone(), writer.clone()), writer.run());
                async move {
                    tokio::select! { () = work => {}, () = writing => {} }
                }
            });
        }
        controllers
    }

    /// Keeps the WorkloadEntries of this replica's proxies, and their health.
    pub fn keep_workloads(
        &mut self,
        config: workloads::Config,
        reports: mpsc::Receiver<Report>,
        snapshots: Snapshots,
    ) {
        let writer = self.writers("istio-workload-health", workloads::count)();
        let work = workloads::run(config, reports, snapshots, writer.clone());
        self.tasks.spawn(async move {
            tokio::select! { () = work => {}, () = writer.run() => {} }
        });
    }

    /// Gives the namespaces of other clusters the roots of the mesh, where this control plane is responsible for them.
    pub fn distribute_remotely(&mut self, remotes: remote_roots::Remotes) {
        let shared = remote_roots::Shared {
            config: self.config.clone(),
            metrics: self.metrics.clone(),
            pace: self.pace.clone(),
            stop: self.stop.subscribe(),
        };
        let mut ready = remotes.snapshots.clone();
        let mut stop = self.stop.subscribe();
        self.elections.spawn(async move {
            tokio::select! {
                true = ready.ready() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            remote_roots::run(remotes, shared).await;
        });
    }

    /// Gives every namespace the roots of the mesh, while this replica leads.
    pub fn distribute(&mut self, distributed: roots::Distributed, snapshots: Snapshots) {
        let (client, pace) = (self.client.clone(), self.pace.clone());
        let mut ready = snapshots.clone();
        self.lead(Duty::RootCertificates, async move { ready.ready().await }, move || {
            let namespaces = roots::Namespaces::Own(snapshots.clone());
            roots::run(client.clone(), distributed.clone(), namespaces, pace.clone())
        });
    }

    /// Keeps the webhook configurations of one kind that are of this revision. No replica leads: each revision keeps
    /// its own.
    pub fn register(&mut self, sort: webhooks::Sort, registration: webhooks::Registration) {
        let (client, pace) = (self.client.clone(), self.pace.clone());
        self.tasks.spawn(webhooks::run(sort, registration, client, pace, self.metrics.clone()));
    }

    /// Ends everything and gives locks up, so that another replica leads at once.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.elections.join_next().await {
            if let Err(error) = ended {
                error!(target: "controllers", "ended early: {error}");
            }
        }
    }

    /// Does work while this replica leads. It stands for election once `ready` is true.
    fn lead<W>(
        &mut self,
        duty: Duty,
        ready: impl Future<Output = bool> + Send + 'static,
        mut work: impl FnMut() -> W + Send + 'static,
    ) where
        W: Future<Output = ()> + Send + 'static,
    {
        let Config { namespace, replica, revision, elect, .. } = &self.config;
        let lock = duty.lock(revision);
        let mut stop = self.stop.subscribe();
        let election = elect.then(|| {
            let candidate = Candidate {
                identity: replica.to_string(),
                revision: lock::named(revision).into(),
                remote: false,
                prioritised: lock.prioritised,
            };
            let (client, default) = (self.client.clone(), self.default_revision.clone());
            Election::new(lock, namespace, candidate, client, default, self.metrics.clone())
        });
        self.elections.spawn(async move {
            tokio::select! {
                true = ready => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            match election {
                Some(election) => election.run(work, stop).await,
                None => {
                    info!(target: "controllers", "leads without an election: {duty:?}");
                    tokio::select! {
                        () = work() => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                    }
                }
            }
        });
    }

    /// Makes writers that are called so, as the owners of what they write.
    fn writers(
        &self,
        name: &'static str,
        count: fn(&Metrics, Wrote<'_>),
    ) -> impl Fn() -> Writer + Send + use<> {
        let (client, metrics, pace) =
            (self.client.clone(), self.metrics.clone(), self.pace.clone());
        let (workers, queue_metrics) = (self.config.workers, self.config.queue_metrics);
        move || {
            let (metrics, pace) = (metrics.clone(), pace.clone());
            Writer::new(
                writer::Config { name, workers, pace, metrics, count, queue_metrics },
                client.clone(),
            )
        }
    }
}
