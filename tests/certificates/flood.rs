//! Strangers by the thousand on 15012, while proxies that were recognised are told of changes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use istiod::proto::discovery::{DiscoveryRequest, DiscoveryResponse};
use istiod::proto::json::from_json;
use istiod::translate::ResourceType;
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::client::Agent;
use super::embedded::ca;
use crate::daemon::Daemon;
use crate::lab;
use crate::xds::Stream;

/// Proxies that are connected before the flood comes.
const PROXIES: usize = 20;

/// Connections that begin a handshake, and that end one and prove nothing; at once, and all that come before anything is
/// looked at. The control plane keeps 2,000.
const BEGUN: usize = 3_000;
const STRANGERS: usize = 200;
const COME: usize = 4_000;

/// Changes during the flood.
const CHANGES: usize = 10;

/// How long a change may take. Only spent when a test fails.
const PATIENCE: Duration = Duration::from_secs(120);

const HOST: &str = "istiod.istio-system.svc";

/// The flood. Dropping it ends it.
struct Flood(Child);

impl Flood {
    /// Starts it, and waits until it has come.
    fn start(address: &str) -> (Flood, Value) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(root.join("target/venv/bin/python"))
            .arg(root.join("tests/certificates/flood.py"))
            .arg(address)
            .args(["--begun", &BEGUN.to_string(), "--strangers", &STRANGERS.to_string()])
            .args(["--come", &COME.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let flood = Flood(child);
        (flood, serde_json::from_str(&said).unwrap())
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A proxy that was recognised.
struct Connected {
    stream: Stream,
    answers: usize,
}

impl Connected {
    async fn new(agent: &Agent, address: &str, number: usize) -> Connected {
        let read = |name: &str| std::fs::read_to_string(agent.file(name)).unwrap();
        let node = json!({
            "id": format!("sidecar~10.79.0.{number}~web-{number}.shop~shop.svc.cluster.local"),
            "metadata": { "NAMESPACE": "shop", "SERVICE_ACCOUNT": "web" },
        });
        let connection = TcpStream::connect(address).await.unwrap();
        let connection = lab::tls::connect(connection, HOST, &read("ca/root-cert.pem")).await;
        let token = format!("Bearer {}", read("token").trim());
        let headers = [("authorization", &*token)];
        let stream = Stream::call(
            connection.unwrap(),
            HOST,
            "StreamAggregatedResources",
            &headers,
            Bytes::new(),
        );
        let stream = stream.await.unwrap();
        let request = DiscoveryRequest {
            node: from_json("envoy.config.core.v3.Node", &node).unwrap(),
            type_url: ResourceType::Cluster.type_url().to_owned(),
            ..DiscoveryRequest::default()
        };
        stream.send(&request).await.unwrap();
        Connected { stream, answers: 0 }
    }

    /// Takes answers until one tells of this host.
    async fn is_told(&mut self, host: &str) {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let answer = DiscoveryResponse::decode(next.unwrap().unwrap()).unwrap();
            self.answers += 1;
            let request = DiscoveryRequest {
                type_url: answer.type_url,
                version_info: answer.version_info,
                response_nonce: answer.nonce,
                ..DiscoveryRequest::default()
            };
            self.stream.send(&request).await.unwrap();
            let tells = |body: &Bytes| body.windows(host.len()).any(|part| part == host.as_bytes());
            if answer.resources.iter().any(tells) {
                return;
            }
        }
    }
}

/// Writes a service that did not exist before, and its host.
fn change(objects: &Path, number: usize) -> String {
    let host = format!("host-{number}.example.com");
    let entry = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": { "name": format!("entry-{number}"), "namespace": "shop" },
        "spec": {
            "hosts": [host],
            "ports": [{ "number": 80, "name": "http", "protocol": "HTTP" }],
            "resolution": "DNS",
        },
    });
    let path: PathBuf = objects.join(format!("entry-{number}.yaml"));
    std::fs::write(path, entry.to_string()).unwrap();
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_connected_proxies_untouched() {
    let Some(agent) = Agent::new() else { return };
    let objects = agent.file("objects");
    std::fs::create_dir(&objects).unwrap();
    change(&objects, 0);
    let config = format!("--configDir={}", objects.display());
    let ca_dir = format!("--caDir={}", agent.file("ca").display());
    let mut daemon = Daemon::start(&[
        &config,
        &ca_dir,
        "--meshConfig=",
        "--grpcAddr=",
        "--monitoringAddr=",
        "--ctrlz_port=0",
        "--secureGRPCAddr=127.0.0.1:0",
        "--log_output_level=default:info,ads:none,serverca:none",
    ]);
    let address = daemon.address("--secureGRPCAddr").to_string();
    let directory = agent.file("ca").display().to_string();
    let token = ca(&["token", "--caDir", &directory, "-n", "shop", "--service-account=web"]);
    agent.write("token", &token);
    let mut proxies = Vec::new();
    for number in 0..PROXIES {
        let mut proxy = Connected::new(&agent, &address, number).await;
        proxy.is_told("host-0.example.com").await;
        proxies.push(proxy);
    }

    let (flood, come) = Flood::start(&address);
    // The oldest strangers had to go for others.
    assert!(come["sent_away"].as_u64().unwrap() > 0, "{come}");
    for number in 1..=CHANGES {
        let host = change(&objects, number);
        for proxy in &mut proxies {
            proxy.is_told(&host).await;
        }
    }
    for proxy in &proxies {
        assert!(proxy.answers > CHANGES, "one for each change, on the connection that there was");
    }
    // Who can prove who he is gets in all the same.
    agent.certificate(&address, &["--roots", "ca/root-cert.pem", "--token", "token"]);
    let mut late = Connected::new(&agent, &address, PROXIES).await;
    late.is_told(&format!("host-{CHANGES}.example.com")).await;

    drop(flood);
    let host = change(&objects, CHANGES + 1);
    for proxy in proxies.iter_mut().chain([&mut late]) {
        proxy.is_told(&host).await;
    }
}
