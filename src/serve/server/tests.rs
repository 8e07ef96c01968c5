//! Connections, with a client of their own.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Config, run};

/// Long enough to never be what ends a test that passes.
const NEVER: Duration = Duration::from_secs(3600);

/// What every HTTP/2 client says first, with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The type of the frame with which a server asks its client to leave.
const GOAWAY: u8 = 7;

struct Served {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

async fn serve(change: impl FnOnce(&mut Config)) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = Config {
        keepalive_interval: NEVER,
        keepalive_timeout: NEVER,
        max_age: None,
        max_streams: 100,
        drain: NEVER,
    };
    change(&mut config);
    let router = Router::new().route(
        "/peer",
        get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
    );
    let (stop, stopped) = watch::channel(false);
    Served {
        address,
        stop,
        server: tokio::spawn(run(listener, router, config, super::Security::Plaintext, stopped)),
    }
}

async fn http2(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream
}

/// Reads frames until one of a type comes; false when the connection ends before.
async fn frame(stream: &mut TcpStream, kind: u8) -> bool {
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body).await.unwrap();
        if head[3] == kind {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn requests_carry_their_peer() {
    let served = serve(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /peer HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(&stream.local_addr().unwrap().to_string()), "{answer}");
}

#[tokio::test]
async fn a_stop_asks_clients_to_leave_and_ends_when_they_have() {
    let served = serve(|_| {}).await;
    let mut stream = http2(served.address).await;
    assert!(frame(&mut stream, 4).await, "settings");
    served.stop.send(true).unwrap();
    assert!(frame(&mut stream, GOAWAY).await);
    drop(stream);
    served.server.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err(), "it does not accept any more");
}

#[tokio::test]
async fn a_client_that_stays_is_ended() {
    let served = serve(|config| config.drain = Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /peer HTTP/1.1\r\nhost:").await.unwrap();
    served.stop.send(true).unwrap();
    served.server.await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn an_old_connection_is_asked_to_leave() {
    let served = serve(|config| config.max_age = Some(Duration::from_millis(50))).await;
    let mut stream = http2(served.address).await;
    assert!(frame(&mut stream, GOAWAY).await);
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_given_up() {
    let served = serve(|config| {
        config.keepalive_interval = Duration::from_millis(50);
        config.keepalive_timeout = Duration::from_millis(50);
    })
    .await;
    let mut stream = http2(served.address).await;
    assert!(!frame(&mut stream, u8::MAX).await, "the connection ends");
}
