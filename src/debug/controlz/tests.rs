use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::logging::parse_levels;
use crate::skip::skipped;

/// Asks for `/scopej/` and what follows; a body makes it a change.
async fn ask(scopes: &LogScopes, peer: &str, path: &str, body: Option<&str>) -> (u16, String) {
    let peer: SocketAddr = peer.parse().unwrap();
    let method = if body.is_some() { "PUT" } else { "GET" };
    let request = Request::builder().method(method).uri(format!("/scopej/{path}"));
    let request = request.extension(ConnectInfo(peer));
    let request = request.body(Body::from(body.unwrap_or_default().to_owned())).unwrap();
    let response = controlz_routes(scopes.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

const LOOPBACK: &str = "127.0.0.1:40000";

fn scopes() -> LogScopes {
    LogScopes::new(&parse_levels("default:info").unwrap(), &[], &[])
}

#[tokio::test]
async fn the_list_is_the_recorded_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/goldens/debug/controlz_scopej");
    let Ok(want) = std::fs::read_to_string(path) else {
        skipped(format_args!("there is no {path} to compare with"));
        return;
    };
    assert_eq!(ask(&scopes(), LOOPBACK, "", None).await, (200, want));
}

#[tokio::test]
async fn a_scope_is_shown_and_changed() {
    let scopes = scopes();
    let shown = |level, callers| {
        let text = format!(
            "{{\"name\":\"ads\",\"description\":\"ads debugging\",\"output_level\":\"{level}\",\
             \"stack_trace_level\":\"none\",\"log_callers\":{callers}}}\n"
        );
        (200, text)
    };
    assert_eq!(ask(&scopes, LOOPBACK, "ads", None).await, shown("info", false));
    // What istioctl sends, then what it shows back, then each field alone.
    for (body, level, callers) in [
        (r#"{"name":"ads","output_level":"debug"}"#, "debug", false),
        (r#"{"output_level":"warn","stack_trace_level":"none","log_callers":true}"#, "warn", true),
        (r#"{"output_level":"error"}"#, "error", true),
        (r#"{"log_callers":false}"#, "error", false),
        ("{}", "error", false),
    ] {
        let changed = ask(&scopes, LOOPBACK, "ads", Some(body)).await;
        assert_eq!(changed, (202, String::new()), "{body}");
        assert_eq!(ask(&scopes, LOOPBACK, "ads", None).await, shown(level, callers), "{body}");
    }
    assert_eq!(scopes.get("delta").unwrap().level, Level::Info, "only the scope that is named");
    assert_eq!(ask(&scopes, LOOPBACK, "all", Some(r#"{"output_level":"none"}"#)).await.0, 202);
    assert!(scopes.list().all(|scope| scope.level == Level::None));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_changes_nothing() {
    let scopes = scopes();
    let debug = r#"{"output_level":"debug"}"#;
    let long = format!("{{\"output_level\":\"debug\",\"x\":\"{}\"}}", "x".repeat(MAX_BODY));
    for (path, body, status, want) in [
        ("nonsense", None, 400, "\"nonsense\" is no log scope: all or one of ads, "),
        ("nonsense", Some(debug), 400, "\"nonsense\" is no log scope: "),
        ("sds", Some(debug), 400, "\"sds\" is no log scope: "),
        (
            "ads",
            Some(r#"{"output_level":"loud"}"#),
            400,
            "output_level \"loud\": a level is needed: ",
        ),
        (
            "ads",
            Some(r#"{"output_level":"debug","stack_trace_level":"loud"}"#),
            400,
            "stack_trace_level \"loud\": a level is needed: ",
        ),
        ("ads", Some("debug"), 400, "an object with output_level is needed: "),
        ("ads", Some(r#"{"output_level":1}"#), 400, "an object with output_level is needed: "),
        ("ads", Some(&long), 413, ""),
    ] {
        let (got, text) = ask(&scopes, LOOPBACK, path, body).await;
        assert_eq!(got, status, "{path} {body:?}");
        assert!(text.starts_with(want), "{path} {body:?}: {text}");
        assert_eq!(scopes.get("ads").unwrap().level, Level::Info, "{path} {body:?}");
    }
}

#[tokio::test]
async fn only_this_machine_may_ask() {
    let scopes = scopes();
    for (path, body) in [("", None), ("ads", None), ("ads", Some(r#"{"output_level":"debug"}"#))] {
        let answer = ask(&scopes, "10.1.2.3:40000", path, body).await;
        assert_eq!(answer, (401, String::new()), "{path} {body:?}");
    }
    assert_eq!(scopes.get("ads").unwrap().level, Level::Info);
}
