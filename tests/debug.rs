//! The HTTP endpoints: who may ask, which status they answer with, and the JSON that they show.
//!
//! `tests/golden/debug/input.yaml` with one connected proxy gives the goldens beside it; `UPDATE=1` rewrites
//! them. `recorded` compares with what the reference answered on its own scenarios.

mod callers;
mod inquiries;
mod recorded;
mod secrets;
mod world;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use istiod::api::{Code, Diagnostic, Location, Severity};
use istiod::debug::{self, Probe, State};
use istiod::translate::ResourceType;
use serde_json::json;
use tokio::sync::watch;
use tower::ServiceExt as _;

use self::world::{Running, World, node};

const LOOPBACK: &str = "127.0.0.1:40000";
const ELSEWHERE: &str = "10.1.2.3:40000";

/// An answer: status, content type, body.
struct Answer(StatusCode, String, String);

async fn ask(router: &Router, path: &str, peer: &str) -> Answer {
    let peer: SocketAddr = peer.parse().unwrap();
    let request =
        Request::get(path).extension(ConnectInfo(peer)).body(Body::empty()).expect("a request");
    let response = router.clone().oneshot(request).await.expect("an answer");
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer(status, kind, String::from_utf8(body.to_vec()).unwrap())
}

fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/debug")
}

/// The world of the goldens: input.yaml, and one proxy in it.
fn shop() -> Running {
    let node = node("cart-1", "shop", "10.1.0.5");
    let route = json!({ "cluster": "outbound|80||cart" });
    let world = World::read(&[golden_dir().join("input.yaml")], &[node]).serving(&[
        (ResourceType::Cluster, "b", json!({ "name": "b", "connect_timeout": "10s" })),
        (ResourceType::Cluster, "a", json!({ "name": "a", "lb_policy": "RANDOM" })),
        (ResourceType::Endpoint, "a", json!({ "cluster_name": "a" })),
        (ResourceType::Listener, "0.0.0.0_80", json!({ "name": "0.0.0.0_80" })),
        (
            ResourceType::Route,
            "80",
            json!({ "name": "80", "virtual_hosts": [{ "routes": [{ "route": route }] }] }),
        ),
        (
            ResourceType::NameTable,
            "name_table",
            json!({ "table": { "cart": { "ips": ["10.96.0.7"] } } }),
        ),
    ]);
    world.run(&[
        ResourceType::Cluster,
        ResourceType::Endpoint,
        ResourceType::Listener,
        ResourceType::Route,
        ResourceType::NameTable,
    ])
}

#[tokio::test]
async fn answers_are_the_goldens() {
    let shop = shop();
    let router = debug::debug_routes(shop.state.clone());
    for endpoint in [
        "adsz",
        "clusterz",
        "configz",
        "connections",
        "diagnostics",
        "endpointz",
        "endpointShardz",
        "instancesz",
        "list",
        "mesh",
        "networkz",
        "push_status",
        "registryz",
        "syncz",
    ] {
        check_golden(&router, endpoint, &format!("/debug/{endpoint}?pretty")).await;
    }
    for (name, parameters) in [
        ("config_dump", ""),
        ("config_dump_eds", "&include_eds"),
        ("config_dump_types", "&types=nds,eds"),
    ] {
        let path = format!("/debug/config_dump?pretty&proxyID=cart-1.shop{parameters}");
        check_golden(&router, name, &path).await;
    }
    for endpoint in ["edsz", "ndsz", "ecdsz"] {
        let path = format!("/debug/{endpoint}?pretty&proxyID=cart-1.shop");
        check_golden(&router, endpoint, &path).await;
    }
}

async fn check_golden(router: &Router, name: &str, path: &str) {
    let Answer(status, kind, body) = ask(router, path, LOOPBACK).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/json"), "{path}");
    let body: String = body.lines().map(without_time).collect();
    let file = golden_dir().join(format!("{name}.json"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, body).unwrap();
        return;
    }
    let want = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(want == body, "{path} differs from {}:\n{body}", file.display());
}

/// A line whose time, when it tells that of this run, is the word TIME.
fn without_time(line: &str) -> String {
    let field = ["\"connectedAt\": \"", "\"sentTime\": \""].into_iter().find(|f| line.contains(f));
    let Some((before, rest)) = field.and_then(|field| line.split_once(field)) else {
        return format!("{line}\n");
    };
    let (time, after) = rest.split_once('"').unwrap();
    time.parse::<jiff::Timestamp>().unwrap();
    format!("{before}{}TIME\"{after}\n", field.unwrap())
}

#[tokio::test]
async fn json_is_indented_on_request_only() {
    let shop = shop();
    let router = debug::debug_routes(shop.state.clone());
    let Answer(_, _, body) = ask(&router, "/debug/list", LOOPBACK).await;
    assert!(body.starts_with("[\"adsz\",\"clusterz\","), "{body}");
}

#[tokio::test]
async fn strangers_are_told_nothing() {
    let shop = shop();
    let state = State { metrics_loopback_only: true, ..shop.state.clone() };
    let router = debug::ready_routes(state.clone())
        .merge(debug::debug_routes(state.clone()))
        .merge(debug::metrics_routes(state));
    for (path, elsewhere) in [
        ("/ready", 200),
        ("/debug", 401),
        ("/debug/registryz", 401),
        ("/debug/config_dump?proxyID=cart-1.shop", 401),
        ("/debug/syncz", 401),
        ("/metrics", 403),
        ("/version", 200),
    ] {
        let Answer(status, _, _) = ask(&router, path, LOOPBACK).await;
        assert_eq!(status, StatusCode::OK, "{path} from loopback");
        let Answer(status, _, body) = ask(&router, path, ELSEWHERE).await;
        assert_eq!(status.as_u16(), elsewhere, "{path} from elsewhere");
        assert!(status.is_success() || body.is_empty(), "{path} tells {body:?}");
    }
}

#[tokio::test]
async fn a_request_without_a_peer_is_not_from_loopback() {
    let shop = shop();
    let router = debug::debug_routes(shop.state.clone());
    let request = Request::get("/debug/list").body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn metrics_are_for_everybody_by_default() {
    let shop = shop();
    let router = debug::metrics_routes(shop.state.clone());
    let Answer(status, kind, body) = ask(&router, "/metrics", ELSEWHERE).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert!(body.contains("\nistio_build{component=\"pilot\",tag=\"1.30.3\"} 1\n"), "{body}");
    // The port of cart is served, by one of its two endpoints; an ExternalName and a headless service have no
    // cluster that asks for endpoints.
    assert!(body.contains("\npilot_eds_no_instances 0\n"), "{body}");
    assert!(body.contains("\npilot_endpoint_not_ready 1\n"), "{body}");
    assert!(body.contains("\nistiod_diagnostics{severity=\"error\"} 0\n"), "{body}");
    let Answer(_, kind, body) = ask(&router, "/version", ELSEWHERE).await;
    assert_eq!((kind.as_str(), body.as_str()), ("text/plain; charset=utf-8", "1.30.3-abc-Clean"));
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let shop = shop();
    let router = debug::debug_routes(shop.state.clone());
    for (path, status, text) in [
        ("/debug/config_dump", 400, "You must provide a proxyID in the query string\n"),
        ("/debug/edsz?proxyID=", 400, "You must provide a proxyID in the query string\n"),
        (
            "/debug/edsz?proxyID=x.y",
            404,
            "Proxy not connected to this Pilot instance. It may be connected to another instance.\n",
        ),
        (
            "/debug/config_dump?proxyID=cart-1.shop&types=xds",
            400,
            "unknown type \"xds\" in types\n",
        ),
        ("/debug/nothing", 404, ""),
    ] {
        let Answer(got, _, body) = ask(&router, path, LOOPBACK).await;
        assert_eq!((got.as_u16(), body.as_str()), (status, text), "{path}");
    }
}

#[tokio::test]
async fn a_proxy_is_found_by_its_connection_too() {
    let shop = shop();
    let router = debug::debug_routes(shop.state.clone());
    let Answer(status, _, _) = ask(&router, "/debug/edsz?proxyID=cart-1.shop-1", LOOPBACK).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn ready_follows_the_probes() {
    let up = Arc::new(AtomicBool::new(false));
    let check = {
        let up = up.clone();
        move || match up.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err("waiting for pods".to_owned()),
        }
    };
    let probe = Probe { name: "caches", check: Arc::new(check) };
    let router = debug::ready_routes(State { probes: vec![probe], ..shop().state });
    let Answer(status, _, body) = ask(&router, "/ready", ELSEWHERE).await;
    assert_eq!((status.as_u16(), body.as_str()), (503, "caches is not ready: waiting for pods\n"));
    up.store(true, Ordering::Relaxed);
    let Answer(status, _, body) = ask(&router, "/ready", ELSEWHERE).await;
    assert_eq!((status.as_u16(), body.as_str()), (200, ""));
}

#[tokio::test]
async fn the_index_links_to_every_endpoint_of_the_list() {
    let shop = shop();
    let router = debug::debug_routes(shop.state.clone());
    let Answer(_, _, list) = ask(&router, "/debug/list", LOOPBACK).await;
    let Answer(_, kind, page) = ask(&router, "/debug", LOOPBACK).await;
    assert!(kind.starts_with("text/html"), "{kind}");
    for name in serde_json::from_str::<Vec<String>>(&list).unwrap() {
        assert!(page.contains(&format!("href=\"/debug/{name}?pretty\"")), "{name} in {page}");
    }
}

#[tokio::test]
async fn diagnostics_of_all_sources_are_shown_once() {
    let diagnostic = |line| Diagnostic {
        severity: Severity::Error,
        location: Some(Location { file: Arc::new("shop.yaml".into()), line }),
        object: None,
        path: "spec.ports".into(),
        message: "is wrong".into(),
        code: Code::Other,
    };
    let source = |lines: &[usize]| {
        let list: Arc<[Diagnostic]> = lines.iter().map(|line| diagnostic(*line)).collect();
        watch::channel(list).1
    };
    let state = State { diagnostics: vec![source(&[2, 1]), source(&[2])], ..shop().state };
    let Answer(_, _, body) = ask(&debug::debug_routes(state), "/debug/diagnostics", LOOPBACK).await;
    let entry = |line: usize| {
        format!(
            "{{\"severity\":\"error\",\"file\":\"shop.yaml\",\"line\":{line},\
             \"path\":\"spec.ports\",\"message\":\"is wrong\"}}"
        )
    };
    assert_eq!(body, format!("[{},{}]", entry(1), entry(2)));
}
