use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Allowed, RemoteClusters, Shown, run, states, waiting, watches};
use crate::api::core::Secret;
use crate::api::{
    Batch, Change, ClusterPhase, Features, Kind, Meta, Object, ObjectKey, Remote, SyncStatus,
};
use crate::metrics::Metrics;
use crate::sources::kubernetes::Ignored;
use crate::sources::kubernetes::client::Limits;

const TIMEOUT: Duration = Duration::from_millis(300);

/// A manager that runs, without a source.
struct Run {
    secrets: mpsc::Sender<Batch>,
    batches: mpsc::Receiver<Batch>,
    shown: watch::Receiver<Arc<[Shown]>>,
    metrics: Arc<Metrics>,
}

fn start() -> Run {
    let (secrets, told) = mpsc::channel(1);
    let (sender, batches) = mpsc::channel(1);
    let (states, shown) = watch::channel(Arc::from([]));
    let metrics = Arc::new(Metrics::new("test"));
    let source = RemoteClusters {
        clients: watch::channel(Arc::default()).0,
        own: "own".into(),
        namespace: "istio-system".into(),
        secrets: told,
        allowed: Allowed::default(),
        limits: Limits { rate: 0.0, burst: 0 },
        watches: kinds("", &Features::default()),
        revision: String::new(),
        audit: Duration::from_secs(600),
        timeout: TIMEOUT,
        mesh_config: watch::channel(Arc::default()).1,
        batches: sender,
        diagnostics: watch::channel(Arc::from([])).0,
        shown: states,
        metrics: metrics.clone(),
    };
    tokio::spawn(run(source));
    Run { secrets, batches, shown, metrics }
}

fn kinds(ignored: &str, features: &Features) -> Vec<crate::sources::kubernetes::Watched> {
    let mesh = ("istio-system".into(), "istio".into());
    watches(features, &Ignored::new(ignored, ""), "", &mesh)
}

fn secret(clusters: &[(&str, &str)]) -> Change {
    let mut meta = Meta { namespace: "istio-system".into(), name: "s".into(), ..Meta::default() };
    meta.labels.insert("istio/multiCluster".into(), "true".into());
    let data = clusters.iter().map(|(id, text)| ((*id).into(), text.as_bytes().into()));
    let data: BTreeMap<_, _> = data.collect();
    Change::Apply(Object::Secret(Arc::new(Secret { meta, data, ..Secret::default() })))
}

/// The kubeconfig of a server that nobody runs.
const NOWHERE: &str = "{current-context: c, contexts: [{name: c, context: {cluster: c}}], \
                       clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]}";

fn first(changes: Vec<Change>) -> Batch {
    Batch { changes, synced: true, remote: None }
}

#[tokio::test]
async fn without_clusters_nothing_is_waited_for() {
    let mut run = start();
    run.secrets.send(first(Vec::new())).await.unwrap();
    assert_eq!(run.batches.recv().await.unwrap(), first(Vec::new()));
}

#[tokio::test]
async fn a_cluster_out_of_reach_is_waited_for_only_so_long_and_leaves_nothing() {
    let mut run = start();
    let begun = Instant::now();
    run.secrets.send(first(vec![secret(&[("east", NOWHERE), ("bad", "")])])).await.unwrap();
    run.shown.changed().await.unwrap();
    assert_eq!(waiting(&run.shown.borrow()).len(), 1, "what is refused is not waited for");
    assert_eq!(run.batches.recv().await.unwrap(), first(Vec::new()));
    let waited = begun.elapsed();
    assert!(waited >= TIMEOUT, "{waited:?}");
    run.shown.changed().await.unwrap();
    let known = states(&run.shown.borrow());
    let known: Vec<_> = known.iter().map(|c| (&*c.id, c.sync, &c.phase)).collect();
    let expected = [
        ("bad", SyncStatus::Closed, &ClusterPhase::Refused),
        ("east", SyncStatus::Timeout, &ClusterPhase::Connecting),
    ];
    assert_eq!(known, expected);
    let text = run.metrics.render();
    for line in [
        "istiod_managed_clusters{cluster_type=\"remote\"} 1\n",
        "remote_cluster_sync_timeouts_total{cluster=\"east\"} 1\n",
        "istiod_remote_cluster_sync_status{cluster=\"east\",cluster_type=\"remote\",status=\"timeout\"} 1\n",
        "istiod_remote_cluster_sync_status{cluster=\"east\",cluster_type=\"remote\",status=\"syncing\"} 0\n",
        "remote_cluster_secret_events_total{event=\"add\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }

    let gone = Change::Remove(ObjectKey::new(Kind::Secret, "istio-system", "s"));
    run.secrets.send(Batch { changes: vec![gone], ..Batch::default() }).await.unwrap();
    let nothing = Remote { cluster: "east".into(), whole: true, trust_domain: None };
    let batch = run.batches.recv().await.unwrap();
    assert_eq!(batch, Batch { remote: Some(nothing), ..Batch::default() });
    run.shown.changed().await.unwrap();
    assert!(run.shown.borrow().is_empty());
    assert!(!run.metrics.render().contains("\"east\""));
}

#[test]
fn workload_entries_are_read_where_the_features_say_so() {
    let reads = |ignored: &str, features: &Features| {
        kinds(ignored, features).iter().any(|watched| watched.kind == Kind::WorkloadEntry)
    };
    let features = Features::default();
    assert!(reads("", &features) && !reads("*.istio.io", &features));
    assert!(!reads("", &Features { remote_workload_entries: false, ..features }));
    assert!(!reads("", &Features { select_workload_entries: false, ..features }));
    let mesh = kinds("", &features).into_iter().find(|watched| watched.kind == Kind::ConfigMap);
    assert!(mesh.unwrap().optional, "older accounts may not read it");
}
