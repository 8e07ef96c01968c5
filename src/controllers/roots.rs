//! What every namespace has in a ConfigMap: the roots of the mesh, by which agents of pods know the control plane, and
//! what their CA revoked.
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
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{debug, info, warn};

use super::cluster_trust_bundle;
use super::writer::Pace;
use crate::api::Str;
use crate::snapshot::{Snapshot, Snapshots};

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
pub struct Distributed {
    /// What each namespace is to have.
    pub maps: Vec<Distribution>,
    /// What the cluster is to have as a ClusterTrustBundle.
    pub bundle: Option<Content>,
}

/// A text, once it is known.
pub type Content = watch::Receiver<Option<Str>>;

/// A text that is to be in a ConfigMap of each namespace.
#[derive(Clone)]
pub struct Distribution {
    /// What it is, for logs.
    pub what: &'static str,
    /// The name of the ConfigMaps.
    pub name: Str,
    /// The key of the text in them.
    pub key: &'static str,
    /// The text. Where it is empty no ConfigMap is made, and those that there are say so.
    pub content: Content,
}

/// The namespaces that are to have it.
#[derive(Clone)]
pub enum Namespaces {
    /// Those of the own cluster.
    Own(Snapshots),
    /// Those of another one, as somebody tells them.
    Told(watch::Receiver<Arc<BTreeSet<Str>>>),
}

impl Namespaces {
    fn load(&mut self) -> BTreeSet<Str> {
        match self {
            Namespaces::Own(snapshots) => own(&snapshots.load()),
            Namespaces::Told(told) => left_in(told.borrow_and_update().iter().cloned()),
        }
    }

    async fn changed(&mut self) {
        let goes_on = match self {
            Namespaces::Own(snapshots) => snapshots.changed().await,
            Namespaces::Told(told) => told.changed().await.is_ok(),
        };
        if !goes_on {
            std::future::pending::<()>().await;
        }
    }
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
    text: Option<String>,
    labelled: bool,
}

/// Distributes, for ever.
pub async fn run(
    client: Client,
    distributed: Distributed,
    namespaces: Namespaces,
    pace: Arc<Pace>,
) {
    let Distributed { maps, bundle } = distributed;
    let mut tasks = JoinSet::new();
    for distribution in maps {
        let (client, namespaces, pace) = (client.clone(), namespaces.clone(), pace.clone());
        tasks.spawn(follow(Following { client, distribution, namespaces, pace }));
    }
    if let Some(roots) = bundle {
        tasks.spawn(cluster_trust_bundle::run(client, roots, pace));
    }
    // None of them ends by itself.
    while tasks.join_next().await.is_some() {}
}

async fn follow(mut following: Following) {
    loop {
        if let Err(error) = following.once().await {
            let what = following.distribution.what;
            warn!(target: "controllers", "the ConfigMaps of {what} cannot be followed: {error:#}");
        }
        sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
    }
}

struct Following {
    client: Client,
    distribution: Distribution,
    namespaces: Namespaces,
    pace: Arc<Pace>,
}

impl Following {
    /// Reads what there is, and corrects what differs until the server ends the watch.
    async fn once(&mut self) -> kube::Result<()> {
        let api: Api<ConfigMap> = Api::all(self.client.clone());
        let field = format!("metadata.name={}", self.distribution.name);
        let list = api.list(&ListParams::default().fields(&field)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let key = self.distribution.key;
        let mut known: Known = list.items.iter().map(|map| said(map, key)).collect();
        let mut refused = BTreeSet::new();
        let params = WatchParams::default().fields(&field);
        let mut events = pin!(api.watch(&params, &version).await?);
        let end = Instant::now() + WATCH;
        loop {
            self.correct(&mut known, &mut refused).await;
            tokio::select! {
                event = events.try_next() => match event? {
                    Some(event) => take(event, key, &mut known)?,
                    None => return Ok(()),
                },
                _ = self.distribution.content.changed() => {}
                () = self.namespaces.changed() => {}
                () = sleep_until(end) => return Ok(()),
            }
            // More of the same kind is on its way.
            let soon = Instant::now() + TOGETHER;
            while let Ok(event) = timeout_at(soon, events.try_next()).await {
                match event? {
                    Some(event) => take(event, key, &mut known)?,
                    None => return Ok(()),
                }
            }
        }
    }

    /// Writes what differs. What was refused is not asked for again before the next reading.
    async fn correct(&mut self, known: &mut Known, refused: &mut BTreeSet<Str>) {
        let Some(text) = self.distribution.content.borrow_and_update().clone() else { return };
        let what = self.distribution.what;
        for (namespace, write) in wanted(&self.namespaces.load(), known, &text) {
            if refused.contains(&namespace) {
                continue;
            }
            self.pace.turn().await;
            match self.write(&namespace, write, &text).await {
                Ok(()) => {
                    info!(target: "controllers", %namespace, "wrote {what}");
                    let text = Some(text.to_string());
                    known.insert(namespace, Said { text, labelled: true });
                }
                // Another replica, or the end of the namespace, was quicker: the watch tells.
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                    debug!(target: "controllers", %namespace, "{}", status.message);
                    refused.insert(namespace);
                }
                Err(error) => {
                    warn!(target: "controllers", %namespace, "{what} cannot be written: {error}");
                    refused.insert(namespace);
                }
            }
        }
    }

    async fn write(&self, namespace: &str, write: Write, text: &str) -> kube::Result<()> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let Distribution { name, key, .. } = &self.distribution;
        let (label, value) = LABEL;
        match write {
            Write::Create => {
                let map = ConfigMap {
                    metadata: ObjectMeta {
                        name: Some(name.to_string()),
                        labels: Some([(label.to_owned(), value.to_owned())].into()),
                        ..ObjectMeta::default()
                    },
                    data: Some([((*key).to_owned(), text.to_owned())].into()),
                    ..ConfigMap::default()
                };
                api.create(&PostParams::default(), &map).await.map(drop)
            }
            Write::Correct => {
                let change = json!({
                    "metadata": { "labels": { label: value } },
                    "data": { *key: text },
                });
                let change = Patch::Merge(change);
                api.patch(name, &PatchParams::default(), &change).await.map(drop)
            }
        }
    }
}

/// The namespaces of the own cluster that are to have it.
fn own(snapshot: &Snapshot) -> BTreeSet<Str> {
    let all = snapshot.namespaces.iter().filter(|(_, state)| state.object.is_some());
    left_in(all.map(|(name, _)| name.clone()))
}

fn left_in(namespaces: impl Iterator<Item = Str>) -> BTreeSet<Str> {
    namespaces.filter(|name| !LEFT_OUT.contains(&&**name)).collect()
}

/// What is to be written where.
fn wanted(namespaces: &BTreeSet<Str>, known: &Known, text: &str) -> Vec<(Str, Write)> {
    let write = |namespace: &Str| {
        let write = match known.get(namespace) {
            None if text.is_empty() => return None,
            None => Write::Create,
            Some(said) if said.labelled && said.text.as_deref() == Some(text) => return None,
            Some(_) => Write::Correct,
        };
        Some((namespace.clone(), write))
    };
    namespaces.iter().filter_map(write).collect()
}

fn said(map: &ConfigMap, key: &str) -> (Str, Said) {
    let (label, value) = LABEL;
    let said = Said {
        text: map.data.as_ref().and_then(|data| data.get(key).cloned()),
        labelled: map.labels().get(label).is_some_and(|told| told == value),
    };
    (map.namespace().unwrap_or_default().as_str().into(), said)
}

fn take(event: WatchEvent<ConfigMap>, key: &str, known: &mut Known) -> kube::Result<()> {
    match event {
        WatchEvent::Added(map) | WatchEvent::Modified(map) => {
            let (namespace, said) = said(&map, key);
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
