use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use kube::client::Body;

use super::*;

/// An API server that has one bundle at most, and tells who follows it of nothing.
#[derive(Clone, Default)]
struct Server {
    state: Arc<Mutex<(Option<Value>, Vec<String>)>>,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if parts.uri.query().is_some_and(|query| query.contains("watch=")) {
            let nothing = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
            return Response::new(StreamBody::new(nothing).boxed_unsync());
        }
        let (bundle, writes) = &mut *self.state.lock().unwrap();
        let said = match parts.method {
            Method::GET => {
                let kind = "ClusterTrustBundleList";
                let meta = json!({ "resourceVersion": "1" });
                let items: Vec<_> = bundle.iter().collect();
                json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": meta, "items": items })
            }
            method => {
                let change: Value = serde_json::from_slice(&body).unwrap();
                let roots = change["spec"]["trustBundle"].as_str().unwrap();
                writes.push(format!("{method} {roots}"));
                let made = bundle.get_or_insert(change.clone());
                made["spec"]["trustBundle"] = roots.into();
                made.clone()
            }
        };
        Response::new(Full::new(said.to_string().into()).boxed_unsync())
    }

    async fn until(&self, want: &[&str]) {
        let begun = Instant::now();
        while self.state.lock().unwrap().1 != want {
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", self.state.lock().unwrap().1);
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn it_is_made_kept_up_to_date_and_not_written_where_it_is_right() {
    let server = Server::default();
    let (roots, told) = watch::channel(None);
    let pace = || Arc::new(Pace::new(Duration::ZERO, 10));
    let first = tokio::spawn(run(server.client(), told.clone(), pace()));
    sleep(Duration::from_millis(50)).await;
    server.until(&[]).await;
    roots.send_replace(Some("a".into()));
    server.until(&["POST a"]).await;
    let made = server.state.lock().unwrap().0.clone().unwrap();
    assert_eq!(made["metadata"]["name"], NAME);
    assert_eq!(made["spec"]["signerName"], SIGNER);
    roots.send_replace(Some("b".into()));
    server.until(&["POST a", "PATCH b"]).await;
    // Who leads next finds it as it should be, and writes nothing until that changes.
    first.abort();
    tokio::spawn(run(server.client(), told, pace()));
    sleep(Duration::from_millis(50)).await;
    server.until(&["POST a", "PATCH b"]).await;
    roots.send_replace(Some("c".into()));
    server.until(&["POST a", "PATCH b", "PATCH c"]).await;
}
