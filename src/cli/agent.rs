//! `istiod agent`: gets certificates, serves them to an Envoy, and runs that Envoy.
//!
//! Owns the flags, which are those of `pilot-agent proxy` where they mean the same, and the reading of the files that
//! say what the proxy is. What runs is `bootstrap::agent`'s.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::discovery::Log;
use super::inputs::{Mesh, read_node};
use crate::agent::app_probes::AppProbes;
use crate::agent::envoy::{Program, with_parent};
use crate::agent::health::Health;
use crate::agent::node::{self, Place, Role};
use crate::agent::plan::{self, plan};
use crate::agent::proxy_config::ProxyConfig;
use crate::agent::status::Targets;
use crate::api::Severity;
use crate::bootstrap::agent::{self, Agent};
use crate::logging;
use crate::settings::Settings;
use crate::settings::agent::AgentSettings;
use crate::version;

/// The mesh configuration, as istio-agent has it mounted.
const MESH: &str = "./etc/istio/config/mesh";
/// What the downward API writes of a pod.
const LABELS: &str = "./etc/istio/pod/labels";
/// See [`LABELS`].
const ANNOTATIONS: &str = "./etc/istio/pod/annotations";

/// What the agent is told on the command line; the rest is in the environment.
#[derive(Debug, Args)]
#[command(rename_all = "camelCase")]
pub struct Options {
    /// What the proxy is: sidecar or router; the word proxy before it, as for pilot-agent, changes nothing
    #[arg(value_name = "ROLE", num_args = 0..=2, value_parser = ["proxy", "sidecar", "router"])]
    words: Vec<String>,
    /// The directory that relative paths begin at, such as ./var/run/secrets/tokens/istio-token
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// The mesh configuration, whose defaultConfig counts
    #[arg(long = "meshConfig", value_name = "FILE", default_value = MESH)]
    mesh_config: PathBuf,
    /// The address of the control plane, over all configuration: HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    discovery_address: Option<String>,
    /// Envoy, over all configuration
    #[arg(long, value_name = "FILE")]
    envoy: Option<PathBuf>,
    /// The DNS domain of the proxy; NAMESPACE.svc.cluster.local if empty
    #[arg(long, default_value = "")]
    domain: String,
    /// What Envoy takes for the cluster that it belongs to
    #[arg(long, value_name = "NAME", default_value = "istio-proxy")]
    service_cluster: String,
    /// Worker threads of Envoy; as configured if 0
    #[arg(long, value_name = "THREADS", default_value_t = 0)]
    concurrency: u32,
    /// Envoy's log, such as warning,misc:error
    #[arg(long, value_name = "LEVELS", default_value = "warning,misc:error")]
    proxy_log_level: String,
    /// Envoy's log by component, where --proxyLogLevel names none
    #[arg(long, value_name = "LEVELS", default_value = "")]
    proxy_component_log_level: String,
    /// The pod of a directory whose proxy this is, instead of what the environment says: NAME or NAME.NAMESPACE
    #[arg(long, value_name = "NAME", requires = "config_dir", conflicts_with = "node")]
    proxy: Option<String>,
    /// The directory of YAML objects that has the pod
    #[arg(long, value_name = "DIR", requires = "proxy")]
    config_dir: Option<PathBuf>,
    /// A file with the node itself (id, cluster, locality, metadata), instead of what the environment says
    #[arg(long, value_name = "FILE")]
    node: Option<PathBuf>,
    /// The log.
    #[command(flatten)]
    log: Log,
}

/// Becomes another command that dies with its parent.
#[derive(Debug, Args)]
pub struct WithParent {
    /// The parent's process id
    parent: i32,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Runs the agent to its end.
pub(super) fn run<E>(
    mut options: Options,
    settings: &Settings,
    environment: E,
) -> anyhow::Result<ExitCode>
where
    E: IntoIterator<Item = (String, String)>,
{
    if let Err(error) = logging::start(&options.log.config()) {
        return Ok(super::complain(&error.to_string(), super::MISUSED));
    }
    info!("istiod agent {}", version::tag());
    let (own, notes) = AgentSettings::read(environment);
    notes.iter().for_each(|note| warn!("{note}"));
    // Before the directory changes: these are the user's words.
    let given = options.given_node(settings)?;
    options.make_absolute()?;
    if let Some(folder) = &options.work_dir {
        std::env::set_current_dir(folder)
            .with_context(|| format!("--workDir {}", folder.display()))?;
    }
    let agent = options.agent(own, given)?;
    Ok(agent::run(agent)?.into())
}

/// Runs [`WithParent`].
pub(super) fn with_parent_of(arguments: &WithParent) -> anyhow::Result<ExitCode> {
    match with_parent(arguments.parent, &arguments.command)? {}
}

impl Options {
    /// What was said of files is meant from where it was said.
    fn make_absolute(&mut self) -> io::Result<()> {
        if let Some(envoy) = &mut self.envoy {
            *envoy = std::path::absolute(&*envoy)?;
        }
        if self.mesh_config != Path::new(MESH) {
            self.mesh_config = std::path::absolute(&self.mesh_config)?;
        }
        Ok(())
    }

    fn role(&self) -> Role {
        let router = self.words.iter().any(|word| word == "router");
        if router { Role::Router } else { Role::Sidecar }
    }

    /// The node, if it is not to be made of the environment.
    fn given_node(&self, settings: &Settings) -> anyhow::Result<Option<Value>> {
        match (&self.node, &self.proxy, &self.config_dir) {
            (Some(file), ..) => read_node(file).map(Some),
            (None, Some(name), Some(directory)) => {
                let loaded =
                    Mesh::with_defaults(self.mesh_config.clone()).load(directory, settings)?;
                loaded.tell(Severity::Error);
                loaded.derive_node(directory, name).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn agent(&self, settings: AgentSettings, given: Option<Value>) -> anyhow::Result<Agent> {
        let annotations = downward(ANNOTATIONS)?.unwrap_or_default();
        let config = self.proxy_config(&settings, &annotations)?;
        let node = match given {
            Some(node) => node,
            None => {
                let place = Place {
                    role: self.role(),
                    domain: self.domain.clone(),
                    addresses: node::addresses(),
                    host_name: node::host_name(),
                    labels: downward(LABELS)?,
                    annotations,
                };
                node::node(&settings, &config, &place)?
            }
        };
        let id = node.get("id").and_then(Value::as_str).unwrap_or_default();
        info!("the proxy is {id}, of the control plane at {}", config.discovery_address);
        let ips = node.pointer("/metadata/INSTANCE_IPS").and_then(Value::as_str);
        let first = ips.and_then(|ips| ips.split(',').next()).filter(|ip| !ip.is_empty());
        let application = match first.filter(|_| !settings.variables.probe_localhost) {
            Some(ip) => ip.to_owned(),
            None => "localhost".to_owned(),
        };
        let plan = plan(&settings, &config, &node, |file: &Path| file.exists())?;
        let variables = &settings.variables;
        let mut arguments = plan::arguments(&settings, &config, &node);
        arguments
            .extend(plan::log_arguments(&self.proxy_log_level, &self.proxy_component_log_level));
        let program = Program {
            launcher: agent::launcher(),
            path: config.binary_path.clone().into(),
            arguments,
        };
        let custom = Some(&config.custom_config_file).filter(|file| !file.is_empty());
        Ok(Agent {
            targets: Targets::read(
                variables.merge_envoy,
                &variables.prometheus,
                config.status_port,
            )?,
            metrics_loopback_only: variables.metrics_loopback_only,
            probes: AppProbes::read(&variables.app_probes, &application, config.status_port)?,
            health: Health::read(config.raw.get("readinessProbe"), &application)?,
            shared_output: !variables.kubernetes.is_empty(),
            envoy: (!variables.no_envoy).then_some(program),
            config_path: config.config_path.clone().into(),
            custom_config: custom.map(PathBuf::from),
            plan,
            node,
        })
    }

    fn proxy_config(
        &self,
        settings: &AgentSettings,
        annotations: &BTreeMap<String, String>,
    ) -> anyhow::Result<ProxyConfig> {
        let mesh = read_if_there(&self.mesh_config)?.unwrap_or_default();
        let whence = self.mesh_config.display().to_string();
        let mut flags = Map::new();
        let mut set = |key: &str, value: Value| drop(flags.insert(key.to_owned(), value));
        if let Some(address) = &self.discovery_address {
            set("discoveryAddress", json!(address));
        }
        if let Some(envoy) = &self.envoy {
            set("binaryPath", json!(envoy));
        }
        if self.concurrency != 0 {
            set("concurrency", json!(self.concurrency));
        }
        if self.service_cluster != "istio-proxy" {
            set("serviceCluster", json!(self.service_cluster));
        }
        let own = ("PROXY_CONFIG", &*settings.variables.proxy_config);
        ProxyConfig::read((&whence, &mesh), own, annotations, flags)
    }
}

fn downward(file: &str) -> anyhow::Result<Option<BTreeMap<String, String>>> {
    let text = read_if_there(Path::new(file))?;
    text.map(|text| node::downward(&text).with_context(|| file.to_owned())).transpose()
}

fn read_if_there(file: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}
