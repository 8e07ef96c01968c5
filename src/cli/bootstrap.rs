//! `istiod bootstrap`: an Envoy bootstrap for a pod, without an agent.
//!
//! Reads the objects once, lets the store derive what they say of the pod, and prints JSON: the same input
//! gives the same bytes. Speaks with nobody; where the control plane and the secrets are is only written down.

pub mod envoy;
pub mod node;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;

use self::envoy::{Address, Settings, bootstrap};
use self::node::{Pods, find};
use crate::api::{Change, MeshConfig, Object, Severity};
use crate::sources::mesh::{self, Document, Layers, MeshFile};
use crate::sources::yaml;
use crate::store::{Config, Store};

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
    /// The mesh configuration that the control plane has, which has defaults for proxies
    #[arg(long = "meshConfig", value_name = "FILE")]
    mesh_config: Option<PathBuf>,
    /// The DNS suffix of services
    #[arg(long, default_value = "cluster.local")]
    domain: String,
    /// The id of the pod's cluster
    #[arg(long = "clusterID", value_name = "ID", default_value = "Kubernetes")]
    cluster_id: String,
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
pub fn run(arguments: &Args) -> anyhow::Result<ExitCode> {
    let node = match (&arguments.node, &arguments.proxy, &arguments.config_dir) {
        (Some(file), ..) => read_node(file)?,
        (None, Some(name), Some(directory)) => derive_node(arguments, name, directory)?,
        _ => anyhow::bail!("--proxy with --configDir, or --node is needed"),
    };
    let settings = Settings {
        xds: arguments.address.clone(),
        delta: arguments.delta,
        sds: arguments.sds.clone(),
        admin_port: arguments.admin_port,
        stats_port: arguments.stats_port,
        status_port: arguments.status_port,
    };
    let text = serde_json::to_string_pretty(&bootstrap(&node, &settings))?;
    super::print(&(text + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn read_node(file: &Path) -> anyhow::Result<Value> {
    let what = || format!("--node {}", file.display());
    let text = std::fs::read_to_string(file).with_context(what)?;
    let node: Value = serde_yaml::from_str(&text).with_context(what)?;
    let id = node.get("id").and_then(Value::as_str).unwrap_or_default();
    anyhow::ensure!(!id.is_empty(), "{}: a node with an id is needed", what());
    Ok(node)
}

fn read_mesh(file: Option<&Path>) -> anyhow::Result<MeshConfig> {
    let Some(file) = file else { return Ok(mesh::defaults()) };
    let what = || format!("--meshConfig {}", file.display());
    let (layers, mesh) = Layers::new();
    let exists = MeshFile::load(Document::Mesh, file, &layers).with_context(what)?;
    anyhow::ensure!(exists, "{}: no such file", what());
    Ok(MeshConfig::clone(&mesh.borrow()))
}

fn derive_node(arguments: &Args, name: &str, directory: &Path) -> anyhow::Result<Value> {
    let (objects, diagnostics) = yaml::load(&[directory.to_owned()]);
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        // Without standard error there is nobody to tell, and the bootstrap may be whole nevertheless.
        let _ = writeln!(io::stderr(), "{diagnostic}");
    }
    let pods: Pods = objects
        .iter()
        .filter_map(|object| match object {
            Object::Pod(pod) => Some((object.key(), pod.clone())),
            _ => None,
        })
        .collect();
    let mut store = Store::new(Config {
        cluster: arguments.cluster_id.as_str().into(),
        domain: arguments.domain.as_str().into(),
        ..Default::default()
    });
    store.set_mesh(Arc::new(read_mesh(arguments.mesh_config.as_deref())?));
    store.apply(objects.into_iter().map(Change::Apply));
    find(&store.snapshot(), &pods, name)
        .with_context(|| format!("--proxy {name} in {}", directory.display()))
}
