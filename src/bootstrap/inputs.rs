//! Sources, mesh configuration and the writer: all that makes snapshots.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::api::Diagnostic;
use crate::cli::discovery::Options;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::snapshot::Snapshots;
use crate::sources::mesh::{self, Document, FromConfigMap, Layers, MeshFile};
use crate::sources::yaml::{self, YamlSource};
use crate::store;
use crate::store::pacer::Limits;
use crate::store::writer::Writer;

/// How many batches a source may be ahead of the writer, which empties its queues at once: a source that fills
/// this waits for moments only.
const BATCHES: usize = 64;

/// What runs to make snapshots. Dropping it ends that.
#[derive(Debug)]
pub struct Inputs {
    /// The snapshots.
    pub snapshots: Snapshots,
    /// What sources have to say of their objects, a list for each source.
    pub diagnostics: Vec<watch::Receiver<Arc<[Diagnostic]>>>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Inputs {
    /// Starts all of it. An error says which flag to mend.
    pub fn start(
        options: &Options,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Inputs> {
        let Some(directory) = options.sources.config_dir.clone() else {
            bail!("there is nothing to serve: name a directory of YAML objects with --configDir");
        };
        let mut tasks = JoinSet::new();
        let mut diagnostics = Vec::new();
        let mut shown = || {
            let (sender, receiver) = watch::channel(Arc::from([]));
            diagnostics.push(receiver);
            sender
        };

        let (layers, mesh) = Layers::new();
        let namespace = &options.identity.namespace;
        let mut config_maps = Vec::new();
        for document in [Document::Mesh, Document::Networks] {
            match document_file(document, options, &layers)? {
                Some(path) => {
                    let (layers, diagnostics) = (layers.clone(), shown());
                    let file = MeshFile { document, path, layers, diagnostics };
                    tasks.spawn(mesh::run(file, std::future::pending()));
                }
                None => {
                    let (revision, layers) = (&settings.revision, layers.clone());
                    config_maps.push(FromConfigMap::own(document, namespace, revision, layers));
                }
            }
            if !settings.shared_mesh_config.is_empty() {
                let (name, layers) = (&settings.shared_mesh_config, layers.clone());
                config_maps.push(FromConfigMap::shared(document, namespace, name, layers));
            }
        }

        let (batches, inbox) = mpsc::channel(BATCHES);
        let source = YamlSource { directory, batches, diagnostics: shown(), mesh: config_maps };
        tasks.spawn(yaml::run(source, std::future::pending()));

        let writer =
            Writer::new(store_config(options, settings), limits(settings), metrics.clone());
        let snapshots = writer.snapshots();
        tasks.spawn(async move {
            writer.run(vec![inbox], mesh, std::future::pending()).await;
            Ok(())
        });
        Ok(Inputs { snapshots, diagnostics, tasks })
    }

    /// Waits for the first part that fails. Parts that merely end do not count.
    pub async fn failed(&mut self) -> anyhow::Error {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return error,
                Some(Err(error)) => return error.into(),
                None => std::future::pending().await,
            }
        }
    }
}

/// The file of a document, where it exists. What it says at start is in the layers then.
fn document_file(
    document: Document,
    options: &Options,
    layers: &Layers,
) -> anyhow::Result<Option<PathBuf>> {
    let (path, wrong) = match document {
        Document::Mesh => (&options.sources.mesh_config, "the mesh configuration is not valid"),
        Document::Networks => (&options.sources.networks_config, "the mesh networks are not valid"),
    };
    let Some(path) = path else { return Ok(None) };
    Ok(MeshFile::load(document, path, layers).context(wrong)?.then(|| path.clone()))
}

fn store_config(options: &Options, settings: &Settings) -> store::Config {
    store::Config {
        cluster: options.identity.cluster_id.as_str().into(),
        domain: options.identity.domain.as_str().into(),
        system_namespace: options.identity.namespace.as_str().into(),
        features: settings.features(),
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits { after: settings.debounce_after, max: settings.debounce_max }
}
