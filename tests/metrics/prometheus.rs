//! A real Prometheus, as Debian has it, that scrapes the daemon and evaluates our rules.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

use super::http::{escaped, get};
use crate::skip::skipped;

/// How long it may take to start, and to see what it scrapes. Only spent when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program of a name, if it is installed; one line says what is missing.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|p| p.is_file());
    if found.is_none() {
        skipped(format_args!("no {name}: `make deps` installs Prometheus"));
    }
    found
}

/// The directory of what monitoring needs.
pub fn monitoring() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/monitoring")
}

/// A running Prometheus. Dropping it ends it.
pub struct Prometheus {
    address: SocketAddr,
    child: Child,
    _data: TempDir,
}

impl Prometheus {
    /// One that scrapes a target and evaluates our rules, often.
    pub fn start(program: &Path, target: SocketAddr) -> Prometheus {
        let data = TempDir::new().unwrap();
        let config = data.path().join("prometheus.yml");
        let rules = monitoring().join("rules.yaml");
        let text = CONFIG.replace("TARGET", &target.to_string());
        fs::write(&config, text.replace("RULES", &rules.display().to_string())).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().join("data").display()))
            .arg(format!("--web.listen-address={free}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Prometheus { address: free, child, _data: data };
        prometheus.until("/-/ready", |_| true);
        prometheus
    }

    /// The data of an answer of its API, once it is as expected.
    pub fn until(&self, path: &str, expected: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let answer = get(self.address, path);
            if let Ok(text) = &answer {
                let data = serde_json::from_str(text).map(|mut value: Value| value["data"].take());
                let data = data.unwrap_or_default();
                if expected(&data) {
                    return data;
                }
            }
            assert!(begun.elapsed() < PATIENCE, "{path}: {answer:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The result of a query, which must be understood.
    pub fn query(&self, query: &str) -> Result<Value, String> {
        let answer = get(self.address, &format!("/api/v1/query?query={}", escaped(query)));
        let text = answer.map_err(|error| error.to_string())?;
        let mut value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok(value["data"]["result"].take())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const CONFIG: &str = "
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: ['RULES']
scrape_configs:
- job_name: istiod
  static_configs:
  - targets: ['TARGET']
    labels: {app: istiod, namespace: istio-system, pod: istiod-1}
";
