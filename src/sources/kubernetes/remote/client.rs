//! One client of a remote cluster: a task that connects, follows, and tells the manager.

use std::sync::Arc;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

use super::RemoteClusters;
use super::plan::ClientId;
use crate::api::{Batch, Diagnostic, MeshConfig, Str};
use crate::metrics::Metrics;
use crate::sources::kubernetes::client::{self, Limits};
use crate::sources::kubernetes::follow::chain;
use crate::sources::kubernetes::{self, KubernetesSource, Status, Watched};

/// What a client tells.
pub(super) enum Heard {
    /// It was made, which says nothing of the server yet.
    Connected(Client),
    /// It cannot be made of its kubeconfig, and why.
    Refused(String),
    /// What changed; the first batch is everything.
    Batch(Batch),
    /// What is wrong with the cluster's objects now.
    Told(Arc<[Diagnostic]>),
}

/// A client that runs.
pub(super) struct Running {
    /// The cluster that it reads.
    pub cluster: Str,
    /// How far it is.
    pub status: watch::Receiver<Status>,
    /// When it is not waited for any more.
    pub deadline: Option<Instant>,
    /// What is wrong with the objects of the cluster.
    pub diagnostics: Arc<[Diagnostic]>,
    /// The trust domain of its identities, if it is not the mesh's.
    pub trust_domain: Option<Str>,
    /// The client, once there is one.
    pub client: Option<Client>,
    task: JoinSet<()>,
}

impl Running {
    /// Ends it. What it counts is not touched by it afterwards.
    pub async fn end(mut self) {
        self.task.shutdown().await;
    }

    /// What is wrong with the objects, with the name of the cluster: its objects may have the names of others.
    pub fn diagnostics_there(&self) -> impl Iterator<Item = Diagnostic> {
        self.diagnostics.iter().map(|diagnostic| Diagnostic {
            message: format!("in the cluster {}: {}", self.cluster, diagnostic.message),
            ..diagnostic.clone()
        })
    }
}

/// What it takes to read a cluster.
pub(super) struct Reader {
    cluster: Str,
    kubeconfig: Arc<Kubeconfig>,
    limits: Limits,
    watches: Vec<Watched>,
    revision: String,
    audit: Duration,
    timeout: Duration,
    mesh_config: watch::Receiver<Arc<MeshConfig>>,
    metrics: Arc<Metrics>,
}

impl Reader {
    pub fn new(source: &RemoteClusters, cluster: Str, kubeconfig: Arc<Kubeconfig>) -> Reader {
        Reader {
            cluster,
            kubeconfig,
            limits: source.limits,
            watches: source.watches.clone(),
            revision: source.revision.clone(),
            audit: source.audit,
            timeout: source.timeout,
            mesh_config: source.mesh_config.clone(),
            metrics: source.metrics.clone(),
        }
    }

    /// Begins to read.
    pub fn start(self, id: ClientId, tell: mpsc::Sender<(ClientId, Heard)>) -> Running {
        let (status, shown) = watch::channel(Status::default());
        let (cluster, timeout) = (self.cluster.clone(), self.timeout);
        let mut task = JoinSet::new();
        task.spawn(async move {
            match connect(&self.kubeconfig, self.limits).await {
                Ok(client) => {
                    drop(tell.send((id, Heard::Connected(client.clone()))).await);
                    self.follow(client, status, id, tell).await;
                }
                // Who asked may have ended.
                Err(reason) => drop(tell.send((id, Heard::Refused(reason))).await),
            }
        });
        Running {
            cluster,
            status: shown,
            deadline: (!timeout.is_zero()).then(|| Instant::now() + timeout),
            diagnostics: Arc::from([]),
            trust_domain: None,
            client: None,
            task,
        }
    }

    async fn follow(
        self,
        client: Client,
        status: watch::Sender<Status>,
        id: ClientId,
        tell: mpsc::Sender<(ClientId, Heard)>,
    ) {
        let (batches, mut told) = mpsc::channel(1);
        let (diagnostics, mut wrong) = watch::channel(Arc::from([]));
        let source = KubernetesSource {
            client,
            cluster: self.cluster,
            watches: self.watches,
            revision: self.revision,
            audit: self.audit,
            batches,
            diagnostics,
            mesh: Vec::new(),
            mesh_config: self.mesh_config,
            status,
            metrics: self.metrics,
        };
        let hand_on = async {
            loop {
                let heard = tokio::select! {
                    Some(batch) = told.recv() => Heard::Batch(batch),
                    Ok(()) = wrong.changed() => Heard::Told(wrong.borrow_and_update().clone()),
                    else => return,
                };
                if tell.send((id, heard)).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            // It fails over a mesh configuration only, and reads none.
            _ = kubernetes::run(source) => {}
            () = hand_on => {}
        }
    }
}

/// A client of what a kubeconfig says. An error is why there is none; it quotes no credential.
async fn connect(kubeconfig: &Kubeconfig, limits: Limits) -> Result<Client, String> {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await;
    let config = config.map_err(|error| format!("it cannot be used: {}", chain(&error)))?;
    // Where the operator allows it, making a client reads files and runs commands.
    let made = spawn_blocking(move || client::client(config, limits)).await;
    match made {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(format!("it cannot be used: {}", unusable(&error))),
        Err(_) => Err("it cannot be used".to_owned()),
    }
}

/// Why there is no client. What a command printed is not shown: it may be a credential.
fn unusable(error: &anyhow::Error) -> String {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Auth(kube::client::AuthError::AuthExecRun { cmd, out })) => {
            format!("the command {cmd} failed: {}", out.status)
        }
        Some(kube::Error::Auth(kube::client::AuthError::AuthExecParse(_))) => {
            "what the command printed is no credential".to_owned()
        }
        _ => format!("{error:#}"),
    }
}
