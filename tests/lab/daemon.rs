//! The daemon under test, in the hub's namespace.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::client::{self, Answer};
use super::namespace::Namespace;
use super::network::HUB;
use super::process::Process;
use super::wait::until;

/// The port of ADS without TLS.
pub const GRPC_PORT: u16 = 15010;
/// The port of ADS and the CA over TLS.
pub const SECURE_PORT: u16 = 15012;
/// What is not on by default, and tests look at.
const ENVIRONMENT: [&str; 2] =
    ["PILOT_ENABLE_QUIC_LISTENERS=true", "PILOT_JWT_PUB_KEY_REFRESH_INTERVAL=500ms"];
/// The port of readiness and debug endpoints.
pub const HTTP_PORT: u16 = 8080;
/// The port of metrics.
const MONITORING_PORT: u16 = 15014;

/// The daemon: the binary, what it serves, and the running process.
pub struct Daemon {
    binary: PathBuf,
    environment: Vec<String>,
    arguments: Vec<String>,
    log: PathBuf,
    process: Option<Process>,
}

impl Daemon {
    /// Describes it; nothing runs yet. The flag says where its objects come from.
    pub fn new(binary: &Path, source: String, mesh: &Path, log: PathBuf) -> Daemon {
        let arguments = [
            "discovery".to_owned(),
            source,
            format!("--meshConfig={}", mesh.display()),
            format!("--grpcAddr={HUB}:{GRPC_PORT}"),
            format!("--httpAddr=:{HTTP_PORT}"),
            "--secureGRPCAddr=".to_owned(),
            "--httpsAddr=".to_owned(),
            "--ctrlz_port=0".to_owned(),
        ];
        Daemon {
            binary: binary.to_owned(),
            environment: ENVIRONMENT.map(str::to_owned).to_vec(),
            arguments: arguments.into(),
            log,
            process: None,
        }
    }

    /// Has it serve the secure port, with a CA that is kept in a directory. A new root takes over within seconds.
    pub fn secure(&mut self, ca: &Path) {
        self.environment.push("DEFAULT_WORKLOAD_CERT_TTL=10s".to_owned());
        self.arguments.push(format!("--secureGRPCAddr={HUB}:{SECURE_PORT}"));
        self.arguments.push(format!("--caDir={}", ca.display()));
    }

    /// Starts it and waits until it says that it is ready.
    pub async fn start(&mut self, hub: &Namespace) -> Result<()> {
        let log = self.log.clone();
        let mut arguments = self.environment.clone();
        arguments.push(self.binary.display().to_string());
        arguments.extend(self.arguments.iter().cloned());
        let process = Process::start(hub, "istiod", Path::new("env"), &arguments, None, log)?;
        let process = self.process.insert(process);
        until("the daemon is ready", async || {
            if let Some(status) = process.ended()? {
                bail!("the daemon ended with {status}\n{}", process.tail());
            }
            Ok(is_ready(hub).await.unwrap_or_default().then_some(()))
        })
        .await
    }

    /// Asks it to end, and waits for that; an error unless it ends with status 0.
    pub fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the daemon does not run")?;
        let status = process.terminate()?;
        if !status.success() {
            bail!("the daemon ended with {status}\n{}", process.tail());
        }
        Ok(())
    }

    /// What a debug endpoint answers.
    pub async fn debug(&self, hub: &Namespace, path: &str) -> Result<Value> {
        let answer = get(hub, path).await?;
        serde_json::from_slice(&answer.body).with_context(|| format!("{path}: {}", answer.status))
    }

    /// All of its metrics with a name: labels and value.
    pub async fn metrics(&self, hub: &Namespace, name: &str) -> Result<Vec<(String, f64)>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, MONITORING_PORT));
        let answer = client::get(hub, address, "localhost", "/metrics").await?;
        let text = String::from_utf8_lossy(&answer.body);
        let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        let own = lines.filter(|(labels, _)| labels.is_empty() || labels.starts_with('{'));
        own.map(|(labels, value)| Ok((labels.to_owned(), value.parse()?))).collect()
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        self.process.as_ref().map(Process::tail).unwrap_or_default()
    }
}

/// Whether the daemon in a namespace says that it is ready.
pub async fn is_ready(hub: &Namespace) -> Result<bool> {
    Ok(get(hub, "/ready").await?.status.is_success())
}

async fn get(hub: &Namespace, path: &str) -> Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT));
    client::get(hub, address, "localhost", path).await
}
