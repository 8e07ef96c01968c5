//! The Kubernetes source: the objects of a cluster, as its API server tells them.
//!
//! Owns watching, staying in step with the server, and what of it concerns the mesh. The way of an object:
//! [`follow`] reads it off the wire (`received` drops what nobody reads), `state` projects it, decides whether it
//! concerns the mesh and what changed, and what changed goes on as a batch. Nothing goes on before everything was
//! read once. What is lost while the server is away is only time: what is known stays, and what changed meanwhile
//! comes with the next watch or list. Must not know what is made of the objects, nor write anything.

pub mod access;
mod audit;
pub mod client;
mod definitions;
mod filter;
mod follow;
mod query;
mod received;
pub mod remote;
#[cfg(test)]
mod script;
mod state;
mod status;
pub mod wanted;
mod watched;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::bail;
use kube::Client;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use self::audit::{Audit, Drift, Question};
use self::definitions::Definitions;
use self::filter::Filter;
pub use self::filter::Ignored;
use self::follow::{Event, Follower};
use self::state::{Phase, State};
pub use self::status::Status;
pub use self::watched::Watched;
use super::mesh::FromConfigMap;
use super::report::Reporter;
use crate::api::{Batch, Change, Diagnostic, Kind, MeshConfig, Str};
use crate::metrics::Metrics;

/// The log scope, which is istiod's of its clients.
const SCOPE: &str = "kube";

/// How many events may wait; each is an object of some kilobytes, and reading stops while this is full.
const EVENTS: usize = 256;

/// How long collections take to be checked once each.
pub const AUDIT: Duration = Duration::from_secs(600);

/// The kinds that every cluster of a mesh is read for.
pub const REGISTRY: [Kind; 5] =
    [Kind::Namespace, Kind::Node, Kind::Pod, Kind::Service, Kind::EndpointSlice];

/// A cluster to follow, and whom to tell.
pub struct KubernetesSource {
    /// Its API server.
    pub client: Client,
    /// The name of the cluster.
    pub cluster: Str,
    /// What is followed there; the ConfigMaps of `mesh` come in addition.
    pub watches: Vec<Watched>,
    /// The revision of this control plane: objects that are left to others are not taken.
    pub revision: String,
    /// The time in which each collection is checked against the server once.
    pub audit: Duration,
    /// Where batches go. The first is sent when everything was read and is marked as synced.
    pub batches: mpsc::Sender<Batch>,
    /// Where all that is wrong with objects now is shown.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
    /// What ConfigMaps of the cluster give of the mesh configuration.
    pub mesh: Vec<FromConfigMap>,
    /// The mesh configuration, whose selectors decide which namespaces belong to the mesh.
    pub mesh_config: watch::Receiver<Arc<MeshConfig>>,
    /// Where is shown how far it is.
    pub status: watch::Sender<Status>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What is followed of a cluster that configures the mesh.
pub fn watches(ignored: &Ignored, namespace: &str) -> Vec<Watched> {
    let istio = Kind::ALL.iter().copied().filter(|kind| kind.is_istio() && !ignored.ignores(*kind));
    REGISTRY.into_iter().chain(istio).map(|kind| Watched::all(kind).within(namespace)).collect()
}

/// Follows the cluster until nobody takes batches any more.
///
/// # Errors
/// When the mesh configuration that was read first is not valid.
pub async fn run(mut source: KubernetesSource) -> anyhow::Result<()> {
    let own = source.mesh.iter().map(FromConfigMap::watched).collect::<BTreeSet<_>>();
    let own =
        own.into_iter().map(|(namespace, name)| Watched::one(Kind::ConfigMap, &namespace, &name));
    source.watches.extend(own);
    Running::start(source).run().await
}

/// A cluster that is followed.
struct Running {
    source: KubernetesSource,
    state: State,
    definitions: Definitions,
    reporter: Reporter,
    of_mesh: Vec<Diagnostic>,
    of_objects: Vec<Diagnostic>,
    /// Tells followers that a resource may have been made.
    made: watch::Sender<()>,
    events: mpsc::Receiver<(usize, Event)>,
    questions: mpsc::Receiver<Question>,
    found: mpsc::Receiver<Drift>,
    begun: Instant,
    /// Ends what follows when this ends.
    _tasks: JoinSet<()>,
}

impl Running {
    fn start(source: KubernetesSource) -> Running {
        let (sender, events) = mpsc::channel(EVENTS);
        let (made, back) = (watch::Sender::new(()), watch::Sender::new(()));
        let paged = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let follower = |at: usize, watched: Option<&Watched>, relist: Arc<Notify>| Follower {
            client: source.client.clone(),
            query: watched.map_or_else(definitions::query, Watched::query),
            at,
            events: sender.clone(),
            paged: paged.clone(),
            made: watched.and_then(Watched::definition).map(|_| made.subscribe()),
            relist,
            back: back.clone(),
        };
        let mut audited = Vec::new();
        for (at, watched) in source.watches.iter().enumerate() {
            let relist = Arc::new(Notify::new());
            tasks.spawn(follower(at, Some(watched), relist.clone()).run());
            audited.push((watched.clone(), relist));
        }
        if source.watches.iter().any(|watched| watched.definition().is_some()) {
            tasks.spawn(follower(source.watches.len(), None, Arc::default()).run());
        }
        let (questions, asked) = mpsc::channel(1);
        let (drift, found) = mpsc::channel(1);
        let audit = Audit {
            client: source.client.clone(),
            watches: audited,
            every: source.audit,
            questions,
            found: drift,
        };
        tasks.spawn(audit.run());
        Running {
            state: State::new(source.watches.clone(), Filter::new(&source.revision)),
            definitions: Definitions::default(),
            reporter: Reporter::new(source.diagnostics.clone()),
            of_mesh: Vec::new(),
            of_objects: Vec::new(),
            made,
            events,
            questions: asked,
            found,
            begun: Instant::now(),
            _tasks: tasks,
            source,
        }
    }

    async fn run(mut self) -> anyhow::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        let mut mesh_is_watched = true;
        loop {
            tokio::select! {
                count = self.events.recv_many(&mut events, EVENTS) => {
                    self.source.metrics.queue_depth.with(&["kubernetes"]).set(count as f64);
                    events.drain(..).for_each(|(at, event)| self.take(at, event));
                }
                changed = self.source.mesh_config.changed(), if mesh_is_watched => {
                    mesh_is_watched = changed.is_ok();
                }
                Some(question) = self.questions.recv() => self.answer(question),
                Some(drift) = self.found.recv() => self.count(&drift),
            }
            if !self.go_on().await? {
                return Ok(());
            }
        }
    }

    fn take(&mut self, at: usize, event: Event) {
        if at == self.source.watches.len() {
            if self.definitions.take(event) {
                self.made.send_replace(());
            }
            (0..at).for_each(|at| self.clear_undefined(at));
        } else {
            let absent = matches!(event, Event::Absent);
            self.state.take(at, event);
            if absent {
                self.clear_undefined(at);
            }
        }
    }

    /// A resource whose definition is gone has no objects any more. That it is not served is not enough: servers
    /// that begin do not serve what they will in a moment.
    fn clear_undefined(&mut self, at: usize) {
        let Running { state, definitions, .. } = self;
        state.clear_undefined(at, |watched| {
            watched.definition().is_some_and(|name| definitions.has(&name) == Some(false))
        });
    }

    /// Tells what follows from what was taken in. False if nobody listens any more.
    async fn go_on(&mut self) -> anyhow::Result<bool> {
        let before = self.source.status.borrow().clone();
        let status = Status::of(&self.state, &self.definitions, &before);
        let first = status.synced && !before.synced;
        status.tell(&before, &self.source.cluster, &self.source.metrics);
        if status != before {
            self.source.status.send_replace(status.clone());
        }
        if !status.synced {
            return Ok(true);
        }
        // Before the batch: whoever reads the objects reads the mesh configuration that came with them.
        let mut changes = self.state.changes();
        let of_mesh = self.follow_mesh(&changes, first)?;
        let selectors = self.source.mesh_config.borrow_and_update().discovery_selectors.clone();
        self.state.select(&selectors);
        changes.extend(self.state.changes());
        let of_objects = self.state.diagnostics();
        if of_mesh.is_some() || of_objects.is_some() {
            self.of_mesh = of_mesh.unwrap_or_else(|| std::mem::take(&mut self.of_mesh));
            self.of_objects = of_objects.unwrap_or_else(|| std::mem::take(&mut self.of_objects));
            self.reporter.report([self.of_mesh.as_slice(), &self.of_objects].concat());
        }
        if first {
            let took_ms = self.begun.elapsed().as_millis() as u64;
            let (cluster, objects) = (&*self.source.cluster, changes.len());
            info!(target: SCOPE, cluster, objects, took_ms, "the cluster is read");
        } else if changes.is_empty() {
            return Ok(true);
        }
        let batch = Batch { changes, synced: first, remote: None };
        Ok(self.source.batches.send(batch).await.is_ok())
    }

    /// Publishes what changes make of the mesh configuration. Returns what is wrong with it now, if that may have
    /// changed.
    fn follow_mesh(
        &mut self,
        changes: &[Change],
        first: bool,
    ) -> anyhow::Result<Option<Vec<Diagnostic>>> {
        if changes.is_empty() && !first {
            return Ok(None);
        }
        let mut told = Vec::new();
        for mesh in &mut self.source.mesh {
            match first {
                true => match mesh.start(changes) {
                    Ok(diagnostics) => told.extend(diagnostics),
                    Err(error) => bail!("the mesh configuration is not valid: {error}"),
                },
                false => told.extend(mesh.follow(changes)),
            }
        }
        Ok(Some(told))
    }

    fn answer(&self, question: Question) {
        let Question { at, versions, differing } = question;
        let follows =
            self.state.phases().nth(at).is_some_and(|(_, phase, _)| *phase == Phase::Following);
        let keys = match follows {
            true => self.state.differing(at, &versions),
            false => BTreeSet::new(),
        };
        // Who asked may have ended.
        let _ = differing.send(keys);
    }

    fn count(&self, drift: &Drift) {
        let Some(watched) = self.source.watches.get(drift.at) else { return };
        let (cluster, resource) = (&*self.source.cluster, watched.to_string());
        let (count, example) = (drift.keys.len(), drift.keys.first());
        let example = example.map(ToString::to_string).unwrap_or_default();
        warn!(
            target: SCOPE, cluster, count,
            "{resource}: not as the server has them, and read again: {example}, …"
        );
        self.source.metrics.drift.with(&[cluster, &resource]).add(count as u64);
    }
}

#[cfg(test)]
mod tests;
