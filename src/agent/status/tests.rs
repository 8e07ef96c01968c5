use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

use super::{Status, Targets, no_certificate, not_ready};
use crate::agent::admin::Local;
use crate::agent::app_probes::AppProbes;
use crate::agent::envoy::Order;
use crate::agent::keys::PrivateKey;
use crate::agent::material::tests::Ca;
use crate::agent::material::{Identity, Roots};
use crate::agent::renewal::{Issued, State};

const READY: &str = "cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_success: 2\n\
                     listener_manager.workers_started: 1\nserver.state: 0\n";

#[test]
fn readiness_is_what_envoys_statistics_say() {
    let check = |stats: &str, want: Option<&str>| {
        let obstacle = not_ready(stats);
        match want {
            None => assert_eq!(obstacle, None, "{stats}"),
            Some(part) => assert!(obstacle.unwrap().contains(part), "{stats}"),
        }
    };
    check(READY, None);
    check("", Some("no configuration yet"));
    check("cluster_manager.cds.update_success: 1\n", Some("not complete"));
    check(
        "cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_rejected: 1\n",
        Some("refused"),
    );
    check(&READY.replace("server.state: 0", "server.state: 2"), Some("not live"));
    check(&READY.replace("started: 1", "started: 0"), Some("workers"));
}

#[test]
fn a_certificate_that_has_ended_is_in_the_way() {
    let ca = Ca::new();
    let (chain, key) = ca.certify("a");
    let key = PrivateKey::new(key.into_bytes());
    let identity = Identity::new(chain.into_bytes(), key).unwrap();
    let end = identity.not_after;
    let roots = Roots::new(ca.root.as_bytes()).unwrap();
    let mut state = State { error: Some("away".into()), ..State::default() };
    let none = no_certificate(&state, SystemTime::now()).unwrap();
    assert!(none.contains("no certificate yet") && none.contains("away"), "{none}");
    state.issued = Some(Arc::new(Issued { identity, roots }));
    assert_eq!(no_certificate(&state, SystemTime::now()), None, "the CA is away, and that is all");
    assert!(no_certificate(&state, end).unwrap().contains("has ended"));
}

struct Setup {
    router: Router,
    orders: mpsc::Receiver<Order>,
    stopping: watch::Sender<bool>,
}

/// A status port before an Envoy that answers like this.
async fn setup(stats: &'static str) -> Setup {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let envoy = Router::new()
        .route("/stats", get(move || async move { stats }))
        .route("/stats/prometheus", get(|| async { "envoy_metric 1\n" }));
    tokio::spawn(async { axum::serve(listener, envoy).await });
    let (sender, orders) = mpsc::channel(1);
    let (stopping, is_stopping) = watch::channel(false);
    let (_, state) = watch::channel(State { requests: 3, ..State::default() });
    let status = Status {
        envoy: Some(Local { port }),
        certificate: None,
        targets: Targets::read(true, "", 15020).unwrap(),
        loopback_only: true,
        orders: sender,
        stopping: is_stopping,
        ready_once: AtomicBool::new(false),
        probes: AppProbes::default(),
    };
    let status = match stats {
        READY => status,
        _ => Status { certificate: Some(state), ..status },
    };
    Setup { router: status.router(), orders, stopping }
}

impl Setup {
    async fn ask(&self, method: &str, path: &str, peer: &str) -> (StatusCode, String) {
        let peer: SocketAddr = peer.parse().unwrap();
        let mut request = Request::builder().method(method).uri(path);
        request.extensions_mut().unwrap().insert(ConnectInfo(peer));
        let request = request.body(Empty::<bytes::Bytes>::new().map_err(|e| match e {}));
        let request = request.unwrap().map(axum::body::Body::new);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

const OWN: &str = "127.0.0.1:1";
const OTHER: &str = "10.0.0.1:1";

#[tokio::test]
async fn an_envoy_that_is_ready_stays_so_until_the_end() {
    let setup = setup(READY).await;
    assert_eq!(setup.ask("GET", "/healthz/ready", OTHER).await.0, StatusCode::OK);
    setup.stopping.send_replace(true);
    let (status, text) = setup.ask("GET", "/healthz/ready", OTHER).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("about to end"), "{text}");
}

#[tokio::test]
async fn metrics_are_put_together() {
    let setup = setup("").await;
    let (status, text) = setup.ask("GET", "/stats/prometheus", OWN).await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        "envoy_metric 1",
        "istio_agent_num_outgoing_requests{request_type=\"csr\"} 3",
        "istio_agent_scrape_failures_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert_eq!(setup.ask("GET", "/metrics", OTHER).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn orders_come_from_loopback() {
    let mut setup = setup(READY).await;
    assert_eq!(setup.ask("POST", "/quitquitquit", OTHER).await.0, StatusCode::FORBIDDEN);
    assert_eq!(setup.ask("GET", "/drain", OWN).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(setup.ask("POST", "/drain", "[::ffff:127.0.0.1]:1").await.0, StatusCode::OK);
    assert_eq!(setup.orders.recv().await, Some(Order::Drain));
    assert_eq!(setup.ask("POST", "/quitquitquit", OWN).await.0, StatusCode::OK);
    assert_eq!(setup.orders.recv().await, Some(Order::Quit));
}
