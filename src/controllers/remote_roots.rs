//! The roots of the mesh in other clusters, where this control plane is responsible for them (EXTERNAL_ISTIOD).
//!
//! A cluster says itself who is: by an annotation of its system namespace that names clusters of control planes. There
//! the same is done as in the own cluster, under the same lock, which a control plane inside the cluster takes away.

mod namespaces;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{info, warn};

use super::election::{Candidate, Election};
use super::lock::{self, Duty};
use super::roots::{Distributed, Namespaces};
use super::writer::Pace;
use super::{Config, default_revision, roots};
use crate::api::Str;
use crate::metrics::Metrics;
use crate::snapshot::Snapshots;

/// The annotation by which a cluster names the clusters of its control planes; `*` stands for all.
const CONTROL_PLANES: &str = "topology.istio.io/controlPlaneClusters";

/// Between two looks at the annotation.
const LOOK: Duration = Duration::from_secs(30);

/// What the work in other clusters takes.
#[derive(Clone)]
pub struct Remotes {
    /// How they are reached, by their ids.
    pub clients: watch::Receiver<Arc<BTreeMap<Str, Client>>>,
    /// The id of the own cluster.
    pub own: Str,
    /// What they get.
    pub distributed: Distributed,
    /// The mesh, for its discovery selectors.
    pub snapshots: Snapshots,
}

/// What all clusters have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) metrics: Arc<Metrics>,
    pub(super) pace: Arc<Pace>,
    pub(super) stop: watch::Receiver<bool>,
}

/// Works in all clusters, until `stop` is true: locks are given up then.
pub(super) async fn run(mut remotes: Remotes, shared: Shared) {
    let mut stop = shared.stop.clone();
    loop {
        // Clients cannot be told apart, and change rarely: all begin anew, and locks wait for their holders.
        let clients = remotes.clients.borrow_and_update().clone();
        let (let_go, gone) = watch::channel(false);
        let mut clusters = JoinSet::new();
        for (id, client) in clients.iter() {
            let cluster = Cluster {
                id: id.clone(),
                client: client.clone(),
                remotes: remotes.clone(),
                shared: Shared { stop: gone.clone(), ..shared.clone() },
            };
            clusters.spawn(cluster.run());
        }
        let ends = tokio::select! {
            changed = remotes.clients.changed() => changed.is_err(),
            _ = stop.wait_for(|stop| *stop) => true,
        };
        let_go.send_replace(true);
        while clusters.join_next().await.is_some() {}
        if ends {
            return;
        }
    }
}

struct Cluster {
    id: Str,
    client: Client,
    remotes: Remotes,
    shared: Shared,
}

impl Cluster {
    /// Works there whenever this control plane is responsible.
    async fn run(self) {
        let mut stop = self.shared.stop.clone();
        let mut said = String::new();
        loop {
            let responsible = tokio::select! {
                responsible = self.is_responsible() => responsible,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match responsible {
                Ok(true) => {
                    info!(target: "controllers", cluster = %self.id, "the roots of the mesh are distributed there");
                    self.work().await;
                    if *stop.borrow() {
                        return;
                    }
                }
                Ok(false) => said.clear(),
                Err(error) => {
                    let why = error.to_string();
                    if why != said {
                        warn!(target: "controllers", cluster = %self.id, "whether this control plane is responsible there is not known: {why}");
                        said = why;
                    }
                }
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn is_responsible(&self) -> kube::Result<bool> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let namespace = api.get_opt(&self.shared.config.namespace).await?;
        let annotations = namespace.as_ref().map(ResourceExt::annotations);
        let named = annotations.and_then(|annotations| annotations.get(CONTROL_PLANES));
        Ok(named.is_some_and(|named| names(named, &self.remotes.own)))
    }

    /// Stands for the lock and distributes while this replica leads; until it is told to stop, or the cluster names
    /// others.
    async fn work(&self) {
        let Config { namespace, replica, revision, elect, .. } = &self.shared.config;
        let (told, namespaces) = watch::channel(Arc::default());
        let follow = namespaces::follow(self.client.clone(), self.remotes.snapshots.clone(), told);
        let distribute = {
            let (client, distributed) = (self.client.clone(), self.remotes.distributed.clone());
            let pace = self.shared.pace.clone();
            move || {
                let namespaces = Namespaces::Told(namespaces.clone());
                roots::run(client.clone(), distributed.clone(), namespaces, pace.clone())
            }
        };
        let (let_go, gone) = watch::channel(false);
        let leading = async {
            if !elect {
                distribute().await;
                return;
            }
            let lock = Duty::RootCertificates.lock(revision);
            let candidate = Candidate {
                identity: replica.to_string(),
                revision: lock::named(revision).into(),
                remote: true,
                prioritised: lock.prioritised,
            };
            let (default, newest) = watch::channel(Str::default());
            let (client, metrics) = (self.client.clone(), self.shared.metrics.clone());
            let election =
                Election::new(lock, namespace, candidate, client.clone(), newest, metrics);
            // Who follows the default revision ends when nobody wants to know it any more.
            tokio::join!(
                election.within(&self.id).run(distribute, gone),
                default_revision::follow(client, default),
            );
        };
        let mut leading = std::pin::pin!(leading);
        tokio::select! {
            () = &mut leading => return,
            () = follow => {}
            () = self.is_relieved() => {}
        }
        // Locks are given up before others lead.
        let_go.send_replace(true);
        if *elect {
            leading.await;
        }
    }

    /// Waits until another one is responsible, or this process stops.
    async fn is_relieved(&self) {
        let mut stop = self.shared.stop.clone();
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if matches!(self.is_responsible().await, Ok(false)) {
                info!(target: "controllers", cluster = %self.id, "the roots of the mesh are distributed there by others now");
                return;
            }
        }
    }
}

/// Whether a list of clusters with commas between them names one.
fn names(list: &str, cluster: &str) -> bool {
    list.split(',').any(|name| name == "*" || name == cluster)
}
