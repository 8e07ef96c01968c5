//! The Envoy of a pod, be it a sidecar or a gateway, and who keeps its secrets: an agent that runs it, or a secret server
//! beside it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::authority::Identity;
use super::client;
use super::namespace::Namespace;
use super::network::SIDECAR_GROUP;
use super::process::Process;
use super::secrets::SecretServer;
use super::wait::until;

/// The port of Envoy's admin interface, on loopback.
const ADMIN_PORT: u16 = 15000;
/// How long Envoy lets connections of removed listeners live. Short, because tests remove some.
const DRAIN_SECONDS: u32 = 5;
/// Where the counters of accepted and refused configuration are.
const UPDATES: &str = "update_(success|rejected)$";

/// A running sidecar; dropping it ends both processes.
pub struct Sidecar {
    process: Process,
    _secrets: Option<SecretServer>,
}

impl Sidecar {
    /// An Envoy that an agent runs.
    pub fn of_agent(process: Process) -> Sidecar {
        Sidecar { process, _secrets: None }
    }

    /// Starts Envoy in a pod's namespace with a bootstrap, and serves the pod's identity, and certificates of the files
    /// below `root`, on `socket`.
    pub fn start(
        namespace: &Namespace,
        envoy: &Path,
        bootstrap: &Path,
        socket: &Path,
        identity: Identity,
        root: PathBuf,
    ) -> Result<Sidecar> {
        let secrets = SecretServer::start(socket, identity, root)?;
        let file = bootstrap.display().to_string();
        let arguments = ["-c", &file, "--concurrency", "1", "--disable-hot-restart"];
        let quiet = ["--log-level", "warning", "--component-log-level", "misc:error"];
        let mut arguments: Vec<String> =
            arguments.into_iter().chain(quiet).map(String::from).collect();
        arguments.extend(["--drain-time-s".to_owned(), DRAIN_SECONDS.to_string()]);
        let log = bootstrap.with_extension("log");
        let name = format!("envoy of {}", bootstrap.file_stem().unwrap_or_default().display());
        let group = Some(SIDECAR_GROUP);
        let process = Process::start(namespace, &name, envoy, &arguments, group, log)?;
        Ok(Sidecar { process, _secrets: Some(secrets) })
    }

    /// Waits until Envoy has its first configuration and takes requests.
    pub async fn ready(&mut self, namespace: &Namespace) -> Result<()> {
        let process = &mut self.process;
        let ready = until("Envoy is ready", async || {
            if let Some(status) = process.ended()? {
                bail!("Envoy ended with {status}");
            }
            let answer = admin(namespace, "/ready").await;
            Ok(answer.is_ok_and(|text| text.starts_with("LIVE")).then_some(()))
        });
        let result = ready.await;
        result.with_context(|| self.process.tail())
    }

    /// The counters and gauges whose names match a regular expression.
    pub async fn stats(
        &self,
        namespace: &Namespace,
        filter: &str,
    ) -> Result<BTreeMap<String, u64>> {
        let text = admin(namespace, &format!("/stats?filter={filter}")).await?;
        let stat = |line: &str| {
            let (name, value) = line.rsplit_once(": ")?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(text.lines().filter_map(stat).collect())
    }

    /// An error unless everything that was sent was accepted.
    pub async fn accepted_all(&self, namespace: &Namespace) -> Result<()> {
        let stats = self.stats(namespace, UPDATES).await?;
        let rejected: Vec<&String> = stats
            .iter()
            .filter(|(name, value)| name.ends_with("rejected") && **value > 0)
            .map(|(name, _)| name)
            .collect();
        let lacks = |name: &str| stats.get(name).is_none_or(|value| *value == 0);
        if !rejected.is_empty() {
            bail!("Envoy refused an update: {rejected:?}\n{}", self.tail());
        }
        for name in ["cluster_manager.cds.update_success", "listener_manager.lds.update_success"] {
            if lacks(name) {
                bail!("Envoy never got an update: {name} is 0\n{}", self.tail());
            }
        }
        Ok(())
    }

    /// Asks whoever runs to end, and waits for that; an error unless it ends with status 0.
    pub fn stop(&mut self) -> Result<()> {
        let status = self.process.terminate()?;
        if !status.success() {
            bail!("ended with {status}\n{}", self.process.tail());
        }
        Ok(())
    }

    /// The end of Envoy's log.
    pub fn tail(&self) -> String {
        self.process.tail()
    }
}

/// What Envoy's admin interface answers.
pub async fn admin(namespace: &Namespace, path: &str) -> Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT));
    let answer = client::get(namespace, address, "localhost", path).await?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}
