use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use super::*;
use crate::agent::probe::tests::application;

fn read(text: &str) -> anyhow::Result<AppProbes> {
    AppProbes::read(text, "127.0.0.1", 15020)
}

async fn ask(router: &Router, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn probes_are_answered_in_the_applications_place() {
    let port = application().await;
    let get = |path: &str| json!({"httpGet": {"path": path, "port": port}, "timeoutSeconds": 10});
    let text = json!({
        "/app-health/web/readyz": get("/echo"),
        "/app-health/web/livez": get("/bad"),
        "/app-health/web/startupz": get("/away"),
        "/app-health/db/livez": {"tcpSocket": {"port": port}},
        "/app-health/db/readyz": {"tcpSocket": {"port": 1}},
        "/app-health/rpc/livez": {"grpc": {"port": port, "service": null}},
        "/app-lifecycle/web/prestopz": get("echo"),
    });
    let router: Router = read(&text.to_string()).unwrap().router();
    let kubelet = [("host", "10.0.0.1:15020"), ("user-agent", "kube-probe/1.33"), ("a", "b")];
    let echo = format!("/echo host=10.0.0.1:{port} agent=kube-probe/1.33 a=b");
    for (path, status, body) in [
        ("/app-health/web/readyz", 200, &*echo),
        ("/app-health/web/livez", 503, "not yet"),
        ("/app-health/web/startupz", 200, ""),
        ("/app-health/db/livez", 200, ""),
        ("/app-health/db/readyz", 500, ""),
        ("/app-health/rpc/livez", 200, ""),
        ("/app-lifecycle/web/prestopz", 200, &*echo),
        (
            "/app-health/other/livez",
            400,
            "app prober config does not exists for /app-health/other/livez",
        ),
    ] {
        assert_eq!(ask(&router, path, &kubelet).await, (status, body.to_owned()), "{path}");
    }
}

#[test]
fn mistakes_are_named() {
    assert_eq!(read("").unwrap(), AppProbes::default());
    let probe = |path: &str, probe: Value| json!({ path: probe }).to_string();
    let good = json!({"tcpSocket": {"port": 1}});
    for (text, want) in [
        ("{".to_owned(), "ISTIO_KUBE_APP_PROBERS"),
        (probe("/app-health/web/other", good.clone()), "no path of a probe"),
        (probe("/app-health//livez", good.clone()), "no path of a probe"),
        (probe("/other/web/livez", good), "no path of a probe"),
        (probe("/app-health/web/livez", json!({})), "one of httpGet"),
        (
            probe("/app-health/web/livez", json!({"tcpSocket": {"port": "http"}})),
            "a number is needed as port",
        ),
    ] {
        let error = format!("{:#}", read(&text).unwrap_err());
        assert!(error.contains(want), "{text}: {error}");
    }
}
