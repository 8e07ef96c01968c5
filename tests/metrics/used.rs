//! A daemon with files of its own and two proxies: one of a known pod that accepts everything, and a stranger that
//! refuses its listeners.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use istiod::translate::ResourceType;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::http::get;
use super::scrape::Scrape;
use crate::daemon::Daemon;
use crate::xds::{Follower, Mood, Proxy};

/// How long something may take that takes moments. Only spent when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub struct Used {
    pub monitoring: SocketAddr,
    content: Follower,
    _refuses: Follower,
    runtime: Runtime,
    files: TempDir,
    _daemon: Daemon,
}

impl Used {
    pub fn start() -> Used {
        let files = TempDir::new().unwrap();
        let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/shop");
        for file in fs::read_dir(shop).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), files.path().join(file.file_name())).unwrap();
        }
        let config = format!("--configDir={}", files.path().display());
        let any = ["--grpcAddr=127.0.0.1:0", "--monitoringAddr=127.0.0.1:0", "--ctrlz_port=0"];
        let [grpc, monitoring, controlz] = any;
        let mut daemon = Daemon::start(&[&config, "--meshConfig=", grpc, monitoring, controlz]);
        let monitoring = daemon.address("--monitoringAddr");
        let grpc = daemon.address("--grpcAddr");
        // Before that, streams are refused.
        daemon.until("\tready");
        let runtime = Runtime::new().unwrap();
        let (content, refuses) = runtime.block_on(async {
            let web = proxy("web-6f9c4d8b7d-x2k4p", "10.60.1.10");
            let mut content = web.follow(grpc, Mood::Content).await.unwrap();
            content.answered(ResourceType::Endpoint).await;
            let stranger = proxy("stranger", "10.60.9.9");
            let mood = Mood::Refuses(ResourceType::Listener);
            let mut refuses = stranger.follow(grpc, mood).await.unwrap();
            refuses.answered(ResourceType::Endpoint).await;
            refuses.answered(ResourceType::Route).await;
            (content, refuses)
        });
        let mut used =
            Used { monitoring, content, _refuses: refuses, runtime, files, _daemon: daemon };
        used.until("pilot_xds_lds_reject", |value| value == 1.0);
        used.change_an_endpoint();
        used
    }

    /// What /metrics says.
    pub fn metrics(&mut self) -> String {
        get(self.monitoring, "/metrics").unwrap()
    }

    /// Waits until the samples of a metric add up to what is expected.
    pub fn until(&mut self, name: &str, expected: impl Fn(f64) -> bool) {
        let begun = Instant::now();
        loop {
            let value = Scrape::of(&self.metrics()).value(name, &[]);
            if expected(value) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} is {value}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Gives a service another endpoint, and waits until that was acknowledged.
    pub fn change_an_endpoint(&mut self) {
        let acknowledged = "istiod_change_acknowledged_seconds_count";
        let before = Scrape::of(&self.metrics()).value(acknowledged, &[]);
        let name = format!("more-{before}.yaml");
        let octet = 100 + before as u8;
        self.apply(&name, &MORE.replace("NUMBER", &octet.to_string()));
        let content = &mut self.content;
        self.runtime.block_on(async {
            let answered = content.answered(ResourceType::Endpoint);
            tokio::time::timeout(PATIENCE, answered).await.expect("endpoints come");
        });
        self.until(acknowledged, |value| value > before);
    }

    /// Writes a file of objects.
    pub fn apply(&mut self, name: &str, objects: &str) {
        // In place at once: half a file is a mistake, which would be counted.
        let path = self.files.path().join(format!("{name}.new"));
        fs::write(&path, objects).unwrap();
        fs::rename(&path, self.files.path().join(name)).unwrap();
    }

    /// Removes it.
    pub fn remove(&mut self, name: &str) {
        fs::remove_file(self.files.path().join(name)).unwrap();
    }
}

fn proxy(pod: &str, ip: &str) -> Proxy {
    Proxy::new(&json!({
        "name": pod,
        "id": format!("sidecar~{ip}~{pod}.shop~shop.svc.cluster.local"),
        "metadata": {
            "NAMESPACE": "shop",
            "CLUSTER_ID": "Kubernetes",
            "ISTIO_VERSION": "1.30.3",
            "INSTANCE_IPS": ip,
        },
    }))
}

/// One more slice of a service.
const MORE: &str = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: payment-NUMBER
  namespace: shop
  labels: {kubernetes.io/service-name: payment}
addressType: IPv4
ports:
- {name: grpc, port: 9000}
endpoints:
- addresses: [10.60.7.NUMBER]
  conditions: {ready: true}
";
