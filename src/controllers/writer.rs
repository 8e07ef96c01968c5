//! Writing to objects of others: their status, and annotations; and making and deleting those that are ours.
//!
//! A write is a question about the object as it is now: what should it say? It is asked when its turn comes, of what
//! the API server tells at that moment, so that nothing is written where nothing differs, and it is asked again
//! when the object changed meanwhile. A newer write to the same part of an object takes the place of one that
//! waits. The queue is bounded, the pace is limited, and what fails is tried again at growing intervals, unless the
//! answer says that this is of no use.

mod answer;
mod pace;
mod queue;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::api::{
    ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions,
};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tracing::{debug, info, warn};

use self::answer::{asked_pause, is_final, is_gone};
pub use self::pace::Pace;
use self::queue::{Entry, Queue, Turn};
use crate::api::{Kind, ObjectKey};
use crate::metrics::Metrics;

/// How long a write may take, its look included.
const ATTEMPT: Duration = Duration::from_secs(30);

/// How many failures in a row are told to the operator.
const MANY_TRIES: u32 = 6;

/// A part of an object. One write at a time waits for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The object.
    pub key: ObjectKey,
    /// What of it.
    pub part: Part,
}

/// What of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its annotations.
    Annotations,
    /// Its status.
    Status,
}

/// What an object should say, given what it says; None where there is nothing to write.
pub type Decide = Arc<dyn Fn(&DynamicObject) -> Option<Edit> + Send + Sync>;

/// The object that is to be there where there is none.
pub type Make = Arc<dyn Fn() -> Value + Send + Sync>;

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// These fields of the status, as the writer's own.
    Status(Value),
    /// These annotations; None takes one away.
    Annotations(BTreeMap<&'static str, Option<String>>),
    /// The object is to go.
    Delete,
}

/// What became of a write, for who counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrote<'a> {
    /// It was done.
    Done(&'a Edit),
    /// The object was made.
    Made,
    /// It was given up.
    Refused,
}

/// How a writer works.
pub struct Config {
    /// Its name: in logs and metrics, and as the owner of the fields that it writes.
    pub name: &'static str,
    /// How many writes are under way at once; at least 1.
    pub workers: usize,
    /// The pace that all writers of the process keep together.
    pub pace: Arc<Pace>,
    /// What counts.
    pub metrics: Arc<Metrics>,
    /// Counts what counts besides.
    pub count: fn(&Metrics, Wrote<'_>),
    /// Whether its queue is counted under istiod's names too (ISTIO_ENABLE_CONTROLLER_QUEUE_METRICS).
    pub queue_metrics: bool,
}

/// A writer. Clones are the same one.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    client: Client,
    queue: Mutex<Queue>,
    woken: Notify,
}

/// What became of a write.
#[derive(Debug)]
enum Outcome {
    Written(Edit),
    Made,
    Unchanged,
    Failed(kube::Error),
    NoAnswer,
}

impl Writer {
    /// A writer with nothing to do, which does it while [`Writer::run`] is.
    pub fn new(config: Config, client: Client) -> Writer {
        let queue = Mutex::new(Queue::default());
        Writer { shared: Arc::new(Shared { config, client, queue, woken: Notify::new() }) }
    }

    /// Has something written when its turn comes. False when too much waits already.
    pub fn submit(&self, target: Target, decide: Decide) -> bool {
        self.submit_or_make(target, decide, None)
    }

    /// The same; where there is no such object, it is made.
    pub fn submit_or_make(&self, target: Target, decide: Decide, make: Option<Make>) -> bool {
        let taken = self.queue().push(target, decide, make, Instant::now());
        self.shared.woken.notify_one();
        taken
    }

    /// Writes, for ever. Nothing is written after this is dropped.
    pub async fn run(self) {
        let mut under_way = JoinSet::new();
        loop {
            let free = under_way.len() < self.shared.config.workers.max(1);
            let turn = if free { self.queue().turn(Instant::now()) } else { Turn::Idle };
            let due = match turn {
                Turn::Now(entry) => {
                    self.shared.config.pace.turn().await;
                    let writer = self.clone();
                    under_way.spawn(async move { writer.write(entry).await });
                    continue;
                }
                Turn::At(due) => Some(due),
                Turn::Idle => None,
            };
            tokio::select! {
                Some(_) = under_way.join_next() => {}
                () = self.shared.woken.notified() => {}
                () = until(due) => {}
            }
        }
    }

    /// One attempt, and what follows from it.
    async fn write(&self, entry: Entry) {
        let begun = Instant::now();
        let outcome = match timeout(ATTEMPT, self.attempt(&entry)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => Outcome::NoAnswer,
        };
        let Config { name, count, ref metrics, .. } = self.shared.config;
        if self.shared.config.queue_metrics {
            let queues = &metrics.queues;
            queues.latency.with(&[name]).observe_time(begun.saturating_duration_since(entry.due));
            queues.duration.with(&[name]).observe_time(begun.elapsed());
        }
        let target = &entry.target;
        let result = match &outcome {
            Outcome::Written(edit) => {
                count(metrics, Wrote::Done(edit));
                "written"
            }
            Outcome::Made => {
                count(metrics, Wrote::Made);
                "written"
            }
            Outcome::Unchanged => "unchanged",
            Outcome::Failed(error) if is_final(error) => {
                if is_gone(error) {
                    info!(target: "status", "{name}: {target}: is gone, nothing is written");
                } else {
                    warn!(target: "status", "{name}: {target}: cannot be written: {error}");
                    count(metrics, Wrote::Refused);
                }
                "refused"
            }
            Outcome::Failed(_) | Outcome::NoAnswer => "retried",
        };
        metrics.writes.with(&[target.key.kind.name(), result]).inc();
        let mut queue = self.queue();
        if result != "retried" {
            queue.done(&entry.target);
            return;
        }
        let why = match &outcome {
            Outcome::Failed(error) => error.to_string(),
            _ => "no answer in time".to_owned(),
        };
        if entry.tries == MANY_TRIES {
            warn!(target: "status", "{name}: {target}: not written yet, and tried again: {why}");
        } else {
            debug!(target: "status", "{name}: {target}: tried again: {why}");
        }
        let least = match &outcome {
            Outcome::Failed(error) => asked_pause(error),
            _ => Duration::ZERO,
        };
        queue.retry(entry, least, Instant::now(), fastrand::f64());
        drop(queue);
        self.shared.woken.notify_one();
    }

    /// Looks at the object, asks what it should say, and writes that.
    async fn attempt(&self, entry: &Entry) -> kube::Result<Outcome> {
        let ObjectKey { kind, namespace, name } = &entry.target.key;
        let resource = resource(*kind);
        let api: Api<DynamicObject> = match &**namespace {
            "" => Api::all_with(self.shared.client.clone(), &resource),
            namespace => Api::namespaced_with(self.shared.client.clone(), namespace, &resource),
        };
        let object = match (api.get(name).await, &entry.make) {
            (Err(error), Some(make)) if is_gone(&error) => {
                let object = serde_json::from_value(make()).map_err(kube::Error::SerdeError)?;
                let field_manager = Some(self.shared.config.name.to_owned());
                let params = PostParams { field_manager, ..PostParams::default() };
                api.create(&params, &object).await?;
                return Ok(Outcome::Made);
            }
            (object, _) => object?,
        };
        let Some(edit) = (entry.decide)(&object) else { return Ok(Outcome::Unchanged) };
        // With its version, so that it is refused if the object changed since the look.
        let version = &object.metadata.resource_version;
        match &edit {
            Edit::Status(status) => {
                let apply = json!({
                    "apiVersion": kind.api_version(),
                    "kind": kind.name(),
                    "metadata": {"name": name, "resourceVersion": version},
                    "status": status,
                });
                let params = PatchParams::apply(self.shared.config.name).force();
                api.patch_status(name, &params, &Patch::Apply(apply)).await?;
            }
            Edit::Annotations(annotations) => {
                let merge =
                    json!({"metadata": {"resourceVersion": version, "annotations": annotations}});
                let params = PatchParams {
                    field_manager: Some(self.shared.config.name.to_owned()),
                    ..PatchParams::default()
                };
                api.patch(name, &params, &Patch::Merge(merge)).await?;
            }
            Edit::Delete => {
                let resource_version = version.clone();
                let uid = object.metadata.uid.clone();
                let preconditions = Some(Preconditions { resource_version, uid });
                let params = DeleteParams { preconditions, ..DeleteParams::default() };
                api.delete(name, &params).await?;
            }
        }
        Ok(Outcome::Written(edit))
    }

    fn queue(&self) -> Counted<'_> {
        Counted {
            queue: self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner),
            config: &self.shared.config,
        }
    }
}

/// What one of our kinds is to the API server.
pub(super) fn resource(kind: Kind) -> ApiResource {
    ApiResource {
        group: kind.group().to_owned(),
        version: kind.version().to_owned(),
        api_version: kind.api_version(),
        kind: kind.name().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The queue, whose depth is counted when this is dropped.
struct Counted<'a> {
    queue: MutexGuard<'a, Queue>,
    config: &'a Config,
}

impl std::ops::Deref for Counted<'_> {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.queue
    }
}

impl std::ops::DerefMut for Counted<'_> {
    fn deref_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        #[allow(clippy::cast_precision_loss, reason = "the queue is bounded far below 2^52")]
        let depth = self.queue.len() as f64;
        self.config.metrics.queue_depth.with(&[self.config.name]).set(depth);
        if self.config.queue_metrics {
            self.config.metrics.queues.depth.with(&[self.config.name]).set(depth);
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Annotations => "annotations",
            Part::Status => "status",
        };
        write!(f, "{part} of {}", self.key)
    }
}

#[cfg(test)]
mod tests;
