//! What commands that read a directory of objects once have in common: their flags, the reading, and the proxy that
//! is meant. The same rules as `discovery`, without watching.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;

use super::node::{Pods, find};
use crate::api::{Change, Diagnostic, MeshConfig, Object, Severity};
use crate::model::Proxy;
use crate::proto::json::from_json;
use crate::serve::node::Nodes;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::sources::mesh::{Document, FromConfigMap, Layers, MeshFile};
use crate::sources::yaml::{self, Files, Places};
use crate::store::{Config, Store};

/// The mesh that the objects make.
#[derive(Debug, clap::Args)]
pub struct Mesh {
    /// The mesh configuration; without it the ConfigMap istio of the directory counts
    #[arg(long = "meshConfig", value_name = "FILE")]
    mesh_config: Option<PathBuf>,
    /// The mesh networks; without it those of the same ConfigMap count
    #[arg(long = "networksConfig", value_name = "FILE")]
    networks_config: Option<PathBuf>,
    /// The DNS suffix of services
    #[arg(long, default_value = "cluster.local")]
    domain: String,
    /// The id of the pods' cluster
    #[arg(long = "clusterID", value_name = "ID", default_value = "Kubernetes")]
    cluster_id: String,
    /// The system namespace
    #[arg(short, long, default_value = "istio-system")]
    namespace: String,
}

/// A proxy of a directory of objects.
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// The directory of YAML objects
    #[arg(long = "configDir", value_name = "DIR")]
    config_dir: PathBuf,
    /// The pod whose proxy is meant, or a workload, whose first pod it is: NAME or NAME.NAMESPACE
    #[arg(long, value_name = "NAME", required_unless_present = "node")]
    proxy: Option<String>,
    /// A file with the node of the proxy's Envoy (id, cluster, locality, metadata), instead of a pod
    #[arg(long, value_name = "FILE", conflicts_with = "proxy")]
    node: Option<PathBuf>,
    #[command(flatten)]
    mesh: Mesh,
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The state of the mesh.
    pub snapshot: Arc<Snapshot>,
    /// The pods, which a snapshot does not keep.
    pub pods: Pods,
    /// Where the objects stand.
    pub places: Places,
    /// What is to be said of the objects, each by itself.
    pub findings: Vec<Diagnostic>,
}

impl Mesh {
    /// The mesh of a file of mesh configuration, if there is one, and of defaults.
    pub fn with_defaults(mesh_config: PathBuf) -> Mesh {
        Mesh {
            mesh_config: Some(mesh_config).filter(|file| file.exists()),
            networks_config: None,
            domain: "cluster.local".to_owned(),
            cluster_id: "Kubernetes".to_owned(),
            namespace: "istio-system".to_owned(),
        }
    }

    /// Reads the directory. Blocks on the file system.
    ///
    /// # Errors
    /// When the mesh configuration cannot be used.
    pub fn load(&self, directory: &Path, settings: &Settings) -> anyhow::Result<Loaded> {
        self.load_with(&[directory.to_owned()], Files::new(), settings)
    }

    /// The same of several directories and files, and of content that is not read from the file system.
    pub fn load_with(
        &self,
        paths: &[PathBuf],
        files: Files,
        settings: &Settings,
    ) -> anyhow::Result<Loaded> {
        let (objects, places, mut findings) = yaml::load_placed(paths, files);
        let pods = objects.iter().filter_map(|object| match object {
            Object::Pod(pod) => Some((object.key(), pod.clone())),
            _ => None,
        });
        let pods: Pods = pods.collect();
        let changes: Vec<Change> = objects.into_iter().map(Change::Apply).collect();
        let mesh = self.mesh_config(&changes, settings, &mut findings)?;
        let mut store = Store::new(Config {
            cluster: self.cluster_id.as_str().into(),
            domain: self.domain.as_str().into(),
            system_namespace: self.namespace.as_str().into(),
            features: settings.features(),
        });
        store.set_mesh(mesh);
        store.apply(changes);
        Ok(Loaded { snapshot: store.snapshot(), pods, places, findings })
    }

    fn mesh_config(
        &self,
        changes: &[Change],
        settings: &Settings,
        findings: &mut Vec<Diagnostic>,
    ) -> anyhow::Result<Arc<MeshConfig>> {
        let (layers, mesh) = Layers::new();
        let mut config_maps = Vec::new();
        let files = [
            (Document::Mesh, "--meshConfig", &self.mesh_config),
            (Document::Networks, "--networksConfig", &self.networks_config),
        ];
        for (document, flag, file) in files {
            match file {
                Some(file) => {
                    let what = || format!("{flag} {}", file.display());
                    let exists = MeshFile::load(document, file, &layers).with_context(what)?;
                    anyhow::ensure!(exists, "{}: no such file", what());
                }
                None => {
                    let (revision, layers) = (&settings.revision, layers.clone());
                    let namespace = &self.namespace;
                    config_maps.push(FromConfigMap::own(document, namespace, revision, layers));
                }
            }
            if !settings.shared_mesh_config.is_empty() {
                let (name, layers) = (&settings.shared_mesh_config, layers.clone());
                config_maps.push(FromConfigMap::shared(document, &self.namespace, name, layers));
            }
        }
        for config_map in &mut config_maps {
            let started = config_map.start(changes);
            findings.extend(started.map_err(|error| anyhow::anyhow!("{error}"))?);
        }
        let mesh = mesh.borrow().clone();
        Ok(mesh)
    }
}

impl Loaded {
    /// Says what there is to say, from this severity on.
    pub fn tell(&self, least: Severity) {
        tell(self.findings.iter().filter(|finding| finding.severity >= least));
    }

    /// The proxies of all pods, as far as these have an address.
    pub fn proxies(&self) -> impl Iterator<Item = Proxy> {
        let nodes = Nodes::default();
        self.pods.keys().filter_map(move |pod| {
            let name = format!("{}.{}", pod.name, pod.namespace);
            let node = find(&self.snapshot, &self.pods, &name).ok()?;
            let bytes = from_json("envoy.config.core.v3.Node", &node).ok()?;
            nodes.proxy(Some(&bytes)).ok()
        })
    }

    /// The node that the pod's proxy would present.
    pub fn derive_node(&self, directory: &Path, name: &str) -> anyhow::Result<Value> {
        find(&self.snapshot, &self.pods, name)
            .with_context(|| format!("--proxy {name} in {}", directory.display()))
    }
}

impl Whose {
    /// Reads the directory, tells what was found in it, and finds the proxy.
    pub fn load(&self, settings: &Settings) -> anyhow::Result<(Loaded, Proxy)> {
        let loaded = self.mesh.load(&self.config_dir, settings)?;
        loaded.tell(Severity::Warning);
        let (node, what) = match (&self.node, &self.proxy) {
            (Some(file), _) => (read_node(file)?, format!("--node {}", file.display())),
            (None, Some(name)) => {
                (loaded.derive_node(&self.config_dir, name)?, format!("--proxy {name}"))
            }
            (None, None) => anyhow::bail!("--proxy or --node is needed"),
        };
        let bytes = from_json("envoy.config.core.v3.Node", &node).with_context(|| what.clone())?;
        let proxy = Nodes::default().proxy(Some(&bytes));
        let proxy = proxy.map_err(|status| anyhow::anyhow!("{what}: {}", status.message()))?;
        Ok((loaded, proxy))
    }
}

/// Reads a node from a file. A name beside it, such as a list of nodes has, is none of an Envoy's.
pub fn read_node(file: &Path) -> anyhow::Result<Value> {
    let what = || format!("--node {}", file.display());
    let text = std::fs::read_to_string(file).with_context(what)?;
    let mut node: Value = serde_yaml::from_str(&text).with_context(what)?;
    let id = node.get("id").and_then(Value::as_str).unwrap_or_default();
    anyhow::ensure!(!id.is_empty(), "{}: a node with an id is needed", what());
    if let Some(fields) = node.as_object_mut() {
        fields.remove("name");
    }
    Ok(node)
}

/// Says these on standard error, a line each.
pub fn tell<'a>(findings: impl Iterator<Item = &'a Diagnostic>) {
    let mut stderr = io::stderr().lock();
    for finding in findings {
        // Without standard error there is nobody to tell, and the answer may be whole nevertheless.
        let _ = writeln!(stderr, "{finding}");
    }
}
