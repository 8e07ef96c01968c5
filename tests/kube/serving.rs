//! The daemon, as it serves a cluster or files, and whether two serve the same.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::xds::{self, Proxy};

/// Between two looks at what is served.
const GLANCE: Duration = Duration::from_millis(200);
/// How many looks there are before a test fails.
const GLANCES: usize = 100;
/// Differences that a failure shows.
const SHOWN: usize = 5;

/// A daemon that serves, and where.
pub struct Serving {
    daemon: Daemon,
    address: SocketAddr,
}

impl Serving {
    /// Starts one with these flags and waits until it is ready.
    pub fn start(arguments: &[String]) -> Serving {
        let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
        all.extend(["--grpcAddr=127.0.0.1:0", "--monitoringAddr=", "--ctrlz_port=0"]);
        all.push("--log_output_level=default:info,ads:warn");
        let mut daemon = Daemon::start(&all);
        let address = daemon.address("--grpcAddr");
        daemon.until("\tready");
        Serving { daemon, address }
    }

    /// Starts one that follows a cluster.
    pub fn of_cluster(kubeconfig: &Path, mesh: &str) -> Serving {
        Serving::start(&[format!("--kubeconfig={}", kubeconfig.display()), mesh.to_owned()])
    }

    /// Waits until the other serves the same to these proxies, byte for byte; says what does not become the same.
    pub async fn becomes_equal(&self, other: &Serving, proxies: &[Proxy], what: &str) {
        let mut differing = Vec::new();
        for _ in 0..GLANCES {
            differing.clear();
            for proxy in proxies {
                let left = proxy.served(self.address).await.unwrap();
                let right = proxy.served(other.address).await.unwrap();
                let count = left.len();
                assert!(count > 3, "{what}: {} is served {count} resources", proxy.name);
                let differences = xds::differences(&left, &right).into_iter();
                differing.extend(differences.map(|line| format!("{} {line}", proxy.name)));
            }
            if differing.is_empty() {
                return;
            }
            tokio::time::sleep(GLANCE).await;
        }
        let shown = differing.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
        panic!("{what}: {} resources differ:\n{shown}", differing.len());
    }

    /// Ends it. Returns the rest of its log.
    pub fn stop(self) -> String {
        let (status, log) = self.daemon.stop();
        assert!(status.success(), "{status}\n{log}");
        log
    }
}
