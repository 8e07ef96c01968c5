//! What an injection costs an API server: `cargo bench --bench injection`, of the release binary, on one core.
//!
//! Reviews come 50 times a second over one HTTPS connection, as from an API server, whether the one before was answered or
//! not; then 2,000 at once. With Istio's own template and pods, from the recordings of `../shared`; without these it
//! says so and ends. For one core: `taskset -c 0 cargo bench --bench injection`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark ends by panicking, and prints its figures"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How many reviews come in a second.
const RATE: u32 = 50;
/// For how long.
const SECONDS: u32 = 20;
/// How many then come at once.
const BURST: usize = 2_000;
/// Who the daemon proves to be.
const NAME: &str = "istiod.istio-system.svc";
/// The pod of the recordings: two containers, of which one has probes.
const POD: &str = "hello-probes.json";

/// A daemon that injects, until this is dropped.
struct Daemon {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Daemon {
    fn start(settings: &Path) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let injector = folder.path().join("var/lib/istio/inject");
        fs::create_dir_all(&injector).unwrap();
        fs::create_dir(folder.path().join("mesh")).unwrap();
        fs::copy(settings.join("config.yaml"), injector.join("config")).unwrap();
        fs::copy(settings.join("values.json"), injector.join("values")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_istiod"))
            .current_dir(folder.path())
            .arg("discovery")
            .args(["--configDir=mesh", "--caDir=ca", "--secureGRPCAddr=", "--ctrlz_port=0"])
            .args(["--httpAddr=127.0.0.1:0", "--grpcAddr=127.0.0.1:0", "--monitoringAddr="])
            .arg("--httpsAddr=127.0.0.1:0")
            .arg(format!("--meshConfig={}", settings.join("mesh.yaml").display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| {
            let line = line.ok()?;
            line.split_once("--httpsAddr: listening on ").map(|(_, address)| address.to_owned())
        });
        let address = line.expect("the daemon ended").trim().parse().unwrap();
        // Its log is read to the end, so that it never waits for that.
        std::thread::spawn(move || lines.for_each(drop));
        Daemon { child, address, folder }
    }

    /// A connection as an API server has it.
    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let mut roots = RootCertStore::empty();
        let root = self.folder.path().join("ca/root-cert.pem");
        roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        sender
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks once. How long it took; panics where the pod is not injected.
async fn ask(mut sender: SendRequest<Full<Bytes>>, body: Bytes) -> Duration {
    let request = Request::post(format!("https://{NAME}/inject?timeout=30s"))
        .header("content-type", "application/json")
        .body(Full::new(body))
        .unwrap();
    let began = Instant::now();
    sender.ready().await.unwrap();
    let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    let took = began.elapsed();
    let answer: Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
    assert!(answer["response"]["patch"].is_string(), "{answer}");
    took
}

fn told(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!(
        "{what}: {} reviews, p50 {:?}, p90 {:?}, p99 {:?}, slowest {:?}",
        took.len(),
        at(50),
        at(90),
        at(99),
        at(100)
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let recordings = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/inject");
    if !recordings.is_dir() {
        return println!("no ../shared/goldens/inject: nothing to measure with");
    }
    let recorded = fs::read_to_string(recordings.join(POD)).unwrap();
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    let request = json!({"uid": "u", "namespace": "shop", "operation": "CREATE",
        "object": recorded[0]["pod"]});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": request});
    let body = Bytes::from(review.to_string());
    let daemon = Daemon::start(&recordings.join("_settings"));
    let sender = daemon.connect().await;
    // The first makes what all others share.
    told("the first", vec![ask(sender.clone(), body.clone()).await]);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut asked = Vec::new();
    for _ in 0..RATE * SECONDS {
        ticks.tick().await;
        asked.push(tokio::spawn(ask(sender.clone(), body.clone())));
    }
    let mut took = Vec::new();
    for one in asked {
        took.push(one.await.unwrap());
    }
    told(&format!("{RATE} a second"), took);
    let began = Instant::now();
    let burst: Vec<_> =
        (0..BURST).map(|_| tokio::spawn(ask(sender.clone(), body.clone()))).collect();
    let mut took = Vec::new();
    for one in burst {
        took.push(one.await.unwrap());
    }
    told(&format!("{BURST} at once, answered within {:?}", began.elapsed()), took);
}
