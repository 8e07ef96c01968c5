//! The webhook configurations of this revision: by which roots the API server knows us, and whether what we do not
//! answer is let through.
//!
//! Every replica keeps those that have the label `istio.io/rev` of its revision, tags of the revision among them; there
//! is no leader, as each revision has to keep its own. Nothing is written where the same certificates are said
//! already, of several replicas the first writes and the others see that it did, and who keeps undoing what is
//! written here is answered ever more slowly ([`calm`]).
//!
//! Validation refuses what it does not answer (failurePolicy Fail) only once it was seen to work ([`probe`]), and from
//! then on: this is never taken back here.

mod calm;
mod probe;
mod prober;
mod wanted;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};
use tracing::{debug, info, warn};

use self::calm::Calm;
use self::prober::Prober;
pub use self::wanted::Sort;
use self::wanted::Wanted;
use super::lock;
use super::writer::Pace;
use crate::api::Str;
use crate::metrics::Metrics;

/// The label that names a revision.
const REVISION: &str = "istio.io/rev";

/// As whom the fields are owned.
const MANAGER: &str = "istiod-webhooks";

/// How long a watch may take: after this the connection counts as dead.
const WATCH: Duration = Duration::from_secs(300);

/// The pause between two watches, give or take half of it.
const PAUSE: Duration = Duration::from_secs(5);

/// After how many corrections in a row that were undone the operator is told.
const CONTESTED: u32 = 3;

/// What the API server is told.
#[derive(Clone)]
pub struct Registration {
    /// The namespace of the control plane, in which validation is tried.
    pub namespace: Str,
    /// The revision of this control plane; empty for none.
    pub revision: Str,
    /// The roots of the certificate that webhooks are served with, in PEM, once there are any.
    pub bundle: watch::Receiver<Option<Str>>,
}

/// Keeps the configurations of one kind, for ever.
pub async fn run(
    sort: Sort,
    registration: Registration,
    client: Client,
    pace: Arc<Pace>,
    metrics: Arc<Metrics>,
) {
    let revision: Str = lock::named(&registration.revision).into();
    let mut keeper = Keeper {
        sort,
        api: Api::all_with(client.clone(), &sort.resource()),
        label: format!("{REVISION}={revision}"),
        prober: Prober::new(client, registration.namespace, revision),
        bundle: registration.bundle,
        pace,
        metrics,
        calm: BTreeMap::new(),
    };
    let mut said = String::new();
    loop {
        match keeper.follow().await {
            Ok(()) => said.clear(),
            Err(error) if error.to_string() == said => {}
            Err(error) => {
                said = error.to_string();
                warn!(target: "controllers", "{}s cannot be followed: {said}", sort.kind());
            }
        }
        sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
    }
}

/// The configurations, as they are known.
type Known = BTreeMap<String, DynamicObject>;

struct Keeper {
    sort: Sort,
    api: Api<DynamicObject>,
    label: String,
    prober: Prober,
    bundle: watch::Receiver<Option<Str>>,
    pace: Arc<Pace>,
    metrics: Arc<Metrics>,
    calm: BTreeMap<String, Calm>,
}

impl Keeper {
    /// Reads what there is, and corrects what differs until the server ends the watch.
    async fn follow(&mut self) -> kube::Result<()> {
        let list = self.api.list(&ListParams::default().labels(&self.label)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let mut known: Known = list.items.into_iter().map(|o| (o.name_any(), o)).collect();
        self.calm.retain(|name, _| known.contains_key(name));
        let params = WatchParams::default().labels(&self.label);
        let api = self.api.clone();
        let mut events = pin!(api.watch(&params, &version).await?);
        let end = Instant::now() + WATCH;
        loop {
            let next = self.correct(&mut known).await;
            tokio::select! {
                event = events.try_next() => match event? {
                    Some(event) => take(event, &mut known)?,
                    None => return Ok(()),
                },
                // Nobody contested this yet.
                Ok(()) = self.bundle.changed() => {
                    self.calm.clear();
                    self.prober.hurry();
                }
                () = self.prober.tried() => if self.prober.works() {
                    self.calm.clear();
                },
                () = sleep_until(next.map_or(end, |next| next.min(end)).into()) => {
                    if Instant::now() >= end {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Corrects what differs and has its turn. Tells when there is more to do.
    async fn correct(&mut self, known: &mut Known) -> Option<Instant> {
        let bundle = self.bundle.borrow_and_update().clone()?;
        let wanted = Wanted { bundle: &bundle, closed: self.prober.works() };
        let mut next: Option<Instant> = None;
        let mut open = false;
        for (name, object) in known.iter_mut() {
            let Some(webhooks) = self.sort.corrected(object, wanted) else {
                self.calm.entry(name.clone()).or_default().right();
                open |= self.sort.webhooks(object).any(wanted::is_open);
                continue;
            };
            let now = Instant::now();
            let due = self.calm.entry(name.clone()).or_default().due(now);
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            self.pace.turn().await;
            if let Some(due) = self.write(name, object, webhooks).await {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        if self.sort == Sort::Validating && open {
            let webhooks = known.values().flat_map(|object| self.sort.webhooks(object));
            let webhooks = webhooks.map(|webhook| wanted::name(webhook).to_owned()).collect();
            let due = self.prober.want(webhooks, Instant::now());
            next = [next, due].into_iter().flatten().min();
        }
        next
    }

    /// Writes the webhooks of a configuration, if it is still as it was seen. Tells when to look at it again.
    async fn write(
        &mut self,
        name: &str,
        object: &mut DynamicObject,
        webhooks: Value,
    ) -> Option<Instant> {
        let (sort, kind) = (self.sort, self.sort.kind());
        let change = json!({
            "metadata": {"resourceVersion": object.resource_version()},
            "webhooks": webhooks,
        });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..Default::default() };
        let answer = self.api.patch(name, &params, &Patch::Merge(change)).await;
        let now = Instant::now();
        let calm = self.calm.entry(name.to_owned()).or_default();
        count(&self.metrics, sort, name, &answer);
        match answer {
            Ok(new) => {
                info!(target: "controllers", "{kind} {name}: wrote roots and policies");
                let undone = calm.wrote(now);
                if undone >= CONTESTED {
                    let other = wanted::last_writer(object, MANAGER).unwrap_or("somebody else");
                    warn!(
                        target: "controllers",
                        "{kind} {name}: {other} undid what was written here {undone} times in a row; \
                         the next correction waits longer"
                    );
                }
                *object = new;
                None
            }
            // Somebody was quicker: the watch tells who.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                debug!(target: "controllers", "{kind} {name}: {}", status.message);
                calm.failed(now);
                Some(calm.due(now))
            }
            Err(error) => {
                if calm.failed(now) == 0 {
                    warn!(target: "controllers", "{kind} {name}: cannot be written: {error}");
                }
                Some(calm.due(now))
            }
        }
    }
}

/// Counts an attempt to write.
fn count(metrics: &Metrics, sort: Sort, name: &str, answer: &kube::Result<DynamicObject>) {
    match sort {
        Sort::Mutating => {
            metrics.webhook_patches.with(&[wanted::INJECTOR]).inc();
            if answer.is_err() {
                metrics.webhook_failures.with(&[name, "webhook_update_failure"]).inc();
                metrics.webhook_retries.with(&[name]).inc();
            }
        }
        Sort::Validating => match answer {
            Ok(_) => metrics.validation_updates.inc(),
            Err(error) => {
                let reason = match error {
                    kube::Error::Api(status) => status.reason.as_str(),
                    _ => "",
                };
                metrics.validation_update_errors.with(&[reason]).inc();
            }
        },
    }
}

fn take(event: WatchEvent<DynamicObject>, known: &mut Known) -> kube::Result<()> {
    match event {
        WatchEvent::Added(object) | WatchEvent::Modified(object) => {
            known.insert(object.name_any(), object);
        }
        WatchEvent::Deleted(object) => {
            known.remove(&object.name_any());
        }
        WatchEvent::Bookmark(_) => {}
        WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
    }
    Ok(())
}
