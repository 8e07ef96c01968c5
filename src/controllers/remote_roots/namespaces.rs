//! The namespaces of a cluster that belong to the mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, PartialObjectMeta, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::api::meta::Labels;
use crate::api::{LabelSelector, Str};
use crate::snapshot::Snapshots;

/// How long a watch may take. Servers end it sooner: after this the connection counts as dead.
const WATCH: Duration = Duration::from_secs(300);

/// The pause between two watches, give or take half of it.
const PAUSE: Duration = Duration::from_secs(5);

/// Labels by namespace; of one that ends nothing is kept.
type Known = BTreeMap<Str, Labels>;

/// Follows them, for ever.
pub(super) async fn follow(
    client: Client,
    snapshots: Snapshots,
    told: watch::Sender<Arc<BTreeSet<Str>>>,
) {
    let api = Api::all(client);
    let mut following = Following { api, snapshots, told, known: Known::new() };
    loop {
        if let Ok(Err(error)) = timeout(WATCH, following.once()).await {
            debug!(target: "controllers", "namespaces cannot be followed: {error:#}");
        }
        sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
    }
}

struct Following {
    api: Api<Namespace>,
    snapshots: Snapshots,
    told: watch::Sender<Arc<BTreeSet<Str>>>,
    known: Known,
}

impl Following {
    async fn once(&mut self) -> kube::Result<()> {
        let list = self.api.list_metadata(&ListParams::default()).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        self.known.clear();
        for namespace in &list.items {
            self.take(namespace);
        }
        let api = self.api.clone();
        let params = WatchParams::default();
        let mut events = pin!(api.watch_metadata(&params, &version).await?);
        loop {
            self.tell();
            tokio::select! {
                event = events.try_next() => match event? {
                    Some(WatchEvent::Added(namespace) | WatchEvent::Modified(namespace)) => {
                        self.take(&namespace);
                    }
                    Some(WatchEvent::Deleted(namespace)) => {
                        self.known.remove(&*namespace.name_any());
                    }
                    Some(WatchEvent::Bookmark(_)) => {}
                    Some(WatchEvent::Error(status)) => return Err(kube::Error::Api(status)),
                    None => return Ok(()),
                },
                _ = self.snapshots.changed() => {}
            }
        }
    }

    fn take(&mut self, namespace: &PartialObjectMeta<Namespace>) {
        let name: Str = namespace.name_any().as_str().into();
        if namespace.metadata.deletion_timestamp.is_some() {
            self.known.remove(&name);
            return;
        }
        let labels = namespace.labels().iter();
        let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
        self.known.insert(name, labels.collect());
    }

    fn tell(&self) {
        let mesh = self.snapshots.load().mesh.clone();
        let belong = belonging(&self.known, &mesh.discovery_selectors);
        self.told.send_if_modified(|told| {
            let differs = **told != belong;
            if differs {
                *told = Arc::new(belong);
            }
            differs
        });
    }
}

/// Those that any of the selectors means; all without selectors.
pub(super) fn belonging(known: &Known, selectors: &[LabelSelector]) -> BTreeSet<Str> {
    let belongs = |labels: &Labels| {
        selectors.is_empty() || selectors.iter().any(|selector| selector.matches(labels))
    };
    known.iter().filter(|(_, labels)| belongs(labels)).map(|(name, _)| name.clone()).collect()
}
