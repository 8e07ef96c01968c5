//! A real Envoy with listeners of its own, and no control plane: what it answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::lab::installed_envoy;
use crate::skip::skipped;

/// How long Envoy may take to start, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held while an Envoy runs: two that start at once could take the same ports.
static TURN: Mutex<()> = Mutex::new(());

/// Waits until no other Envoy of these tests runs.
pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running Envoy. Dropping it ends it.
pub struct Judge {
    child: Child,
    _directory: tempfile::TempDir,
}

impl Drop for Judge {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Judge {
    /// Starts Envoy with these; None, visibly, where there is no Envoy.
    pub fn start(listeners: &[Value], clusters: &[Value]) -> Option<Judge> {
        let envoy = installed_envoy();
        if !envoy.exists() {
            skipped(format!("{} is missing; make deps installs it", envoy.display()));
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("envoy.json");
        let bootstrap = json!({
            "static_resources": { "listeners": listeners, "clusters": clusters },
            "layered_runtime": { "layers": [] },
        });
        std::fs::write(&file, bootstrap.to_string()).unwrap();
        let log = directory.path().join("log");
        let mut child = Command::new(envoy)
            .arg("-c")
            .arg(&file)
            .args(["--concurrency", "1", "--log-level", "error", "--disable-hot-restart"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let port = listeners[0]["address"]["socket_address"]["port_value"].as_u64().unwrap();
        let first = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(first).is_err() {
            let ended = child.try_wait().unwrap();
            let log = std::fs::read_to_string(&log).unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "Envoy does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Judge { child, _directory: directory })
    }
}

/// Ports that nobody listens on.
pub fn free_ports(count: usize) -> Vec<u16> {
    let taken: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("0.0.0.0:0").unwrap()).collect();
    taken.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// What comes back for these bytes, until the other side has no more to say.
pub fn exchange(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // One that refuses may be gone before all is written.
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The first message of a client of TLS.
pub fn client_hello(name: Option<&str>, alpn: &[&str]) -> Vec<u8> {
    let roots = RootCertStore::empty();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    config.enable_sni = name.is_some();
    let name = ServerName::try_from(name.unwrap_or("none").to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}
