//! The roots of the mesh, in a ConfigMap of every namespace: by it agents of pods know the control plane.
//!
//! Written by the leader, corrected when somebody changes it, and never written where it says what it should. One that
//! is in a namespace which left the mesh stays, as pods may still have it mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{debug, info, warn};

use super::writer::Pace;
use crate::api::Str;
use crate::snapshot::{Snapshot, Snapshots};

/// The key of the roots in the ConfigMap.
const KEY: &str = "root-cert.pem";

/// The label by which Istio's own objects are left out of others' views.
const LABEL: (&str, &str) = ("istio.io/config", "true");

/// Namespaces of the cluster itself, in which nobody mounts it.
const LEFT_OUT: [&str; 3] = ["kube-public", "kube-node-lease", "local-path-storage"];

/// How long a watch may take. What was refused meanwhile is asked for again then.
const WATCH: Duration = Duration::from_secs(300);

/// The pause between two watches, give or take half of it.
const PAUSE: Duration = Duration::from_secs(5);

/// Changes that come together are one.
const TOGETHER: Duration = Duration::from_millis(100);

/// What is to be distributed.
#[derive(Clone)]
pub struct Distribution {
    /// The name of the ConfigMaps (PILOT_CA_CERT_CONFIGMAP).
    pub name: Str,
    /// The roots in PEM, once there are any.
    pub roots: watch::Receiver<Option<Str>>,
}

/// How a ConfigMap comes to say what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Create,
    Correct,
}

/// What the ConfigMaps say, by namespace: whether it is right is a comparison away.
type Known = BTreeMap<Str, Said>;

/// What one ConfigMap says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    roots: Option<String>,
    labelled: bool,
}

/// Distributes, for ever.
pub async fn run(
    client: Client,
    distribution: Distribution,
    snapshots: Snapshots,
    pace: Arc<Pace>,
) {
    let mut following = Following { client, distribution, snapshots, pace };
    loop {
        if let Err(error) = following.once().await {
            warn!(target: "controllers", "the ConfigMaps of roots cannot be followed: {error:#}");
        }
        sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
    }
}

struct Following {
    client: Client,
    distribution: Distribution,
    snapshots: Snapshots,
    pace: Arc<Pace>,
}

impl Following {
    /// Reads what there is, and corrects what differs until the server ends the watch.
    async fn once(&mut self) -> kube::Result<()> {
        let api: Api<ConfigMap> = Api::all(self.client.clone());
        let field = format!("metadata.name={}", self.distribution.name);
        let list = api.list(&ListParams::default().fields(&field)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let mut known: Known = list.items.iter().map(said).collect();
        let mut refused = BTreeSet::new();
        let params = WatchParams::default().fields(&field);
        let mut events = pin!(api.watch(&params, &version).await?);
        let end = Instant::now() + WATCH;
        loop {
            self.correct(&mut known, &mut refused).await;
            tokio::select! {
                event = events.try_next() => match event? {
                    Some(event) => take(event, &mut known)?,
                    None => return Ok(()),
                },
                _ = self.distribution.roots.changed() => {}
                _ = self.snapshots.changed() => {}
                () = sleep_until(end) => return Ok(()),
            }
            // More of the same kind is on its way.
            let soon = Instant::now() + TOGETHER;
            while let Ok(event) = timeout_at(soon, events.try_next()).await {
                match event? {
                    Some(event) => take(event, &mut known)?,
                    None => return Ok(()),
                }
            }
        }
    }

    /// Writes what differs. What was refused is not asked for again before the next reading.
    async fn correct(&mut self, known: &mut Known, refused: &mut BTreeSet<Str>) {
        let Some(roots) = self.distribution.roots.borrow_and_update().clone() else { return };
        let namespaces = namespaces(&self.snapshots.load());
        for (namespace, write) in wanted(&namespaces, known, &roots) {
            if refused.contains(&namespace) {
                continue;
            }
            self.pace.turn().await;
            match self.write(&namespace, write, &roots).await {
                Ok(()) => {
                    info!(target: "controllers", %namespace, "wrote the roots of the mesh");
                    let roots = Some(roots.to_string());
                    known.insert(namespace, Said { roots, labelled: true });
                }
                // Another replica, or the end of the namespace, was quicker: the watch tells.
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                    debug!(target: "controllers", %namespace, "{}", status.message);
                    refused.insert(namespace);
                }
                Err(error) => {
                    warn!(target: "controllers", %namespace, "the roots of the mesh cannot be written: {error}");
                    refused.insert(namespace);
                }
            }
        }
    }

    async fn write(&self, namespace: &str, write: Write, roots: &str) -> kube::Result<()> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let name = &*self.distribution.name;
        let (label, value) = LABEL;
        match write {
            Write::Create => {
                let map = ConfigMap {
                    metadata: ObjectMeta {
                        name: Some(name.to_owned()),
                        labels: Some([(label.to_owned(), value.to_owned())].into()),
                        ..ObjectMeta::default()
                    },
                    data: Some([(KEY.to_owned(), roots.to_owned())].into()),
                    ..ConfigMap::default()
                };
                api.create(&PostParams::default(), &map).await.map(drop)
            }
            Write::Correct => {
                let change = json!({
                    "metadata": { "labels": { label: value } },
                    "data": { KEY: roots },
                });
                let change = Patch::Merge(change);
                api.patch(name, &PatchParams::default(), &change).await.map(drop)
            }
        }
    }
}

/// The namespaces that are to have it.
fn namespaces(snapshot: &Snapshot) -> BTreeSet<Str> {
    let all = snapshot.namespaces.iter().filter(|(_, state)| state.object.is_some());
    all.map(|(name, _)| name.clone()).filter(|name| !LEFT_OUT.contains(&&**name)).collect()
}

/// What is to be written where.
fn wanted(namespaces: &BTreeSet<Str>, known: &Known, roots: &str) -> Vec<(Str, Write)> {
    let write = |namespace: &Str| {
        let write = match known.get(namespace) {
            None => Write::Create,
            Some(said) if said.labelled && said.roots.as_deref() == Some(roots) => return None,
            Some(_) => Write::Correct,
        };
        Some((namespace.clone(), write))
    };
    namespaces.iter().filter_map(write).collect()
}

fn said(map: &ConfigMap) -> (Str, Said) {
    let (label, value) = LABEL;
    let said = Said {
        roots: map.data.as_ref().and_then(|data| data.get(KEY).cloned()),
        labelled: map.labels().get(label).is_some_and(|told| told == value),
    };
    (map.namespace().unwrap_or_default().as_str().into(), said)
}

fn take(event: WatchEvent<ConfigMap>, known: &mut Known) -> kube::Result<()> {
    match event {
        WatchEvent::Added(map) | WatchEvent::Modified(map) => {
            let (namespace, said) = said(&map);
            known.insert(namespace, said);
        }
        WatchEvent::Deleted(map) => {
            known.remove(&*map.namespace().unwrap_or_default());
        }
        WatchEvent::Bookmark(_) => {}
        WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
