//! A writer against an API server that is a function.

use std::convert::Infallible;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::sync::mpsc;

use super::*;

/// An API server that keeps one object, answers patches with the codes it is told, and tells of each.
fn server(codes: &[u16]) -> (Client, mpsc::Receiver<Value>) {
    let (sender, patches) = mpsc::channel(100);
    let left = Arc::new(Mutex::new(codes.to_vec()));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (sender, left) = (sender.clone(), left.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let object = json!({
                "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
                "metadata": {"name": "api", "namespace": "shop", "resourceVersion": "7"},
                "status": {"addresses": [], "conditions": []},
            });
            let missing = head.uri.path().ends_with("/missing");
            let (code, answer) = if head.method == Method::GET && missing {
                (404, json!({"kind": "Status", "status": "Failure", "code": 404}))
            } else if head.method == Method::GET {
                (200, object)
            } else {
                let mut patch: Value = serde_json::from_slice(&body).unwrap();
                patch["method"] = head.method.as_str().into();
                patch["to"] = head.uri.to_string().into();
                sender.send(patch).await.unwrap();
                let mut left = left.lock().unwrap();
                match if left.is_empty() { 200 } else { left.remove(0) } {
                    200 => (200, object),
                    code => (code, json!({"kind": "Status", "status": "Failure", "code": code})),
                }
            };
            let body = Body::from(answer.to_string().into_bytes());
            Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    (Client::new(service, "default"), patches)
}

fn writer(client: Client) -> (Writer, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new("test"));
    let config = Config {
        name: "tester",
        workers: 2,
        pace: Arc::new(Pace::new(Duration::ZERO, 1)),
        metrics: metrics.clone(),
        count: |_, _| {},
        queue_metrics: true,
    };
    (Writer::new(config, client), metrics)
}

fn target(part: Part) -> Target {
    Target { key: ObjectKey::new(Kind::ServiceEntry, "shop", "api"), part }
}

fn count(metrics: &Metrics, result: &str) -> u64 {
    metrics.writes.with(&["ServiceEntry", result]).get()
}

async fn counted(metrics: &Metrics, result: &str) {
    while count(metrics, result) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_status_is_applied_as_the_managers_own_and_only_to_what_was_seen() {
    let (client, mut patches) = server(&[]);
    let (writer, metrics) = writer(client);
    let running = tokio::spawn(writer.clone().run());
    let status = json!({"addresses": [{"value": "240.240.0.1", "host": "api.test"}]});
    let edit = Edit::Status(status.clone());
    assert!(writer.submit(target(Part::Status), Arc::new(move |_| Some(edit.clone()))));
    let patch = patches.recv().await.unwrap();
    assert_eq!(patch["status"], status);
    assert_eq!(patch["metadata"], json!({"name": "api", "resourceVersion": "7"}));
    let to = patch["to"].as_str().unwrap();
    assert!(
        to.starts_with("/apis/networking.istio.io/v1/namespaces/shop/serviceentries/api/status")
    );
    assert!(to.contains("force=true") && to.contains("fieldManager=tester"), "{to}");
    counted(&metrics, "written").await;
    running.abort();
}

#[tokio::test]
async fn annotations_are_merged() {
    let (client, mut patches) = server(&[]);
    let (writer, _) = writer(client);
    let running = tokio::spawn(writer.clone().run());
    let edit = Edit::Annotations([("a", Some("1".to_owned())), ("b", None)].into());
    writer.submit(target(Part::Annotations), Arc::new(move |_| Some(edit.clone())));
    let patch = patches.recv().await.unwrap();
    let want = json!({"resourceVersion": "7", "annotations": {"a": "1", "b": null}});
    assert_eq!(patch["metadata"], want);
    running.abort();
}

#[tokio::test]
async fn where_nothing_differs_nothing_is_written() {
    let (client, mut patches) = server(&[]);
    let (writer, metrics) = writer(client);
    let running = tokio::spawn(writer.clone().run());
    writer.submit(target(Part::Status), Arc::new(|_| None));
    counted(&metrics, "unchanged").await;
    assert!(patches.try_recv().is_err());
    running.abort();
}

#[tokio::test]
async fn a_conflict_asks_again_what_the_object_should_say() {
    let (client, mut patches) = server(&[409]);
    let (writer, metrics) = writer(client);
    let running = tokio::spawn(writer.clone().run());
    writer.submit(target(Part::Status), Arc::new(|_| Some(Edit::Status(json!({})))));
    patches.recv().await.unwrap();
    patches.recv().await.unwrap();
    counted(&metrics, "written").await;
    assert_eq!(count(&metrics, "retried"), 1);
    running.abort();
}

#[tokio::test]
async fn what_may_not_be_written_is_given_up() {
    for code in [403, 404, 422] {
        let (client, mut patches) = server(&[code]);
        let (writer, metrics) = writer(client);
        let running = tokio::spawn(writer.clone().run());
        writer.submit(target(Part::Status), Arc::new(|_| Some(Edit::Status(json!({})))));
        counted(&metrics, "refused").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(patches.recv().await.is_some() && patches.try_recv().is_err(), "{code}");
        assert_eq!(writer.queue().len(), 0);
        running.abort();
    }
}

#[tokio::test]
async fn what_is_not_there_is_made_where_that_is_wanted() {
    let (client, mut writes) = server(&[]);
    let (writer, metrics) = writer(client);
    let running = tokio::spawn(writer.clone().run());
    let key = ObjectKey::new(Kind::ServiceEntry, "shop", "missing");
    let target = Target { key, part: Part::Annotations };
    let decide: Decide = Arc::new(|_| Some(Edit::Delete));
    assert!(writer.submit(target.clone(), decide.clone()));
    counted(&metrics, "refused").await;
    assert!(writes.try_recv().is_err(), "nobody asked for it");
    let object = || json!({"metadata": {"name": "missing", "namespace": "shop"}, "spec": {"a": 1}});
    assert!(writer.submit_or_make(target, decide, Some(Arc::new(object))));
    let made = writes.recv().await.unwrap();
    assert_eq!((&made["method"], &made["spec"]), (&json!("POST"), &json!({"a": 1})));
    running.abort();
}

#[tokio::test]
async fn only_what_was_looked_at_is_deleted() {
    let (client, mut writes) = server(&[]);
    let (writer, _) = writer(client);
    let running = tokio::spawn(writer.clone().run());
    writer.submit(target(Part::Status), Arc::new(|_| Some(Edit::Delete)));
    let deleted = writes.recv().await.unwrap();
    assert_eq!(deleted["method"], "DELETE");
    assert_eq!(deleted["preconditions"]["resourceVersion"], "7");
    running.abort();
}
