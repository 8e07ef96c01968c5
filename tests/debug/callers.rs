//! Callers from elsewhere: recognised by what they present, and served by the namespace of their identity.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use istiod::authn::local::TokenKey;
use istiod::authn::{Authenticator, Methods};
use istiod::debug::{self, Access};
use istiod::translate::ResourceType;
use jiff::Timestamp;
use tower::ServiceExt as _;

use super::world::{Running, World, node};

const AUDIENCE: &str = "istio-ca";

fn key() -> TokenKey {
    TokenKey::new(&"k".repeat(64)).unwrap()
}

fn token(namespace: &str, audience: &str) -> String {
    key().token(namespace, "default", audience, Timestamp::now().as_second() + 60)
}

/// A proxy in each of two namespaces, and nobody who asks by namespace unless `by_namespace`.
fn running(by_namespace: bool) -> (Running, Router) {
    let nodes = [node("cart-1", "shop", "10.1.0.5"), node("till-1", "bank", "10.1.0.6")];
    let mut running = World::read(&[], &nodes).run(&[ResourceType::Cluster]);
    let authenticator = Authenticator::new(Methods {
        local: Some(key()),
        audiences: vec![AUDIENCE.to_owned()],
        ..Methods::default()
    });
    let namespaces = ["istiod", "ops"].map(Into::into).into();
    running.state.access = Access { authenticator, by_namespace, namespaces };
    let router = debug::debug_routes(running.state.clone());
    (running, router)
}

async fn ask(router: &Router, path: &str, token: Option<&str>) -> (u16, String) {
    let peer: SocketAddr = "10.1.2.3:40000".parse().unwrap();
    let mut request = Request::get(path).extension(ConnectInfo(peer));
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_namespace_of_a_caller_decides_what_it_may_ask() {
    let (_running, router) = running(true);
    let own = "/debug/config_dump?proxyID=cart-1.shop";
    let foreign = "/debug/config_dump?proxyID=till-1.bank";
    for (namespace, path, want) in [
        // The root namespace of the mesh, that of the control plane, and one that is named.
        ("istio-system", "/debug/syncz", 200),
        ("istio-system", foreign, 200),
        ("istiod", "/debug/registryz", 200),
        ("ops", "/debug/syncz", 200),
        ("ops", foreign, 200),
        // All others: what their own proxies are served.
        ("shop", own, 200),
        ("shop", "/debug/edsz?proxyID=cart-1.shop", 200),
        ("shop", "/debug/ndsz?proxyID=cart-1.shop", 200),
        ("shop", "/debug/ecdsz?proxyID=cart-1.shop", 403),
        ("shop", foreign, 404),
        ("shop", "/debug/edsz?proxyID=till-1.bank-2", 404),
        ("shop", "/debug/syncz", 403),
        ("shop", "/debug/list", 403),
        ("shop", "/debug/nothing", 403),
        ("shop", "/debug", 403),
    ] {
        let (status, body) = ask(&router, path, Some(&token(namespace, AUDIENCE))).await;
        assert_eq!(status, want, "{namespace} {path}: {body}");
        assert_eq!(status == 403, body.is_empty(), "{namespace} {path}: {body}");
    }
    let text =
        "Proxy not connected to this Pilot instance. It may be connected to another instance.\n";
    assert_eq!(ask(&router, foreign, Some(&token("shop", AUDIENCE))).await.1, text);
}

#[tokio::test]
async fn without_rules_for_namespaces_whoever_is_recognised_may_ask_for_everything() {
    let (_running, router) = running(false);
    for path in ["/debug/syncz", "/debug/config_dump?proxyID=till-1.bank"] {
        assert_eq!(ask(&router, path, Some(&token("shop", AUDIENCE))).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn who_is_not_recognised_gets_a_status_and_no_body() {
    let (_running, router) = running(false);
    let foreign = token("shop", "another-audience");
    for token in [None, Some("nonsense"), Some(foreign.as_str())] {
        assert_eq!(ask(&router, "/debug/syncz", token).await, (401, String::new()));
    }
}
