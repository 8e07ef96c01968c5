//! The task that owns the store: takes changes from the sources, and publishes snapshots at the pacer's pace.
//!
//! Pending changes are kept by cluster and key, so that an object that changes ten times is derived from once. Nothing is
//! published before every source said that it told all it had, as a proxy that was served half a mesh would
//! drop the other half. Sources are never held up: the writer empties their queues whatever else it waits for.

mod held;
mod inlets;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, info};

use self::held::Held;
use self::inlets::Inlets;
use super::pacer::{Lane, Limits, Pacer};
use super::{Config, Store};
use crate::api::jwks::{KeySets, Wanted};
use crate::api::{Batch, Change, Kind, MeshConfig, ObjectKey, Remote, Str};
use crate::metrics::Metrics;
use crate::snapshot::{Changed, Publisher, Snapshot, Snapshots};

/// The log scope of the writer, which is istiod's of the model.
const SCOPE: &str = "model";

/// Makes snapshots of what sources tell.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    publisher: Publisher,
    metrics: Arc<Metrics>,
    endpoints: Pending,
    configuration: Pending,
    last: Option<Published>,
    started: Instant,
    /// The state of what is fetched; None where nobody fetches.
    keys: Option<watch::Receiver<Arc<KeySets>>>,
    /// The roots of the mesh; None where nobody tells them.
    anchors: Option<watch::Receiver<Anchors>>,
    held: Held,
    wanted: watch::Sender<Arc<Wanted>>,
}

/// The roots of the mesh in PEM, once they are known.
type Anchors = Option<Arc<[Str]>>;

/// What was published last.
#[derive(Clone, Copy, Debug)]
struct Published {
    /// The lane that it was flushed for.
    lane: Lane,
    /// What it cost to make.
    build: Duration,
    /// The pacer has learnt of it.
    learnt: bool,
}

/// What waits in one lane.
#[derive(Debug)]
struct Pending {
    changes: HashMap<Place, Change>,
    /// The trust domains that clusters told.
    trust_domains: BTreeMap<Str, Option<Str>>,
    mesh: Option<Arc<MeshConfig>>,
    keys: Option<Arc<KeySets>>,
    anchors: Option<Anchors>,
    pacer: Pacer,
}

/// An object, with the cluster that it is of unless that is the own one.
type Place = (Option<Str>, ObjectKey);

impl Writer {
    /// A writer that knows no object yet.
    pub fn new(config: Config, limits: Limits, metrics: Arc<Metrics>) -> Writer {
        Writer {
            store: Store::new(config),
            publisher: Publisher::default(),
            metrics,
            endpoints: Pending::new(limits),
            configuration: Pending::new(limits),
            last: None,
            started: Instant::now(),
            keys: None,
            anchors: None,
            held: Held::default(),
            wanted: watch::Sender::default(),
        }
    }

    /// The same, where somebody fetches the keys that are [wanted](Writer::wanted) and tells of them here.
    #[must_use]
    pub fn with_keys(mut self, keys: watch::Receiver<Arc<KeySets>>) -> Writer {
        self.configuration.keys = Some(keys.borrow().clone());
        self.keys = Some(keys);
        self
    }

    /// The same, where somebody tells the roots of the mesh here.
    #[must_use]
    pub fn with_trust_anchors(mut self, anchors: watch::Receiver<Anchors>) -> Writer {
        self.configuration.anchors = Some(anchors.borrow().clone());
        self.anchors = Some(anchors);
        self
    }

    /// The keys that are to be fetched.
    pub fn wanted(&self) -> watch::Receiver<Arc<Wanted>> {
        self.wanted.subscribe()
    }

    /// A reader of the snapshots. There is none yet.
    pub fn snapshots(&self) -> Snapshots {
        self.publisher.subscribe()
    }

    /// Runs until `stop`, which drops the readers' signal. `mesh` holds the mesh configuration from the
    /// beginning. Each source has a queue of its own, whose bound is what it may be ahead of the writer.
    pub async fn run(
        mut self,
        sources: Vec<mpsc::Receiver<Batch>>,
        mut mesh: watch::Receiver<Arc<MeshConfig>>,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = std::pin::pin!(stop);
        let mut inlets = Inlets::new(sources);
        let mut mesh_is_watched = true;
        let (mut keys, mut anchors) = (self.keys.clone(), self.anchors.clone());
        self.set_mesh(mesh.borrow_and_update().clone());
        loop {
            self.learn();
            let due = self.due().filter(|_| inlets.synced() && self.may_publish());
            let due = due.map(|(lane, at)| (lane, self.started + at));
            let at = due.map_or(self.started, |(_, at)| at);
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep_until(at), if due.is_some() => {
                    if let Some((lane, _)) = due {
                        self.flush(lane);
                    }
                }
                changed = mesh.changed(), if mesh_is_watched => match changed {
                    Ok(()) => self.set_mesh(mesh.borrow_and_update().clone()),
                    Err(_) => mesh_is_watched = false,
                },
                changed = changed(&mut keys) => match changed {
                    Ok(new) => self.set_keys(new),
                    Err(_) => keys = None,
                },
                changed = changed(&mut anchors) => match changed {
                    Ok(new) => self.set_anchors(new),
                    Err(_) => anchors = None,
                },
                () = until(self.held.until()) => self.let_go(),
                batch = inlets.receive(), if inlets.open() => {
                    self.metrics.queue_depth.with(&["batches"]).set(depth(inlets.depth()));
                    self.receive(batch.unwrap_or_default());
                }
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn set_mesh(&mut self, mesh: Arc<MeshConfig>) {
        self.configuration.mesh = Some(mesh);
        let now = self.now();
        self.configuration.pacer.changed(now);
    }

    fn set_keys(&mut self, keys: Arc<KeySets>) {
        self.configuration.keys = Some(keys);
        let now = self.now();
        self.configuration.pacer.changed(now);
        self.let_go();
    }

    fn set_anchors(&mut self, anchors: Anchors) {
        self.configuration.anchors = Some(anchors);
        let now = self.now();
        self.configuration.pacer.changed(now);
    }

    /// The first snapshot has the policies that wait for their keys.
    fn may_publish(&self) -> bool {
        self.publisher.generation() > 0 || self.held.is_empty()
    }

    /// Takes the policies in that need not wait any longer.
    fn let_go(&mut self) {
        let Some(keys) = &self.keys else { return };
        let gone = self.held.let_go(&keys.borrow(), Instant::now());
        let now = self.now();
        for change in gone {
            self.configuration.changes.insert((None, change.key()), change);
            self.configuration.pacer.changed(now);
        }
    }

    /// Whether a change waits for keys now.
    fn holds(&mut self, remote: Option<&Str>, change: &Change) -> bool {
        let (None, Some(keys)) = (remote, &self.keys) else { return false };
        if change.kind() != Kind::RequestAuthentication {
            return false;
        }
        let wanted = match change {
            Change::Apply(object) => self.store.keys_wanted_by(object),
            Change::Remove(_) => Wanted::new(),
        };
        let key = change.key();
        let known = keys.borrow().clone();
        if known.know(wanted.keys()) {
            self.held.forget(&key);
            // They go with the policy, which must not come to the store before them.
            self.configuration.keys = Some(known);
            return false;
        }
        self.held.keep(change.clone(), wanted, Instant::now());
        self.configuration.changes.remove(&(None, key));
        true
    }

    fn tell_wanted(&self) {
        let wanted = self.held.wanted(&self.store.wanted_keys());
        self.wanted.send_if_modified(|told| {
            let differs = **told != wanted;
            if differs {
                *told = Arc::new(wanted);
            }
            differs
        });
    }

    /// What a source tells in one batch belongs together: endpoints that come with configuration, such as a
    /// service whose port has a new name, do not go before it. An object waits in one lane only, the slower.
    fn receive(&mut self, mut batch: Batch) {
        let now = self.now();
        if let Some(remote) = &batch.remote {
            self.receive_remote(remote, &mut batch.changes);
        }
        let cluster = batch.remote.map(|remote| remote.cluster);
        let lanes = batch.changes.iter().map(|change| Lane::of(change.kind()));
        let together = lanes.max().unwrap_or(Lane::Endpoints);
        for change in batch.changes {
            self.count(cluster.as_ref(), &change);
            if self.holds(cluster.as_ref(), &change) {
                continue;
            }
            let place = (cluster.clone(), change.key());
            let waits = self.configuration.changes.contains_key(&place);
            let lane = if waits { Lane::Configuration } else { together };
            if lane == Lane::Configuration {
                self.endpoints.changes.remove(&place);
            }
            let pending = self.pending(lane);
            pending.changes.insert(place, change);
            pending.pacer.changed(now);
        }
        self.metrics.queue_depth.with(&["changes"]).set(depth(self.waiting()));
        self.tell_wanted();
    }

    fn receive_remote(&mut self, remote: &Remote, changes: &mut Vec<Change>) {
        let Remote { cluster, whole, trust_domain } = remote;
        if *whole {
            changes.extend(self.missing(cluster, changes));
        } else if !changes.is_empty() && changes.iter().all(|c| c.kind() == Kind::Secret) {
            // Who reads them knows nothing else of the cluster.
            return;
        }
        let now = self.now();
        let known = self.store.trust_domain(cluster);
        let waiting = &mut self.configuration.trust_domains;
        if waiting.get(cluster).map_or(known, Option::as_ref) != trust_domain.as_ref() {
            waiting.insert(cluster.clone(), trust_domain.clone());
            self.configuration.pacer.changed(now);
        }
    }

    /// The removals of what is known of a cluster and not among these changes. Secrets are read apart from the rest: they
    /// go with the cluster only.
    fn missing(&self, cluster: &Str, changes: &[Change]) -> Vec<Change> {
        let told: HashSet<ObjectKey> = changes.iter().map(Change::key).collect();
        let waiting = self.endpoints.changes.keys().chain(self.configuration.changes.keys());
        let waiting = waiting.filter(|(other, _)| other.as_ref() == Some(cluster));
        let mut known: HashSet<ObjectKey> = waiting.map(|(_, key)| key.clone()).collect();
        known.extend(self.store.remote_keys(cluster));
        let goes = told.is_empty();
        let missing = known.into_iter().filter(|key| !told.contains(key));
        missing.filter(|key| goes || key.kind != Kind::Secret).map(Change::Remove).collect()
    }

    /// The lane that is due first, and when.
    fn due(&self) -> Option<(Lane, Duration)> {
        let due = |pending: &Pending, lane| Some((lane, pending.pacer.due()?));
        let endpoints = due(&self.endpoints, Lane::Endpoints);
        let configuration = due(&self.configuration, Lane::Configuration);
        endpoints.into_iter().chain(configuration).min_by_key(|(_, at)| *at)
    }

    /// Publishes what is pending in a lane. With configuration goes what is pending of endpoints: it costs
    /// nothing more. The first snapshot holds everything.
    fn flush(&mut self, mut lane: Lane) {
        let begun = Instant::now();
        let now = self.now();
        let before = self.publisher.generation();
        if before == 0 || self.configuration.pacer.due().is_some_and(|due| due <= now) {
            lane = Lane::Configuration;
        }
        let (reasons, waited) = self.take_in(lane, now);
        let snapshot = self.store.snapshot();
        if lane == Lane::Configuration {
            self.held.settled();
        }
        self.tell_wanted();
        let cost = begun.elapsed();
        self.metrics.snapshot_time.observe_time(cost);
        self.measure(&snapshot);
        if snapshot.generation == before {
            debug!(target: SCOPE, "changes made no difference");
            return;
        }
        let (generation, services) = (snapshot.generation, snapshot.services.len());
        if before == 0 {
            info!(target: SCOPE, generation, services, "all sources are read");
        } else {
            debug!(target: SCOPE, generation, ?lane, ?cost, "new snapshot");
        }
        for (reason, count) in reasons {
            self.metrics.push_triggers.with(&[reason]).add(count);
        }
        self.learn_build();
        self.last = Some(Published { lane, build: cost, learnt: false });
        let at = begun.checked_sub(waited).unwrap_or(begun).into_std();
        self.publisher.changed(Changed { at, endpoints_only: lane == Lane::Endpoints });
        self.publisher.publish(snapshot);
    }

    /// Moves what is pending in a lane, and in those that go with it, to the store. Returns how many changes
    /// there were for each reason to push, and how long the first of them waited.
    fn take_in(&mut self, lane: Lane, now: Duration) -> (BTreeMap<&'static str, u64>, Duration) {
        let mut reasons = BTreeMap::new();
        let mut longest = Duration::ZERO;
        for lane in Lane::ALL.into_iter().filter(|each| *each <= lane) {
            let pending = self.pending(lane);
            let waited = pending.pacer.flush(now);
            let (changes, mesh) = (std::mem::take(&mut pending.changes), pending.mesh.take());
            let (keys, anchors) = (pending.keys.take(), pending.anchors.take());
            for (cluster, trust_domain) in std::mem::take(&mut pending.trust_domains) {
                self.store.set_trust_domain(&cluster, trust_domain);
            }
            for ((cluster, key), change) in changes {
                *reasons.entry(reason(key.kind)).or_default() += 1;
                match cluster {
                    None => self.store.apply([change]),
                    Some(cluster) => self.store.apply_remote(&cluster, [change]),
                }
            }
            if let Some(mesh) = mesh {
                *reasons.entry("global").or_default() += 1;
                self.store.set_mesh(mesh);
            }
            if let Some(keys) = keys {
                let changed = self.store.set_key_sets(keys);
                *reasons.entry("config").or_default() += u64::from(changed);
            }
            if let Some(anchors) = anchors {
                let changed = self.store.set_trust_anchors(anchors);
                *reasons.entry("global").or_default() += u64::from(changed);
            }
            if let Some(waited) = waited {
                self.metrics.debounce_time.observe_time(waited);
                longest = longest.max(waited);
            }
        }
        (reasons, longest)
    }

    fn measure(&mut self, snapshot: &Snapshot) {
        self.metrics.endpoints_before_pod.add(self.store.take_newly_withheld());
        let metrics = &self.metrics;
        metrics.services.set(depth(snapshot.services.len()));
        metrics.virtual_services.set(depth(snapshot.objects.count(Kind::VirtualService)));
        let withheld = depth(self.store.withheld_endpoints());
        metrics.endpoints_without_pod.set(withheld);
        metrics.endpoints_pending.set(withheld);
        metrics.queue_depth.with(&["changes"]).set(depth(self.waiting()));
    }

    /// How many changes wait in both lanes.
    fn waiting(&self) -> usize {
        self.endpoints.changes.len() + self.configuration.changes.len()
    }

    /// Tells the pacer what the last snapshot cost to make and to push, once a reader says the latter.
    fn learn(&mut self) {
        let Some(push) = self.publisher.take_push_cost() else { return };
        if let Some(Published { lane, build, .. }) = self.last {
            self.pending(lane).pacer.learn(build + push);
            self.last = Some(Published { lane, build, learnt: true });
        }
    }

    /// Tells the pacer what the last snapshot cost to make, if nobody said what it cost to push: perhaps
    /// nobody is connected.
    fn learn_build(&mut self) {
        if let Some(Published { lane, build, learnt: false }) = self.last {
            self.pending(lane).pacer.learn(build);
        }
    }

    fn pending(&mut self, lane: Lane) -> &mut Pending {
        match lane {
            Lane::Endpoints => &mut self.endpoints,
            Lane::Configuration => &mut self.configuration,
        }
    }

    /// Counts a change as istiod does.
    fn count(&self, cluster: Option<&Str>, change: &Change) {
        let key = change.key();
        let removed = matches!(change, Change::Remove(_));
        let event = match (removed, self.store.contains(cluster, &key)) {
            (true, _) => "delete",
            (false, true) => "update",
            (false, false) => "add",
        };
        let update = match key.kind {
            Kind::Service if removed => Some("svcdelete"),
            Kind::Service => Some("svc"),
            kind if Lane::of(kind) == Lane::Endpoints => Some("eds"),
            kind if kind.is_istio() => Some("config"),
            _ => None,
        };
        if let Some(update) = update {
            self.metrics.inbound_updates.with(&[update]).inc();
        }
        if key.kind.is_istio() {
            self.metrics.config_events.with(&[event, key.kind.name()]).inc();
        } else {
            self.metrics.registry_events.with(&[event, registry_name(key.kind)]).inc();
        }
    }
}

impl Pending {
    fn new(limits: Limits) -> Pending {
        Pending {
            changes: HashMap::new(),
            trust_domains: BTreeMap::new(),
            mesh: None,
            keys: None,
            anchors: None,
            pacer: Pacer::new(limits),
        }
    }
}

/// The next state of what is told; never where nobody tells.
async fn changed<T: Clone>(
    told: &mut Option<watch::Receiver<T>>,
) -> Result<T, watch::error::RecvError> {
    match told {
        Some(told) => {
            told.changed().await?;
            Ok(told.borrow_and_update().clone())
        }
        None => std::future::pending().await,
    }
}

/// Waits until then; for ever without a time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// What istiod calls a push because of this kind in `pilot_push_triggers`.
fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::Pod | Kind::Node | Kind::Endpoints | Kind::EndpointSlice => "endpoint",
        Kind::Service => "service",
        Kind::Namespace => "namespace",
        Kind::Secret => "secret",
        _ => "config",
    }
}

/// What istiod calls the kind in `pilot_k8s_reg_events`.
fn registry_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Namespace => "Namespaces",
        Kind::Node => "Nodes",
        Kind::Pod => "Pods",
        Kind::Service => "Services",
        other => other.name(),
    }
}

/// A gauge's value. Counts are far below 2^53, above which it would lose digits.
fn depth(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
