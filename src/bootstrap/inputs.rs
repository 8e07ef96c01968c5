//! Sources, mesh configuration and the writer: all that makes snapshots.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::warn;

use super::clusters::Clusters;
use crate::api::cidr::Cidr;
use crate::api::jwks::KeySets;
use crate::api::list::items;
use crate::api::{Batch, Diagnostic, Kind, MeshConfig, Str, Wanted};
use crate::cli::discovery::Options;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::snapshot::Snapshots;
use crate::sources::jwks::{self, Addresses, JwksFetching};
use crate::sources::kubernetes::client::{self, Limits};
use crate::sources::kubernetes::remote::kubeconfig::Allowed;
use crate::sources::kubernetes::remote::{self, RemoteClusters, Shown, folder};
use crate::sources::kubernetes::wanted::clusters::WantedOfClusters;
use crate::sources::kubernetes::wanted::{self, WantedObjects};
use crate::sources::kubernetes::{self, Ignored, KubernetesSource, Status, Watched};
use crate::sources::mesh::{self, Document, FromConfigMap, Layers, MeshFile};
use crate::sources::yaml::{self, YamlSource};
use crate::store;
use crate::store::pacer;
use crate::store::writer::Writer;

/// How many batches a source may be ahead of the writer, which empties its queues at once: a source that fills
/// this waits for moments only.
const BATCHES: usize = 64;

/// The registry that stands for the cluster (`--registries`).
const KUBERNETES: &str = "Kubernetes";

/// What runs to make snapshots. Dropping it ends that.
pub struct Inputs {
    /// The snapshots.
    pub snapshots: Snapshots,
    /// What sources have to say of their objects, a list for each source.
    pub diagnostics: Vec<watch::Receiver<Arc<[Diagnostic]>>>,
    /// How far following the clusters is.
    pub clusters: Clusters,
    /// How the remote clusters are reached, by id.
    pub remote_clients: watch::Receiver<Arc<BTreeMap<Str, Client>>>,
    /// The mesh configuration, as files and ConfigMaps make it.
    pub mesh: watch::Receiver<Arc<MeshConfig>>,
    /// The API server of the own cluster, where there is one.
    pub own: Option<Client>,
    /// Where is told which Secrets and ConfigMaps are to be read of clusters.
    pub wanted: watch::Sender<Arc<Wanted>>,
    /// Where is told which roots agents are to have; nobody is told unless this is.
    pub anchors: watch::Sender<Option<Arc<[Str]>>>,
    /// The API server that the mesh's configuration comes from, to which the answers go; None where it comes from files.
    pub written: Option<Client>,
    /// Where entries of workloads that register themselves go, where there is no such API server.
    pub registered: Option<mpsc::Sender<Batch>>,
    tasks: JoinSet<anyhow::Result<()>>,
}

/// Who tells of the remote clusters.
enum ToldBy {
    /// Secrets of the cluster that configures the mesh.
    Configuration,
    /// Kubeconfigs in a directory.
    Folder(PathBuf),
    /// Secrets of the cluster that the process runs in.
    OwnPod(Client),
}

impl ToldBy {
    fn of(options: &Options, settings: &Settings) -> anyhow::Result<ToldBy> {
        if !settings.kubeconfig_folder.is_empty() {
            return Ok(ToldBy::Folder(settings.kubeconfig_folder.as_str().into()));
        }
        if !settings.external || !settings.secrets_of_own_pod {
            return Ok(ToldBy::Configuration);
        }
        let client = client::in_cluster(request_limits(options));
        client.map(ToldBy::OwnPod).context("LOCAL_CLUSTER_SECRET_WATCHER")
    }
}

/// What sources have in common while they are started.
struct Starting<'a> {
    options: &'a Options,
    settings: &'a Settings,
    metrics: &'a Arc<Metrics>,
    mesh: watch::Receiver<Arc<MeshConfig>>,
    diagnostics: Vec<watch::Receiver<Arc<[Diagnostic]>>>,
    inlets: Vec<mpsc::Receiver<Batch>>,
    remote_clients: watch::Sender<Arc<BTreeMap<Str, Client>>>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Inputs {
    /// Starts all of it. An error says which flag to mend.
    ///
    /// A directory configures the mesh where one is named, and then a cluster only gives what there is to reach,
    /// if it is named, too. Without a directory the cluster does both.
    pub async fn start(
        options: &Options,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Inputs> {
        let client = connect(options).await?;
        let own_client = client.clone();
        let wanted = watch::Sender::default();
        let written = client.clone().filter(|_| options.sources.config_dir.is_none());
        let (layers, mesh) = Layers::new();
        let (remote_clients, offered) = watch::channel(Arc::default());
        let (anchors, all_roots) = watch::channel(None);
        let mut starting = Starting {
            options,
            settings,
            metrics,
            mesh,
            diagnostics: Vec::new(),
            inlets: Vec::new(),
            remote_clients,
            tasks: JoinSet::new(),
        };
        let config_maps = starting.mesh(&layers)?;
        let ignored = Ignored::new(&settings.ignore_resources, &settings.include_resources);
        let told = ToldBy::of(options, settings)?;
        let in_configuration = matches!(told, ToldBy::Configuration);
        let (configuration, remotes) = starting.remotes(&ignored, &layers, told);
        let own = match (options.sources.config_dir.clone(), client) {
            (Some(directory), client) => {
                starting.directory(directory, config_maps, configuration);
                let registry = kubernetes::REGISTRY.map(Watched::all).to_vec();
                client.map(|client| {
                    let batches = starting.inlet();
                    starting.cluster(client, registry, Vec::new(), batches)
                })
            }
            (None, client) => {
                let mut all = kubernetes::watches(&ignored, &settings.watch_namespace);
                if in_configuration {
                    let namespace = &options.sources.cluster_registries_namespace;
                    all.push(Watched::labelled(Kind::Secret, namespace, remote::SELECTOR));
                }
                client.map(|client| starting.cluster(client, all, config_maps, configuration))
            }
        };
        if let Some(client) = &written {
            starting.wanted(client.clone(), &wanted);
        }
        starting.wanted_of_clusters(&offered, &wanted);
        let in_memory = written.is_none() && settings.register_workloads;
        let registered = in_memory.then(|| starting.inlet());
        let clusters = Clusters { id: starting.own(), own, remotes };
        let snapshots = starting.writer(all_roots)?;
        let Starting { diagnostics, tasks, mesh, .. } = starting;
        let (remote_clients, own) = (offered, own_client);
        Ok(Inputs {
            snapshots,
            diagnostics,
            clusters,
            remote_clients,
            mesh,
            own,
            wanted,
            anchors,
            written,
            registered,
            tasks,
        })
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

impl Starting<'_> {
    /// Reads the files of the mesh configuration, and follows them. Returns the ConfigMaps that are to be read
    /// where there are no files, and those that lie below.
    fn mesh(&mut self, layers: &Layers) -> anyhow::Result<Vec<FromConfigMap>> {
        let namespace = &self.options.identity.namespace;
        let mut config_maps = Vec::new();
        for document in [Document::Mesh, Document::Networks] {
            match document_file(document, self.options, layers)? {
                Some(path) => {
                    let (layers, diagnostics) = (layers.clone(), self.shown());
                    let file = MeshFile { document, path, layers, diagnostics };
                    self.tasks.spawn(mesh::run(file, std::future::pending()));
                }
                None => {
                    let (revision, layers) = (&self.settings.revision, layers.clone());
                    config_maps.push(FromConfigMap::own(document, namespace, revision, layers));
                }
            }
            if !self.settings.shared_mesh_config.is_empty() {
                let (name, layers) = (&self.settings.shared_mesh_config, layers.clone());
                config_maps.push(FromConfigMap::shared(document, namespace, name, layers));
            }
        }
        Ok(config_maps)
    }

    fn directory(
        &mut self,
        directory: PathBuf,
        mesh: Vec<FromConfigMap>,
        batches: mpsc::Sender<Batch>,
    ) {
        let diagnostics = self.shown();
        let source = YamlSource { directory, batches, diagnostics, mesh };
        self.tasks.spawn(yaml::run(source, std::future::pending()));
    }

    fn cluster(
        &mut self,
        client: Client,
        watches: Vec<Watched>,
        mesh: Vec<FromConfigMap>,
        batches: mpsc::Sender<Batch>,
    ) -> watch::Receiver<Status> {
        let (status, receiver) = watch::channel(Status::default());
        let source = KubernetesSource {
            client,
            cluster: self.own(),
            watches,
            revision: self.settings.revision.clone(),
            audit: kubernetes::AUDIT,
            batches,
            diagnostics: self.shown(),
            mesh,
            mesh_config: self.mesh.clone(),
            status,
            metrics: self.metrics.clone(),
        };
        self.tasks.spawn(kubernetes::run(source));
        receiver
    }

    /// Follows what is wanted of the cluster that configures the mesh.
    fn wanted(&mut self, client: Client, wanted: &watch::Sender<Arc<Wanted>>) {
        let (batches, diagnostics, wanted) = (self.inlet(), self.shown(), wanted.subscribe());
        let source = WantedObjects { client, cluster: None, wanted, batches, diagnostics };
        self.tasks.spawn(async move {
            wanted::run(source).await;
            Ok(())
        });
    }

    /// Follows what is wanted of the other clusters.
    fn wanted_of_clusters(
        &mut self,
        clients: &watch::Receiver<Arc<BTreeMap<Str, Client>>>,
        wanted: &watch::Sender<Arc<Wanted>>,
    ) {
        let (clients, wanted) = (clients.clone(), wanted.subscribe());
        let (batches, diagnostics) = (self.inlet(), self.shown());
        let source = WantedOfClusters { clients, wanted, batches, diagnostics };
        self.tasks.spawn(async move {
            wanted::clusters::run(source).await;
            Ok(())
        });
    }

    /// Follows the remote clusters. Returns the queue for what configures the mesh, among which are the secrets that
    /// tell of them, and how far they are.
    fn remotes(
        &mut self,
        ignored: &Ignored,
        layers: &Layers,
        told: ToldBy,
    ) -> (mpsc::Sender<Batch>, watch::Receiver<Arc<[Shown]>>) {
        let (settings, sources) = (self.settings, &self.options.sources);
        let namespace: Str = sources.cluster_registries_namespace.as_str().into();
        let (system, revision) = (&self.options.identity.namespace, &settings.revision);
        let mesh = FromConfigMap::own(Document::Mesh, system, revision, layers.clone()).watched();
        let features = settings.features();
        let watches = remote::watches(&features, ignored, &settings.watch_namespace, &mesh);
        let (configuration, batches) = mpsc::channel(BATCHES);
        let (to_remotes, secrets) = mpsc::channel(BATCHES);
        let (shown, receiver) = watch::channel(Arc::from([]));
        let clients = std::mem::take(&mut self.remote_clients);
        let source = RemoteClusters {
            clients,
            own: self.own(),
            namespace: namespace.clone(),
            secrets,
            allowed: Allowed::new(&settings.insecure_kubeconfig),
            limits: request_limits(self.options),
            watches,
            revision: settings.revision.clone(),
            audit: kubernetes::AUDIT,
            timeout: settings.remote_cluster_timeout,
            mesh_config: self.mesh.clone(),
            batches: self.inlet(),
            diagnostics: self.shown(),
            shown,
            metrics: self.metrics.clone(),
        };
        self.tasks.spawn(async move {
            remote::run(source).await;
            Ok(())
        });
        match told {
            ToldBy::Configuration => {
                let others = self.inlet();
                self.tasks.spawn(async move {
                    remote::divert(batches, namespace, to_remotes, others).await;
                    Ok(())
                });
                return (configuration, receiver);
            }
            ToldBy::Folder(folder) => {
                self.tasks.spawn(async move {
                    folder::run(folder, namespace, to_remotes).await;
                    Ok(())
                });
            }
            ToldBy::OwnPod(client) => {
                let secrets = Watched::labelled(Kind::Secret, &namespace, remote::SELECTOR);
                // Whoever waits for it waits for the remote clusters.
                drop(self.cluster(client, vec![secrets], Vec::new(), to_remotes));
            }
        }
        (self.inlet(), receiver)
    }

    /// The id of the own cluster.
    fn own(&self) -> Str {
        self.options.identity.cluster_id.as_str().into()
    }

    fn writer(
        &mut self,
        anchors: watch::Receiver<Option<Arc<[Str]>>>,
    ) -> anyhow::Result<Snapshots> {
        let config = store_config(self.options, self.settings);
        let unknown = jwks::unknown::key_set().context("no key for unknown issuers")?;
        let (keys, fetched) = watch::channel(Arc::new(KeySets::new(unknown)));
        let writer = Writer::new(config, limits(self.settings), self.metrics.clone());
        let writer = writer.with_keys(fetched).with_trust_anchors(anchors);
        let snapshots = writer.snapshots();
        self.tasks.spawn(jwks::run(JwksFetching {
            config: jwks_config(self.settings),
            wanted: writer.wanted(),
            keys,
            metrics: self.metrics.clone(),
        }));
        let (inlets, mesh) = (std::mem::take(&mut self.inlets), self.mesh.clone());
        self.tasks.spawn(async move {
            writer.run(inlets, mesh, std::future::pending()).await;
            Ok(())
        });
        Ok(snapshots)
    }

    /// A queue to the writer.
    fn inlet(&mut self) -> mpsc::Sender<Batch> {
        let (batches, inlet) = mpsc::channel(BATCHES);
        self.inlets.push(inlet);
        batches
    }

    /// Where a source shows what is wrong.
    fn shown(&mut self) -> watch::Sender<Arc<[Diagnostic]>> {
        let (sender, receiver) = watch::channel(Arc::from([]));
        self.diagnostics.push(receiver);
        sender
    }
}

/// A client for the cluster, where there is to be one.
pub(super) async fn connect(options: &Options) -> anyhow::Result<Option<Client>> {
    let sources = &options.sources;
    let kubeconfig = sources.kubeconfig.as_deref();
    let registered = sources.registries.iter().any(|registry| registry == KUBERNETES);
    if sources.config_dir.is_some() && (kubeconfig.is_none() || !registered) {
        return Ok(None);
    }
    let client = client::connect(kubeconfig, request_limits(options)).await;
    let client = client.with_context(|| match kubeconfig {
        Some(_) => "the cluster cannot be reached",
        None => {
            "there is nothing to serve: name a directory of YAML objects with --configDir, or a cluster with --kubeconfig"
        }
    });
    client.map(Some)
}

/// How often an API server may be asked.
fn request_limits(options: &Options) -> Limits {
    let sources = &options.sources;
    Limits { rate: sources.kubernetes_api_qps, burst: sources.kubernetes_api_burst }
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

pub(super) fn jwks_config(settings: &Settings) -> jwks::Config {
    let blocked = blocks("BLOCKED_CIDRS_IN_JWKS_URIS", &settings.jwks_blocked);
    let allowed = blocks("ISTIOD_ALLOWED_CIDRS_IN_JWKS_URIS", &settings.jwks_allowed);
    jwks::Config {
        refresh: settings.jwks_refresh,
        addresses: Addresses::new(blocked, allowed),
        insecure: settings.jwks_insecure,
        extra_roots: jwks::Config::EXTRA_ROOTS.into(),
    }
}

/// The blocks of a list with commas. What is none is told, and the others count.
pub(super) fn blocks(variable: &str, list: &str) -> Vec<Cidr> {
    let blocks = items(list).filter_map(|item| {
        let block = Cidr::parse(item);
        if block.is_none() {
            warn!("{variable}: {item:?} is ignored: a block such as 10.0.0.0/8 is needed");
        }
        block
    });
    blocks.collect()
}

fn limits(settings: &Settings) -> pacer::Limits {
    pacer::Limits { after: settings.debounce_after, max: settings.debounce_max }
}
