use std::sync::Mutex;

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::*;

/// Refuses, panics or answers as the object says, and notes paths and endings.
#[derive(Default)]
struct Echo {
    paths: Mutex<Vec<String>>,
    ended: Mutex<Vec<String>>,
}

impl Webhook for Echo {
    fn review(&self, review: &Review, path: &str) -> Result<Answer, Unavailable> {
        self.paths.lock().unwrap().push(path.to_owned());
        match review.object.as_str() {
            Some("panic") => panic!("the object asked for it"),
            Some("nobody") => Err(Unavailable("nobody is there".into())),
            Some(refused) => Ok(Answer { refused: Some(refused.to_owned()), ..Answer::default() }),
            None => Ok(Answer { patch: Some(Vec::new()), ..Answer::default() }),
        }
    }

    fn answered(&self, ended: Ended<'_>, _: Duration) {
        let text = match ended {
            Ended::Answered(answer) => answer.refused.clone().unwrap_or("allowed".into()),
            Ended::Refused(status, _) => status.as_u16().to_string(),
        };
        self.ended.lock().unwrap().push(text);
    }
}

fn request(method: &str, uri: &str, kind: &str, body: impl Into<Body>) -> Request {
    let request = axum::http::Request::builder().method(method).uri(uri);
    request.header("content-type", kind).body(body.into()).unwrap()
}

fn review(version: &str, object: Json) -> String {
    let request = json!({"uid": "u-1", "namespace": "shop", "object": object});
    json!({"apiVersion": version, "kind": "AdmissionReview", "request": request}).to_string()
}

/// The status and the body of the answer.
async fn asked(echo: &Arc<Echo>, request: Request) -> (u16, String) {
    let webhooks = Webhooks { inject: Some(echo.clone()), validate: None };
    let router = router(Reviews::new(webhooks, Workers::start(1).unwrap()));
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn what_is_no_review_gets_the_status_and_text_of_istiod() {
    let echo = Arc::new(Echo::default());
    let json = "application/json";
    let whole = review("admission.k8s.io/v1", json!({}));
    for (method, uri, kind, body, status, text) in [
        ("POST", "/inject", json, "", 400, "no body found\n"),
        ("POST", "/inject", "text/plain", "", 400, "no body found\n"),
        (
            "POST",
            "/inject",
            "text/plain",
            whole.as_str(),
            415,
            "invalid Content-Type, want `application/json`\n",
        ),
        ("GET", "/inject", json, "", 405, "an AdmissionReview is sent with POST\n"),
        ("POST", "/validate", json, whole.as_str(), 404, ""),
        ("POST", "/injected", json, whole.as_str(), 404, ""),
    ] {
        let got = asked(&echo, request(method, uri, kind, body.to_owned())).await;
        assert_eq!(got, (status, text.to_owned()), "{method} {uri} {kind}");
    }
    let nobody = review("admission.k8s.io/v1", json!("nobody"));
    let got = asked(&echo, request("POST", "/inject", json, nobody)).await;
    assert_eq!(got, (404, "nobody is there\n".into()));
    assert_eq!(*echo.ended.lock().unwrap(), ["400", "400", "415", "405", "404"]);
}

#[tokio::test]
async fn reviews_are_answered_in_their_version_under_their_uid() {
    let echo = Arc::new(Echo::default());
    for version in ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"] {
        let body = review(version, json!({}));
        let (status, text) =
            asked(&echo, request("POST", "/inject", "application/json", body)).await;
        assert_eq!(status, 200);
        let answer: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["apiVersion"], version);
        let want =
            json!({"uid": "u-1", "allowed": true, "patch": "W10=", "patchType": "JSONPatch"});
        assert_eq!(answer["response"], want);
    }
}

#[tokio::test]
async fn faults_and_what_cannot_be_read_are_answers_that_refuse() {
    let echo = Arc::new(Echo::default());
    let deep = "[".repeat(100_000);
    let deep = review("admission.k8s.io/v1", json!("@")).replace("\"@\"", &deep);
    for (body, uid, fact) in [
        (review("admission.k8s.io/v1", json!("panic")), "u-1", "the object asked for it"),
        (review("admission.k8s.io/v2", json!({})), "", "AdmissionReview of admission.k8s.io/v2"),
        ("{".into(), "", "EOF"),
        (deep, "", "recursion limit"),
    ] {
        let (status, text) =
            asked(&echo, request("POST", "/inject", "application/json", body)).await;
        assert_eq!(status, 200, "{text}");
        let answer: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["response"]["uid"], uid);
        assert_eq!(answer["response"]["allowed"], false);
        let said = answer["response"]["status"]["message"].as_str().unwrap();
        assert!(said.contains(fact), "{said}");
    }
    assert_eq!(echo.ended.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn the_path_is_given_as_decoded() {
    let echo = Arc::new(Echo::default());
    for uri in ["/inject/", "/inject/cluster/c1/net/n%201", "/inject/:ENV:net=a--slash--b"] {
        let body = review("admission.k8s.io/v1", json!({}));
        let uri = format!("{uri}?timeout=10s");
        assert_eq!(asked(&echo, request("POST", &uri, "application/json", body)).await.0, 200);
    }
    let paths = echo.paths.lock().unwrap().clone();
    assert_eq!(paths, ["/inject", "/inject/cluster/c1/net/n 1", "/inject/:ENV:net=a--slash--b"]);
}

#[test]
fn the_api_server_says_how_long_it_waits() {
    for (query, seconds) in
        [("", 30), ("?timeout=10s", 10), ("?a=b&timeout=2s", 2), ("?timeout=1h", 30)]
    {
        let uri: Uri = format!("/inject{query}").parse().unwrap();
        assert_eq!(waits(&uri), Duration::from_secs(seconds), "{query}");
    }
}
