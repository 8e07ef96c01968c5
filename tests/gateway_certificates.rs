//! A stock Envoy as a gateway, with a certificate from a Secret: exchanged, broken, mended and deleted under traffic.
//!
//! Everything is on loopback, where the daemon believes who the Envoy says it is.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::Empty;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::daemon::Daemon;
use crate::lab::authority::{Authority, Identity};
use crate::lab::installed_envoy;
use crate::skip::skipped;

const HOST: &str = "site.example.com";

/// How long what must happen may take; Envoys are slow to begin on machines with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two connections of a client.
const PAUSE: Duration = Duration::from_millis(5);

/// The gateway listens there, above what others use.
const PORT: u16 = 28_443;

fn objects() -> String {
    let port = json!({"number": PORT, "name": "https", "protocol": "HTTPS"});
    let tls = json!({"mode": "SIMPLE", "credentialName": "site"});
    let gateway = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "ingress"},
        "spec": {"selector": {"app": "edge"}, "servers": [{"port": port, "hosts": [HOST], "tls": tls}]},
    });
    let routes = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "site", "namespace": "ingress"},
        "spec": {"hosts": [HOST], "gateways": ["edge"], "http": [{"directResponse": {"status": 200}}]},
    });
    format!("{gateway}\n---\n{routes}\n")
}

/// The secret with these values, in the directory.
fn write_secret(directory: &Path, chain: &str, key: &str) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "site", "namespace": "ingress"},
        "stringData": {"tls.crt": chain, "tls.key": key},
    });
    // Renamed into its place, as no half of it is meant.
    let file = directory.join(".secret");
    std::fs::write(&file, secret.to_string()).unwrap();
    std::fs::rename(file, directory.join("secret.yaml")).unwrap();
}

/// A running Envoy. Dropping it kills it.
struct Envoy(Child);

impl Envoy {
    fn start(program: &Path, xds: SocketAddr, delta: bool, directory: &Path) -> Envoy {
        let node = json!({
            "id": "router~127.0.0.1~edge-1.ingress~ingress.svc.cluster.local",
            "cluster": "edge.ingress",
            "metadata": {"NAME": "edge-1", "NAMESPACE": "ingress", "LABELS": {"app": "edge"}},
        });
        let (file, bootstrap) = (directory.join("node.json"), directory.join("bootstrap.json"));
        std::fs::write(&file, node.to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_istiod"));
        command.args(["bootstrap", "--admin-port=0", "--stats-port=0", "--status-port=0"]);
        command.arg(format!("--address={xds}")).arg(format!("--node={}", file.display()));
        command.args(delta.then_some("--delta"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        std::fs::write(&bootstrap, output.stdout).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(bootstrap)
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"])
            .stdin(Stdio::null())
            .spawn();
        Envoy(child.unwrap())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Clients of the gateway, which count what fails.
#[derive(Clone)]
struct Clients {
    config: Arc<ClientConfig>,
    shown: Arc<Mutex<Vec<u8>>>,
    answers: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
}

impl Clients {
    fn new(root: &str) -> Clients {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Clients {
            config: Arc::new(config),
            shown: Arc::default(),
            answers: Arc::default(),
            failures: Arc::default(),
            over: Arc::default(),
        }
    }

    /// A connection, and the certificate that the gateway showed.
    async fn connect(&self) -> Result<(SendRequest<Empty<&'static [u8]>>, Vec<u8>)> {
        let stream = TcpStream::connect(("127.0.0.1", PORT)).await?;
        let name = ServerName::try_from(HOST)?;
        let stream = TlsConnector::from(self.config.clone()).connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().context("no certificate")?;
        let shown = shown.first().context("no certificate")?.to_vec();
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok((sender, shown))
    }

    async fn ask(&self, sender: &mut SendRequest<Empty<&'static [u8]>>) -> Result<()> {
        sender.ready().await?;
        let request = http::Request::get("/").header("host", HOST).body(Empty::new())?;
        let status = sender.send_request(request).await?.status();
        ensure!(status == http::StatusCode::OK, "{status}");
        self.answers.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// One after the other, each on a connection of its own.
    async fn come_and_go(self) {
        while !self.over.load(Ordering::Relaxed) {
            let visit = async {
                let (mut sender, shown) = self.connect().await?;
                *self.shown.lock().unwrap() = shown;
                self.ask(&mut sender).await
            };
            if let Err(error) = visit.await {
                self.failures.lock().unwrap().push(format!("{error:#}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One connection for all that it asks.
    async fn stay(self) {
        let asked = async {
            let (mut sender, _) = self.connect().await?;
            while !self.over.load(Ordering::Relaxed) {
                self.ask(&mut sender).await?;
                tokio::time::sleep(PAUSE).await;
            }
            anyhow::Ok(())
        };
        if let Err(error) = asked.await {
            self.failures.lock().unwrap().push(format!("on a kept connection: {error:#}"));
        }
    }

    /// Waits until the gateway shows this certificate.
    async fn see(&self, identity: &Identity) {
        let wanted = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
        let seen = async {
            while *self.shown.lock().unwrap() != wanted.as_ref() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("the gateway shows another certificate");
    }

    /// Lets some more requests pass.
    async fn go_on(&self) {
        let until = self.answers.load(Ordering::Relaxed) + 50;
        let passed = async {
            while self.answers.load(Ordering::Relaxed) < until {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, passed).await.expect("requests are answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_exchanged_without_a_failed_request() {
    let envoy = installed_envoy();
    if !envoy.exists() {
        return skipped(format!("{} is missing; make deps installs it", envoy.display()));
    }
    for delta in [false, true] {
        exchange(&envoy, delta).await;
    }
}

async fn exchange(envoy: &Path, delta: bool) {
    let authority = Authority::new().unwrap();
    let [first, second, third] = [(); 3].map(|()| authority.certify(HOST).unwrap());
    let (objects_at, at) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(objects_at.path().join("mesh.yaml"), objects()).unwrap();
    let directory = format!("--configDir={}", objects_at.path().display());
    let mut daemon = Daemon::start_with(
        &[("ISTIOD_SECRETS_ON_LOOPBACK", "true")],
        &[&directory, "--grpcAddr=127.0.0.1:0", "--monitoringAddr=", "--ctrlz_port=0"],
    );
    let xds = daemon.address("--grpcAddr");
    daemon.until("\tready");
    let _envoy = Envoy::start(envoy, xds, delta, at.path());
    // The secret comes after who waits for it.
    daemon.until("Secret ingress/site does not exist");
    write_secret(objects_at.path(), &first.certificate, &first.key);
    let clients = Clients::new(authority.root());
    let answered = async {
        while clients.connect().await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("the gateway takes connections");

    let mut traffic = tokio::task::JoinSet::new();
    (0..3).for_each(|_| drop(traffic.spawn(clients.clone().come_and_go())));
    traffic.spawn(clients.clone().stay());
    clients.see(&first).await;
    write_secret(objects_at.path(), &second.certificate, &second.key);
    clients.see(&second).await;
    // A key of another certificate: nobody gets it.
    write_secret(objects_at.path(), &third.certificate, &second.key);
    let told = daemon.until("is not the key of the certificate");
    assert!(told.contains("stays in use, valid until"), "{told}");
    clients.go_on().await;
    clients.see(&second).await;
    write_secret(objects_at.path(), &third.certificate, &third.key);
    clients.see(&third).await;
    std::fs::remove_file(objects_at.path().join("secret.yaml")).unwrap();
    daemon.until("Secret ingress/site does not exist");
    clients.go_on().await;
    clients.see(&third).await;
    clients.over.store(true, Ordering::Relaxed);
    while traffic.join_next().await.is_some() {}
    let failures = clients.failures.lock().unwrap();
    let answers = clients.answers.load(Ordering::Relaxed);
    assert!(failures.is_empty(), "{} of {answers} failed: {failures:?}", failures.len());
    assert!(answers > 100, "{answers}");
}
