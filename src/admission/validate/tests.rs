use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::*;
use crate::admission::{Reviews, Webhooks, Workers, router};

/// The status and the answer to a body of this type.
async fn asked(metrics: &Arc<Metrics>, kind: &str, body: String) -> (u16, Json) {
    let validation = Validation::new(Validator::new(metrics.clone()), metrics.clone());
    let webhooks = Webhooks { inject: None, validate: Some(Arc::new(validation)) };
    let router = router(Reviews::new(webhooks, Workers::start(1).unwrap()));
    let request = Request::post("/validate?timeout=10s").header("content-type", kind);
    let response = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn objects_are_judged_over_http() {
    let metrics = Arc::new(Metrics::new("test"));
    for (version, host, allowed) in [("v1", "a.b", true), ("v1beta1", "", false)] {
        let body = json!({"apiVersion": format!("admission.k8s.io/{version}"), "kind": "AdmissionReview",
            "request": {"uid": "u", "operation": "CREATE", "namespace": "n",
                "resource": {"group": "networking.istio.io", "version": "v1", "resource": "destinationrules"},
                "object": {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
                    "metadata": {"name": "a"}, "spec": {"host": host, "hosts": []}}}});
        let (status, answer) = asked(&metrics, "application/json", body.to_string()).await;
        assert_eq!(status, 200);
        assert_eq!(answer["apiVersion"], format!("admission.k8s.io/{version}"));
        let response = &answer["response"];
        assert_eq!((&response["uid"], &response["allowed"]), (&json!("u"), &json!(allowed)));
        match allowed {
            true => assert!(response["warnings"][0].as_str().unwrap().starts_with("spec.hosts: ")),
            false => {
                let message = response["status"]["message"].as_str().unwrap();
                assert!(message.starts_with("configuration is invalid: spec.host: "), "{message}");
            }
        }
    }
    let labels = ["networking.istio.io", "destinationrules", "v1"];
    assert_eq!(metrics.validation_passed.with(&labels).get(), 1);
}

#[tokio::test]
async fn what_is_no_request_for_validation_is_counted_by_its_status() {
    let metrics = Arc::new(Metrics::new("test"));
    assert_eq!(asked(&metrics, "text/plain", "{}".to_owned()).await.0, 415);
    assert_eq!(asked(&metrics, "application/json", String::new()).await.0, 400);
    for status in ["415", "400"] {
        assert_eq!(metrics.validation_http_error.with(&[status]).get(), 1, "{status}");
    }
}
