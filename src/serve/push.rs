//! Pushes: from a new snapshot to the newest view of each connected proxy.
//!
//! One thread owns the translator and builds all views, so that builders need no locks and what one scope
//! built is there for the next. Each connection has a slot for its newest view: a slow proxy finds the newest
//! state when it is ready, and never a queue of old ones. A view whose layers are those of the one before wakes
//! nobody, and a snapshot from which nothing else is translated looks at none.
//!
//! A panic in a builder costs nobody what he has: the views that it would have made stay as they were.

mod problems;
pub mod wave;

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};
use tonic::Status;

use self::problems::Problems;
use self::wave::{Passing, Wave};
use super::stream::Update;
use crate::api::Str;
use crate::metrics::Metrics;
use crate::model::Proxy;
use crate::snapshot::{Snapshot, Snapshots};
use crate::translate::{Counts, ResourceType, Resources, Translator, View};

/// How many proxies may wait for their first view. Those beyond wait on their own streams, which costs them
/// nothing but time.
const WAITING: usize = 256;

/// What builds views. The daemon's is [`Translator`]; tests have simpler ones.
pub trait Views: Send + 'static {
    /// The view of a proxy.
    fn view(&mut self, snapshot: &Snapshot, proxy: &Arc<Proxy>) -> View;

    /// Forgets what no view holds any more.
    fn sweep(&mut self) {}

    /// How many resources of each type were built and found since the start.
    fn counts(&self) -> Vec<(ResourceType, Counts)> {
        Vec::new()
    }
}

impl Views for Translator {
    fn view(&mut self, snapshot: &Snapshot, proxy: &Arc<Proxy>) -> View {
        Translator::view(self, snapshot, proxy)
    }

    fn sweep(&mut self) {
        Translator::sweep(self);
    }

    fn counts(&self) -> Vec<(ResourceType, Counts)> {
        Translator::counts(self)
    }
}

/// The way to the thread that pushes. It ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Pusher {
    newcomers: mpsc::Sender<Newcomer>,
}

/// A proxy that is pushed to. Dropping it ends that.
#[derive(Debug)]
pub struct Subscription {
    /// The newest state; the first one is there from the beginning.
    pub updates: watch::Receiver<Update>,
}

/// A proxy that waits for its first view.
#[derive(Debug)]
struct Newcomer {
    proxy: Arc<Proxy>,
    answer: oneshot::Sender<Result<watch::Receiver<Update>, Status>>,
}

impl Pusher {
    /// Starts the thread. Snapshots come from the store's writer; each push tells it its cost.
    pub fn start(
        snapshots: Snapshots,
        views: impl Views,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<(Pusher, JoinHandle<()>)> {
        let (newcomers, inbox) = mpsc::channel(WAITING);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let push = Push {
            snapshots,
            views,
            slots: Vec::new(),
            room: 0,
            pushed: Arc::default(),
            problems: Problems::new(metrics.clone()),
            metrics,
        };
        let thread = std::thread::Builder::new()
            .name("push".to_owned())
            .spawn(move || runtime.block_on(push.run(inbox)))?;
        Ok((Pusher { newcomers }, thread))
    }

    /// The subscription of a proxy, with its first view. An error tells the proxy to come again.
    pub async fn connect(&self, proxy: Arc<Proxy>) -> Result<Subscription, Status> {
        let stopping = || Status::unavailable("the control plane is stopping");
        let (answer, updates) = oneshot::channel();
        let newcomer = Newcomer { proxy, answer };
        self.newcomers.send(newcomer).await.map_err(|_| stopping())?;
        Ok(Subscription { updates: updates.await.map_err(|_| stopping())?? })
    }

    /// How many proxies wait for their first view.
    pub fn waiting(&self) -> usize {
        self.newcomers.max_capacity() - self.newcomers.capacity()
    }
}

/// The state of the thread.
struct Push<V> {
    snapshots: Snapshots,
    views: V,
    metrics: Arc<Metrics>,
    slots: Vec<Slot>,
    /// How many slots there may be before those of proxies that left are looked for.
    room: usize,
    /// The snapshot that was pushed last.
    pushed: Arc<Snapshot>,
    problems: Problems,
}

/// A connected proxy.
struct Slot {
    proxy: Arc<Proxy>,
    newest: watch::Sender<Update>,
}

/// How many slots there may be at least before those of proxies that left are looked for.
const MIN_ROOM: usize = 64;

impl<V: Views> Push<V> {
    /// Until nobody can connect any more. Snapshots may end earlier: then the last one stays.
    async fn run(mut self, mut inbox: mpsc::Receiver<Newcomer>) {
        let mut followed = true;
        loop {
            tokio::select! {
                biased;
                changed = self.snapshots.changed(), if followed => match changed {
                    true => self.push(),
                    false => followed = false,
                },
                newcomer = inbox.recv() => match newcomer {
                    Some(newcomer) => self.admit(newcomer),
                    None => return,
                },
            }
        }
    }

    /// Brings every slot up to the newest snapshot.
    fn push(&mut self) {
        let changed = self.snapshots.take_changed();
        let snapshot = self.snapshots.load();
        if snapshot.generation == self.pushed.generation {
            return;
        }
        let start = Instant::now();
        let before = std::mem::replace(&mut self.pushed, snapshot.clone());
        if snapshot.translates_like(&before) {
            if !Arc::ptr_eq(&snapshot.diagnostics, &before.diagnostics) {
                self.tell(&snapshot);
            }
            self.snapshots.pushed(start.elapsed());
            return;
        }
        drop(before);
        self.slots.retain(|slot| !slot.newest.is_closed());
        let version = version(snapshot.generation);
        let wave = changed.map(|changed| Arc::new(Wave::new(changed, self.metrics.clone())));
        let mut failures = Failures::default();
        for slot in &self.slots {
            match build(&mut self.views, &snapshot, &slot.proxy) {
                Ok(view) => slot.offer(view, &version, wave.as_ref()),
                Err(panic) => failures.note(&slot.proxy, panic),
            }
        }
        self.views.sweep();
        self.count_built();
        failures.report(&self.metrics, "they keep the configuration that they have");
        self.tell(&snapshot);
        let cost = start.elapsed();
        self.snapshots.pushed(cost);
        tracing::info!(
            target: "ads",
            version = %version,
            proxies = self.slots.len(),
            cost_ms = cost.as_secs_f64() * 1e3,
            "pushed"
        );
    }

    /// Logs what the store and builders newly have to say of users' objects, and forgets what they say no more.
    fn tell(&mut self, snapshot: &Snapshot) {
        let mut lists = HashMap::new();
        for slot in &self.slots {
            for list in &slot.newest.borrow().view.diagnostics {
                lists.entry(Arc::as_ptr(list)).or_insert_with(|| list.clone());
            }
        }
        let all = lists.values().chain([&snapshot.diagnostics]);
        self.problems.replace(all.flat_map(|list| list.iter().cloned()));
    }

    fn admit(&mut self, newcomer: Newcomer) {
        self.push();
        let snapshot = self.snapshots.load();
        let answer = match build(&mut self.views, &snapshot, &newcomer.proxy) {
            Ok(view) => {
                self.problems.add(view.diagnostics.iter().flat_map(|list| list.iter()));
                self.count(&snapshot, &newcomer.proxy);
                let version = version(snapshot.generation);
                let update = Update { view: Arc::new(view), version, wave: Passing::default() };
                let (newest, updates) = watch::channel(update);
                self.keep(Slot { proxy: newcomer.proxy, newest });
                Ok(updates)
            }
            Err(panic) => {
                let mut failures = Failures::default();
                failures.note(&newcomer.proxy, panic);
                failures.report(&self.metrics, "it is told to come again");
                Err(Status::internal("the configuration could not be built"))
            }
        };
        // A proxy that left while it waited needs no answer; its slot goes with the next look.
        let _ = newcomer.answer.send(answer);
    }

    /// Tells what the builders had to do.
    fn count_built(&self) {
        for (kind, Counts { built, reused }) in self.views.counts() {
            let served = &self.metrics.served;
            served.built.with(&[kind.short_name()]).raise_to(built);
            served.reused.with(&[kind.short_name()]).raise_to(reused);
        }
    }

    /// Counts a newcomer that no service leads to, as istiod does.
    fn count(&self, snapshot: &Snapshot, proxy: &Proxy) {
        let known = || {
            proxy.cluster.is_empty()
                || proxy.cluster == snapshot.cluster
                || snapshot.remotes.contains_key(&proxy.cluster)
        };
        let reason = match snapshot.workload_of(proxy) {
            Some(state) if !state.targets.is_empty() => return,
            Some(_) => "no_matching_services",
            None if known() => "no_matching_metadata",
            None => "incorrect_cluster",
        };
        self.metrics.without_targets.with(&[reason]).inc();
    }

    fn keep(&mut self, slot: Slot) {
        self.slots.push(slot);
        if self.slots.len() > self.room {
            self.slots.retain(|slot| !slot.newest.is_closed());
            self.views.sweep();
            self.count_built();
            self.room = (2 * self.slots.len()).max(MIN_ROOM);
        }
    }
}

impl Slot {
    /// Puts a view into the slot, unless it is what is there.
    fn offer(&self, view: View, version: &Str, wave: Option<&Arc<Wave>>) {
        self.newest.send_if_modified(|update| {
            let same = update.view.scope == view.scope
                && update.view.layers.len() == view.layers.len()
                && update.view.layers.iter().zip(&view.layers).all(|(a, b)| same_sets(a, b));
            if !same {
                let (version, wave) = (version.clone(), Passing::new(wave));
                *update = Update { view: Arc::new(view), version, wave };
            }
            !same
        });
    }
}

/// Layers are made anew with each snapshot, but sets with equal contents are one.
fn same_sets(a: &Resources, b: &Resources) -> bool {
    ResourceType::ALL.into_iter().all(|kind| Arc::ptr_eq(a.get(kind), b.get(kind)))
}

/// The version of responses, as istiod writes it: time and counter.
pub(super) fn version(generation: u64) -> Str {
    let now = jiff::Timestamp::now();
    let now = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    format!("{now}/{generation}").into()
}

type Panic = Box<dyn Any + Send>;

fn build(views: &mut impl Views, snapshot: &Snapshot, proxy: &Arc<Proxy>) -> Result<View, Panic> {
    catch_unwind(AssertUnwindSafe(|| views.view(snapshot, proxy)))
}

/// Proxies whose view could not be built, and why, as far as one line tells it.
#[derive(Default)]
struct Failures {
    count: usize,
    first: Option<(Str, String)>,
}

impl Failures {
    fn note(&mut self, proxy: &Proxy, panic: Panic) {
        self.count += 1;
        self.first.get_or_insert_with(|| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            (proxy.workload_id.clone(), text.unwrap_or_default())
        });
    }

    fn report(self, metrics: &Metrics, consequence: &str) {
        let Some((proxy, panic)) = self.first else { return };
        metrics.internal_errors.add(self.count as u64);
        tracing::error!(
            target: "ads",
            proxies = self.count,
            first = %proxy,
            panic = %panic,
            "a builder failed: {consequence}; this is a bug of istiod"
        );
    }
}

#[cfg(test)]
mod tests;
