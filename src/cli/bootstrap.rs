//! `istiod bootstrap`: an Envoy bootstrap for a pod, without an agent.
//!
//! Reads the objects once, lets the store derive what they say of the pod, and prints JSON: the same input
//! gives the same bytes. Speaks with nobody; where the control plane and the secrets are is only written down.

use std::path::PathBuf;
use std::process::ExitCode;

use super::inputs::{Mesh, read_node};
use super::node;
use crate::agent::bootstrap::{self, Address, bootstrap};
use crate::api::Severity;
use crate::settings::Settings;

/// Whose bootstrap, and where everything is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pod whose proxy starts, or a workload of which the first pod is meant: NAME or NAME.NAMESPACE
    #[arg(long, value_name = "NAME", required_unless_present = "node", requires = "config_dir")]
    proxy: Option<String>,
    /// A file with the node itself (id, cluster, locality, metadata), instead of a pod
    #[arg(long, value_name = "FILE", conflicts_with = "proxy")]
    node: Option<PathBuf>,
    /// The directory of YAML objects that has the pod
    #[arg(long = "configDir", value_name = "DIR")]
    config_dir: Option<PathBuf>,
    #[command(flatten)]
    mesh: Mesh,
    /// Where the control plane is: HOST:PORT or unix:PATH
    #[arg(long, default_value = "127.0.0.1:15010")]
    address: Address,
    /// Where secrets are: HOST:PORT or unix:PATH
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "unix:./var/run/secrets/workload-spiffe-uds/socket"
    )]
    sds: Address,
    /// Ask for incremental updates
    #[arg(long)]
    delta: bool,
    /// The port of Envoy's admin interface on 127.0.0.1
    #[arg(long, value_name = "PORT", default_value_t = ADMIN_PORT)]
    admin_port: u16,
    /// The port that serves statistics; 0 for none
    #[arg(long, value_name = "PORT", default_value_t = node::STATS_PORT)]
    stats_port: u16,
    /// The port that tells whether the proxy is ready; 0 for none
    #[arg(long, value_name = "PORT", default_value_t = node::STATUS_PORT)]
    status_port: u16,
}

/// Where Istio's sidecars have their admin interface.
const ADMIN_PORT: u16 = 15000;

/// Prints the bootstrap.
pub fn run(arguments: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let node = match (&arguments.node, &arguments.proxy, &arguments.config_dir) {
        (Some(file), ..) => read_node(file)?,
        (None, Some(name), Some(directory)) => {
            let loaded = arguments.mesh.load(directory, settings)?;
            loaded.tell(Severity::Error);
            loaded.derive_node(directory, name)?
        }
        _ => anyhow::bail!("--proxy with --configDir, or --node is needed"),
    };
    let settings = bootstrap::Settings {
        xds: arguments.address.clone(),
        xds_tls: None,
        xds_headers: Vec::new(),
        delta: arguments.delta,
        sds: arguments.sds.clone(),
        admin_port: arguments.admin_port,
        stats_port: arguments.stats_port,
        status_port: arguments.status_port,
        agent_port: 0,
    };
    let text = serde_json::to_string_pretty(&bootstrap(&node, &settings))?;
    super::print(&(text + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
