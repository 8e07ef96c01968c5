//! `istiod agent` in a pod: its files, its variables, its process.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::daemon::SECURE_PORT;
use super::namespace::Namespace;
use super::network::{HUB, SIDECAR_GROUP};
use super::objects::PodSpec;
use super::process::Process;

/// Where an agent finds its token, below its working directory.
const TOKEN: &str = "var/run/secrets/tokens/istio-token";
/// Where it finds the roots that the control plane is verified by.
const ROOT: &str = "var/run/secrets/istio/root-cert.pem";
/// What the control plane's certificate is for.
pub const SERVER: &str = "istiod.istio-system.svc";
/// Connections of removed listeners live as long as in meshes without an agent.
const CONFIG: &str = r#"{"drainDuration":"5s","terminationDrainDuration":"1s"}"#;

/// What all agents of a lab have in common.
#[derive(Clone, Debug)]
pub struct Agents {
    /// The binary.
    pub istiod: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
    /// The directory of objects.
    pub config: PathBuf,
    /// The mesh configuration.
    pub mesh: PathBuf,
    /// The directory of the daemon's CA.
    pub ca: PathBuf,
    /// Whether Envoys ask for incremental updates.
    pub delta: bool,
    /// More variables: `NAME=value`.
    pub variables: Vec<String>,
}

impl Agents {
    /// Starts the agent of a pod, with a directory of its own. It starts the pod's Envoy.
    pub fn start(
        &self,
        namespace: &Namespace,
        spec: &PodSpec,
        directory: &Path,
    ) -> Result<Process> {
        self.provide(spec, directory)?;
        let mut arguments = vec![
            format!("ISTIOD_SAN={SERVER}"),
            format!("PROXY_CONFIG={CONFIG}"),
            format!("ISTIO_DELTA_XDS={}", self.delta),
        ];
        arguments.extend(self.variables.iter().cloned());
        arguments.extend([
            self.istiod.display().to_string(),
            "agent".to_owned(),
            "proxy".to_owned(),
            if spec.gateway { "router" } else { "sidecar" }.to_owned(),
            format!("--workDir={}", directory.display()),
            format!("--proxy={}.{}", spec.name, spec.namespace),
            format!("--configDir={}", self.config.display()),
            format!("--meshConfig={}", self.mesh.display()),
            format!("--discoveryAddress={HUB}:{SECURE_PORT}"),
            format!("--envoy={}", self.envoy.display()),
            "--concurrency=1".to_owned(),
        ]);
        let name = format!("agent of {}", spec.name);
        let log = directory.with_extension("log");
        Process::start(namespace, &name, Path::new("env"), &arguments, Some(SIDECAR_GROUP), log)
    }

    /// What a pod is given from outside: a token, and the root.
    fn provide(&self, spec: &PodSpec, directory: &Path) -> Result<()> {
        let root = std::fs::read(self.ca.join("ca-cert.pem")).context("the daemon's CA")?;
        write(&directory.join(ROOT), &root)?;
        write(&directory.join(TOKEN), self.token(spec)?.as_bytes())
    }

    fn token(&self, spec: &PodSpec) -> Result<String> {
        let mut command = Command::new(&self.istiod);
        command.args(["ca", "token"]);
        command.arg(format!("--caDir={}", self.ca.display()));
        command.arg(format!("--namespace={}", spec.namespace));
        command.arg(format!("--service-account={}", spec.service_account));
        let output = command.output().context("cannot run istiod ca token")?;
        if !output.status.success() {
            bail!("istiod ca token: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(file, content).with_context(|| file.display().to_string())
}
