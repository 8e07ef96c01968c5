use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const WITHIN: Duration = Duration::from_secs(10);

/// An application.
pub async fn application() -> u16 {
    let echo = |request: Request| async move {
        let text = |name: &str| {
            let value = request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            value.unwrap_or_default()
        };
        format!(
            "{} host={} agent={} a={}",
            request.uri(),
            text("host"),
            text("user-agent"),
            text("a")
        )
    };
    let to = |place: &'static str| {
        get(move || async move { (StatusCode::FOUND, [(LOCATION, place)]).into_response() })
    };
    let health = any(|| async {
        let frame: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
        ([("content-type", "application/grpc"), ("grpc-status", "0")], frame).into_response()
    });
    let router = Router::new()
        .route("/echo", get(echo))
        .route("/bad", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "not yet") }))
        .route("/moved", to("/echo"))
        .route("/worse", to("/bad"))
        .route("/away", to("http://elsewhere.test/"))
        .route("/round", to("/round"))
        .route("/grpc.health.v1.Health/Check", health);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

/// What a probe of these words says of the application at `port`, which stands for PORT.
async fn looked(port: u16, probe: Value) -> Result<(), String> {
    let text = probe.to_string().replace("\"PORT\"", &port.to_string());
    let probe: ReadinessProbe = serde_json::from_str(&text).unwrap();
    Check::read(&probe, "127.0.0.1").unwrap().look(WITHIN).await
}

#[tokio::test]
async fn each_kind_of_probe_says_what_is_wrong() {
    let port = application().await;
    let http = |path: &str| json!({"httpGet": {"path": path, "port": "PORT"}});
    for (probe, want) in [
        (http("/echo"), None),
        (http("echo"), None),
        (http("/bad"), Some("status 503")),
        (http("/nothing"), Some("status 404")),
        (http("/moved"), None),
        (http("/worse"), Some("status 503")),
        (http("/away"), None),
        (http("/round"), Some("redirects")),
        (json!({"httpGet": {"path": "/", "port": "PORT", "scheme": "HTTPS"}}), Some("TLS")),
        (json!({"tcpSocket": {"port": "PORT"}}), None),
        (json!({"tcpSocket": {"port": "PORT", "host": "127.0.0.1"}}), None),
        (json!({"tcpSocket": {"port": 1}}), Some("refused")),
        (json!({"grpc": {"port": "PORT", "service": "a"}}), None),
        (json!({"exec": {"command": ["true"]}}), None),
        (json!({"exec": {"command": ["sh", "-c", "exit 3"]}}), Some("exit status: 3")),
        (json!({"exec": {"command": ["/no/such/program"]}}), Some("No such file")),
    ] {
        let got = looked(port, probe.clone()).await;
        match want {
            None => assert_eq!(got, Ok(()), "{probe}"),
            Some(want) => {
                let why = got.expect_err(&probe.to_string());
                assert!(why.contains(want), "{probe}: {why}");
            }
        }
    }
}

#[tokio::test]
async fn a_command_does_not_outlive_its_time() {
    let started = std::time::Instant::now();
    let check = Check::Exec(["sleep", "60"].map(str::to_owned).to_vec());
    let why = check.look(Duration::from_millis(100)).await.unwrap_err();
    assert!(why.contains("within 100ms"), "{why}");
    assert!(started.elapsed() < WITHIN);
}

#[tokio::test]
async fn a_request_says_who_asks_for_whom() {
    let port = application().await;
    let probe = json!({"httpGet": {"path": "/echo?b=c", "port": port, "httpHeaders": [
        {"name": "A", "value": "1"}, {"name": "Host", "value": "shop.test"},
    ]}});
    let probe: ReadinessProbe = serde_json::from_value(probe).unwrap();
    let Some(Check::Http(check)) = Check::read(&probe, "127.0.0.1") else { panic!("a request") };
    let body = check.get().await.unwrap().body;
    assert_eq!(&*body, b"/echo?b=c host=shop.test agent=istio-probe/1.0 a=1");
}

#[test]
fn a_probe_that_says_nothing_is_none() {
    for probe in [json!({}), json!({"httpGet": {"port": 70000}}), json!({"periodSeconds": 3})] {
        let probe: ReadinessProbe = serde_json::from_value(probe).unwrap();
        assert_eq!(Check::read(&probe, "h"), None);
    }
}
