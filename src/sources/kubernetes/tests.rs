use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::script::{Answer, Script, bookmark, expired};
use super::{AUDIT, KubernetesSource, Status, Watched, run};
use crate::api::{Batch, Change, Kind, MeshConfig};
use crate::metrics::Metrics;
use crate::sources::mesh::{Document, FromConfigMap, Layers};

const GATEWAYS: &str = "/apis/networking.istio.io/v1/gateways";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MAPS: &str = "/api/v1/namespaces/istio-system/configmaps";

struct Source {
    script: Script,
    batches: mpsc::Receiver<Batch>,
    status: watch::Receiver<Status>,
    mesh: watch::Receiver<Arc<MeshConfig>>,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

/// Follows namespaces, services, gateways and the mesh's ConfigMap.
fn start() -> Source {
    let script = Script::default();
    let (sender, batches) = mpsc::channel(8);
    let (status, receiver) = watch::channel(Status::default());
    let (layers, mesh) = Layers::new();
    let source = KubernetesSource {
        client: script.client(),
        cluster: "c".into(),
        watches: [Kind::Namespace, Kind::Service, Kind::Gateway].map(Watched::all).to_vec(),
        revision: String::new(),
        audit: AUDIT,
        batches: sender,
        diagnostics: watch::channel(Arc::from([])).0,
        mesh: vec![FromConfigMap::own(Document::Mesh, "istio-system", "", layers)],
        mesh_config: mesh.clone(),
        status,
        metrics: Arc::new(Metrics::new("test")),
    };
    Source { script, batches, status: receiver, mesh, task: tokio::spawn(run(source)) }
}

/// A streamed list that stays open.
fn list(objects: Vec<Value>) -> Answer {
    let added = |object: Value| json!({"type": "ADDED", "object": object});
    let mut events: Vec<Value> = objects.into_iter().map(added).collect();
    events.push(bookmark("100", true));
    Answer::Open(events)
}

fn named(name: &str, version: &str) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": version}})
}

fn service() -> Value {
    json!({
        "metadata": {"name": "s", "namespace": "shop", "resourceVersion": "3"},
        "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80}]},
    })
}

fn mesh_map(text: &str) -> Value {
    json!({
        "metadata": {"name": "istio", "namespace": "istio-system", "resourceVersion": "4"},
        "data": {"mesh": text},
    })
}

#[tokio::test]
async fn nothing_is_told_before_everything_is_read() {
    let mut source = start();
    let script = &source.script;
    script.add("/api/v1/namespaces", [list(vec![named("shop", "1")])]);
    script.add("/api/v1/services", [Answer::Refused(403, 0), list(vec![service()])]);
    script.add(GATEWAYS, [list(vec![])]);
    script.add(DEFINITIONS, [list(vec![named("gateways.networking.istio.io", "2")])]);
    source
        .status
        .wait_for(|status| {
            status.waiting
                == ["services (403 no)".to_owned(), "configmaps istio-system/istio".to_owned()]
        })
        .await
        .unwrap();
    assert!(source.batches.try_recv().is_err());
    script.add(MAPS, [list(vec![mesh_map("trustDomain: td")])]);
    let batch = source.batches.recv().await.unwrap();
    assert!(batch.synced);
    assert_eq!(batch.changes.len(), 3);
    assert_eq!(&*source.mesh.borrow().trust_domain, "td", "known when the objects are");
    assert!(source.status.borrow().synced);
}

#[tokio::test]
async fn a_resource_whose_definition_is_missing_holds_nothing_up() {
    let mut source = start();
    let script = &source.script;
    script.add("/api/v1/namespaces", [list(vec![])]);
    script.add("/api/v1/services", [list(vec![])]);
    script.add(MAPS, [list(vec![])]);
    script.add(GATEWAYS, [Answer::Refused(404, 0)]);
    source.status.wait_for(|status| status.waiting.len() == 1).await.unwrap();
    let waiting = source.status.borrow().waiting.clone();
    assert!(waiting[0].contains("whether it is defined is not known"), "{waiting:?}");
    script.add(DEFINITIONS, [Answer::Watch(vec![bookmark("100", true)])]);
    assert!(source.batches.recv().await.unwrap().synced);
    let gateway = json!({
        "metadata": {"name": "g", "namespace": "shop", "resourceVersion": "9"}, "spec": {},
    });
    script.add(GATEWAYS, [list(vec![gateway])]);
    let definition = named("gateways.networking.istio.io", "101");
    script.add(DEFINITIONS, [Answer::Open(vec![json!({"type": "ADDED", "object": definition})])]);
    let batch = source.batches.recv().await.unwrap();
    assert!(matches!(batch.changes.as_slice(), [Change::Apply(_)]), "{batch:?}");
}

#[tokio::test]
async fn a_mesh_configuration_that_is_wrong_from_the_beginning_is_fatal() {
    let source = start();
    let script = &source.script;
    script.add("/api/v1/namespaces", [list(vec![])]);
    script.add("/api/v1/services", [list(vec![])]);
    script.add(GATEWAYS, [list(vec![])]);
    script.add(DEFINITIONS, [list(vec![])]);
    script.add(MAPS, [list(vec![mesh_map("connectTimeout: nonsense")])]);
    let error = source.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("ConfigMap istio-system/istio"), "{error}");
}

#[tokio::test]
async fn what_is_lost_is_stale_and_stays() {
    let mut source = start();
    let script = &source.script;
    script.add("/api/v1/namespaces", [list(vec![named("shop", "1")])]);
    let end =
        Answer::Watch(vec![json!({"type": "ADDED", "object": service()}), bookmark("100", true)]);
    script.add("/api/v1/services", [end, Answer::Refused(503, 0)]);
    script.add(GATEWAYS, [list(vec![])]);
    script.add(DEFINITIONS, [list(vec![])]);
    script.add(MAPS, [list(vec![])]);
    assert!(source.batches.recv().await.unwrap().synced);
    source.status.wait_for(|status| status.stale.contains_key("services")).await.unwrap();
    assert!(source.status.borrow().synced, "what was read once stays in use");
    script.add("/api/v1/services", [Answer::Open(vec![])]);
    source.status.wait_for(|status| status.stale.is_empty()).await.unwrap();
    assert!(source.batches.try_recv().is_err(), "nothing changed");
}

#[tokio::test]
async fn what_is_defined_and_not_served_any_more_is_stale_until_it_is() {
    let mut source = start();
    let script = &source.script;
    let gateway = json!({
        "metadata": {"name": "g", "namespace": "shop", "resourceVersion": "9"}, "spec": {},
    });
    let added = json!({"type": "ADDED", "object": &gateway});
    // A new list is asked for some time later, when everything else was read.
    let read = Answer::Watch(vec![added, bookmark("100", true), expired()]);
    let unserved = Answer::Refused(404, 0);
    script.add("/api/v1/namespaces", [list(vec![])]);
    script.add("/api/v1/services", [list(vec![])]);
    script.add(GATEWAYS, [read, unserved.clone(), unserved, list(vec![gateway])]);
    script.add(DEFINITIONS, [list(vec![named("gateways.networking.istio.io", "2")])]);
    script.add(MAPS, [list(vec![])]);
    assert!(source.batches.recv().await.unwrap().synced);
    source.status.wait_for(|status| status.stale.len() == 1).await.unwrap();
    source.status.wait_for(|status| status.stale.is_empty()).await.unwrap();
    assert!(source.batches.try_recv().is_err(), "nothing changed");
}

#[tokio::test]
async fn namespaces_outside_the_mesh_are_left_out() {
    let mut source = start();
    let script = &source.script;
    script.add("/api/v1/namespaces", [list(vec![named("shop", "1")])]);
    script.add("/api/v1/services", [list(vec![service()])]);
    script.add(GATEWAYS, [list(vec![])]);
    script.add(DEFINITIONS, [list(vec![])]);
    let selectors = "discoverySelectors: [{matchLabels: {mesh: on}}]";
    script.add(MAPS, [list(vec![mesh_map(selectors)])]);
    let batch = source.batches.recv().await.unwrap();
    let last = batch.changes.iter().rev().find(|change| change.kind() == Kind::Service);
    assert!(matches!(last, Some(Change::Remove(_))), "{batch:?}");
}
