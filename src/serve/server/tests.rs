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

mod secure {
    //! Over TLS: newcomers, and those who were recognised.

    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;
    use crate::ca::fixture::{DAY, now, root, self_signed};
    use crate::ca::issuer::Issuer;
    use crate::ca::key::Key;
    use crate::serve::server::{Secure, Security};
    use crate::serve::tls::{Identity, Policy, Suites, config, provider};
    use crate::serve::transport::Transport;

    const HOST: &str = "istiod.istio-system.svc";

    struct Served {
        address: SocketAddr,
        issuer: Issuer,
        configs: watch::Sender<Arc<rustls::ServerConfig>>,
        _stop: watch::Sender<bool>,
    }

    fn policy() -> Policy {
        Policy { provider: provider(&Suites::parse(&[]).unwrap()), only_13: false }
    }

    fn server_config(issuer: &Issuer) -> Arc<rustls::ServerConfig> {
        let key = Key::p256().unwrap();
        let issued = issuer.issue(&key.public(), &[HOST], DAY, now()).unwrap();
        let leaf = crate::ca::certificate::Certificate::all(&issued.chain[0]).unwrap().remove(0);
        let identity = Identity { chain: vec![leaf.der], key: key.for_tls().unwrap() };
        config(&policy(), identity, &crate::serve::tls::Trusted::default()).unwrap()
    }

    /// Serves `/prove`, by which a client is recognised, and `/`, by which it is not.
    async fn serve() -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Config {
            keepalive_interval: NEVER,
            keepalive_timeout: NEVER,
            max_age: None,
            max_streams: 100,
            drain: NEVER,
        };
        let prove = |request: axum::extract::Request| async move {
            let (_, transport) = Transport::of(request.extensions()).unwrap();
            transport.prove();
            "proved"
        };
        let router =
            Router::new().route("/prove", get(prove)).route("/", get(|| async { "hello" }));
        let issuer = self_signed(&root("a", DAY));
        let (configs, newest) = watch::channel(server_config(&issuer));
        let (stop, stopped) = watch::channel(false);
        let secure = Secure { configs: newest, newcomers: 4, patience: Duration::ZERO };
        tokio::spawn(run(listener, router, limits, Security::Tls(secure), stopped));
        Served { address, issuer, configs, _stop: stop }
    }

    impl Served {
        async fn connect(&self, trusted: &Issuer) -> std::io::Result<TlsStream<TcpStream>> {
            let mut store = RootCertStore::empty();
            store.add(trusted.roots[0].der.clone()).unwrap();
            let mut config = ClientConfig::builder_with_provider(policy().provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(store)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            let stream = TcpStream::connect(self.address).await?;
            let host = ServerName::try_from(HOST).unwrap();
            TlsConnector::from(Arc::new(config)).connect(host, stream).await
        }
    }

    /// The last line of an answer on a connection that is kept.
    async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) -> std::io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"proved") && !answer.ends_with(b"hello") {
            let mut byte = [0];
            if stream.read(&mut byte).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend(byte);
        }
        Ok(String::from_utf8(answer).unwrap().lines().last().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_flood_leaves_those_who_were_recognised_alone() {
        let server = serve().await;
        let mut proved = server.connect(&server.issuer).await.unwrap();
        assert_eq!(ask(&mut proved, "/prove").await.unwrap(), "proved");
        let mut unproved = server.connect(&server.issuer).await.unwrap();
        assert_eq!(ask(&mut unproved, "/").await.unwrap(), "hello");
        // Half-open handshakes, ten times as many as there is room for.
        let mut flood = Vec::new();
        for _ in 0..40 {
            flood.push(TcpStream::connect(server.address).await.unwrap());
        }
        // A newcomer among them gets in while it is quicker than they are pushed out.
        let mut late = server.connect(&server.issuer).await.unwrap();
        assert_eq!(ask(&mut late, "/prove").await.unwrap(), "proved");
        assert_eq!(ask(&mut proved, "/").await.unwrap(), "hello");
        let mut rest = Vec::new();
        let _ = unproved.read_to_end(&mut rest).await;
        assert!(ask(&mut unproved, "/").await.is_err(), "who proved nothing had to go");
        assert_eq!(ask(&mut late, "/").await.unwrap(), "hello");
    }

    #[tokio::test]
    async fn a_new_certificate_is_for_the_next_handshake() {
        let server = serve().await;
        let mut before = server.connect(&server.issuer).await.unwrap();
        assert_eq!(ask(&mut before, "/prove").await.unwrap(), "proved");
        let other = self_signed(&root("b", DAY));
        server.configs.send_replace(server_config(&other));
        assert!(server.connect(&other).await.is_ok());
        assert!(server.connect(&server.issuer).await.is_err());
        assert_eq!(ask(&mut before, "/").await.unwrap(), "hello", "connections stay");
    }
}
