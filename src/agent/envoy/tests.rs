use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use axum::routing::post;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Ended, Order, Program, run};
use crate::agent::admin::Local;
use crate::agent::drain::Drain;

/// A shell script in Envoy's place.
fn script(text: &str) -> Program {
    Program {
        launcher: Vec::new(),
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), text.into()],
    }
}

fn drain(port: u16, duration: Duration) -> Drain {
    Drain {
        admin: Local { port },
        inbound_only: true,
        duration,
        until_idle: None,
        own_ports: Vec::new(),
    }
}

/// Says that it runs, and tells its end; `on_term` is what SIGTERM does.
fn long_running(folder: &Path, on_term: &str) -> Program {
    let folder = folder.display();
    script(&format!("trap '{on_term}' TERM; touch {folder}/up; while :; do sleep 0.02; done"))
}

async fn up(folder: &TempDir) {
    while !folder.path().join("up").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An admin interface that tells what it was asked.
async fn admin() -> (u16, mpsc::Receiver<Uri>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = mpsc::channel(8);
    let router = Router::new()
        .route("/drain_listeners", post(|uri: Uri| async move { sender.send(uri).await.unwrap() }));
    tokio::spawn(async { axum::serve(listener, router).await });
    (port, asked)
}

#[tokio::test]
async fn an_envoy_that_ends_tells_its_code() {
    let (_orders, receiver) = mpsc::channel(1);
    let drain = drain(1, Duration::ZERO);
    let ended = run(&script("exit 7"), &drain, receiver).await.unwrap();
    assert_eq!(ended, Ended::ByItself(7));
    let (_orders, receiver) = mpsc::channel(1);
    let ended = run(&script("kill -9 $$"), &drain, receiver).await.unwrap();
    assert_eq!(ended, Ended::ByItself(137));
}

#[tokio::test]
async fn what_cannot_be_started_is_named() {
    let (_orders, receiver) = mpsc::channel(1);
    let program = Program { path: "/no/envoy".into(), ..script("") };
    let error = run(&program, &drain(1, Duration::ZERO), receiver).await.unwrap_err();
    assert!(error.to_string().contains("/no/envoy"), "{error}");
}

#[tokio::test]
async fn it_drains_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (port, mut asked) = admin().await;
    let (orders, receiver) = mpsc::channel(1);
    let program = long_running(folder.path(), "exit 0");
    let drain = drain(port, Duration::from_millis(200));
    let running = tokio::spawn(async move { run(&program, &drain, receiver).await });
    up(&folder).await;
    let begun = Instant::now();
    orders.send(Order::Stop).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), Ended::Asked);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(asked.recv().await.unwrap(), "/drain_listeners?inboundonly&graceful");
}

#[tokio::test]
async fn what_has_drained_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (port, mut asked) = admin().await;
    let (orders, receiver) = mpsc::channel(2);
    let program = long_running(folder.path(), "exit 0");
    let drain = drain(port, Duration::from_secs(3600));
    let running = tokio::spawn(async move { run(&program, &drain, receiver).await });
    up(&folder).await;
    orders.send(Order::Drain).await.unwrap();
    assert_eq!(asked.recv().await.unwrap(), "/drain_listeners?inboundonly&graceful&skip_exit");
    assert!(!running.is_finished());
    orders.send(Order::Stop).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), Ended::Asked);
}

#[tokio::test]
async fn a_second_order_ends_the_drain() {
    let folder = tempfile::tempdir().unwrap();
    let (port, _asked) = admin().await;
    let (orders, receiver) = mpsc::channel(2);
    let program = long_running(folder.path(), "exit 0");
    let drain = drain(port, Duration::from_secs(3600));
    let running = tokio::spawn(async move { run(&program, &drain, receiver).await });
    up(&folder).await;
    orders.send(Order::Stop).await.unwrap();
    orders.send(Order::Stop).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), Ended::Asked);
}

#[tokio::test]
async fn an_envoy_that_does_not_listen_is_left_no_orphan() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let program = script(&format!(
        "trap '' TERM; echo $$ > {}; touch {}/up; while :; do sleep 0.02; done",
        pid_file.display(),
        folder.path().display()
    ));
    let (orders, receiver) = mpsc::channel(1);
    let drain = drain(1, Duration::ZERO);
    let running = tokio::spawn(async move { run(&program, &drain, receiver).await });
    up(&folder).await;
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    assert!(process.exists());
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert!(!process.exists());
    drop(orders);
}
