//! `/inject`: what becomes of the pods of this mesh, with the configuration as it is now.
//!
//! Owns what injection is configured with ([`Injection::take`]; what cannot be used is not taken, so the last good one stays), what of
//! the mesh concerns a pod ([`around`]), counting, one line of the log for each review, and what became of recent pods
//! ([`recent`]). How a pod is injected is up to [`crate::webhooks::inject`].

mod around;
pub mod recent;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use self::recent::{Entry, Recent, cut};
use super::{Ended, Unavailable, Webhook};
use crate::api::MeshConfig;
use crate::api::features::NativeSidecars;
use crate::metrics::Metrics;
use crate::snapshot::Snapshots;
use crate::webhooks::inject::config::Invalid;
use crate::webhooks::inject::{Config, Injector, Mesh, Request, Values, path};
use crate::webhooks::review::{Answer, Review};
use crate::webhooks::template::Library;

/// What does not change while the process runs.
#[derive(Debug)]
pub struct Fixed {
    /// The revision of this control plane; empty for the default.
    pub revision: String,
    /// Whether sidecars are init containers that keep running.
    pub native_sidecars: NativeSidecars,
    /// Whether namespaces say as which users their pods run.
    pub open_shift: bool,
    /// What TLS is restricted to, as templates see it.
    pub compliance_policy: String,
    /// The functions of templates.
    pub library: Library,
}

/// The webhook.
#[derive(Debug)]
pub struct Injection {
    revision: String,
    native_sidecars: NativeSidecars,
    open_shift: bool,
    compliance_policy: String,
    library: Arc<Library>,
    /// Where the configuration is to be found, for those who miss it.
    place: String,
    current: ArcSwapOption<Current>,
    /// The mesh configuration as templates see it, and of what it was made.
    mesh: Mutex<Option<(Arc<MeshConfig>, Arc<Mesh>)>>,
    snapshots: Snapshots,
    recent: Recent,
    metrics: Arc<Metrics>,
}

/// What is injected with.
#[derive(Debug)]
struct Current {
    config: Arc<Config>,
    values: Arc<Values>,
}

impl Injection {
    /// Without a configuration, which is expected at a place.
    pub fn new(
        fixed: Fixed,
        place: String,
        snapshots: Snapshots,
        metrics: Arc<Metrics>,
    ) -> Injection {
        Injection {
            revision: fixed.revision,
            native_sidecars: fixed.native_sidecars,
            open_shift: fixed.open_shift,
            compliance_policy: fixed.compliance_policy,
            library: Arc::new(fixed.library),
            place,
            current: ArcSwapOption::empty(),
            mesh: Mutex::default(),
            snapshots,
            recent: Recent::default(),
            metrics,
        }
    }

    /// Injects with this configuration and these values from now on.
    ///
    /// # Errors
    /// When one of them cannot be used; then nothing changes.
    pub fn take(&self, config: &str, values: &str) -> Result<(), Invalid> {
        let made = Config::parse(config, &self.library).and_then(|config| {
            let values = Arc::new(Values::parse(values)?);
            Ok(Current { config: Arc::new(config), values })
        });
        match made {
            Ok(current) => {
                tracing::info!("injecting by {}", self.place);
                self.current.store(Some(Arc::new(current)));
                Ok(())
            }
            Err(invalid) => {
                self.metrics.injection_rejected.inc();
                Err(invalid)
            }
        }
    }

    /// The templates as they were written, by name; none without a configuration.
    pub fn templates(&self) -> BTreeMap<String, String> {
        self.current.load().as_ref().map_or_else(BTreeMap::new, |now| now.config.sources().clone())
    }

    /// What became of a pod, or of those that its name may be made of; the newest first. Of all recent ones without a name.
    pub fn recent(&self, pod: Option<&str>) -> Vec<Arc<Entry>> {
        self.recent.of(pod)
    }

    /// The mesh configuration as templates see it.
    fn mesh(&self, mesh: &Arc<MeshConfig>) -> Result<Arc<Mesh>, String> {
        let mut kept = self.mesh.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, made)) = kept.as_ref().filter(|(of, _)| Arc::ptr_eq(of, mesh)) {
            return Ok(made.clone());
        }
        let made = Arc::new(Mesh::of(mesh.raw.clone())?);
        *kept = Some((mesh.clone(), made.clone()));
        Ok(made)
    }
}

impl Webhook for Injection {
    fn review(&self, review: &Review, path: &str) -> Result<Answer, Unavailable> {
        let began = Instant::now();
        let Some(current) = self.current.load_full() else {
            let place = &self.place;
            return Err(Unavailable(format!("nobody is injected: {place} has no configuration")));
        };
        let snapshot = self.snapshots.load();
        let mut entry = Entry::of(review, path);
        let mesh = match self.mesh(&snapshot.mesh) {
            Ok(mesh) => mesh,
            Err(message) => {
                entry.error = Some(cut(&format!("the mesh configuration: {message}")));
                return Ok(self.tell(entry, Answer::default(), began));
            }
        };
        let environment = path::environment(path);
        let cluster = current.values.cluster(&environment);
        let around = around::Around::of(&snapshot, &cluster, review);
        let injector = Injector {
            config: current.config.clone(),
            values: current.values.clone(),
            mesh,
            library: self.library.clone(),
            revision: self.revision.clone(),
            native_sidecars: around.native_sidecars(self.native_sidecars),
            compliance_policy: self.compliance_policy.clone(),
        };
        let outcome = injector.inject(Request {
            pod: review.object.clone(),
            namespace: review.namespace.clone(),
            environment,
            namespace_annotations: self.open_shift.then(|| around.namespace_annotations()),
            workload: None,
            proxy_configs: around.proxy_configs(),
        });
        entry.decided(&outcome.decision, &around.asked_by());
        let mut answer = Answer::default();
        answer.warnings.extend(outcome.decision.warning.as_deref().map(cut));
        match outcome.patch {
            Ok(patch) => {
                entry.injected = patch.is_some();
                if patch.is_none() {
                    self.metrics.injection_skipped.inc();
                } else {
                    entry.templates = current.config.selected(&review.object);
                }
                answer.patch = patch;
            }
            Err(message) => entry.error = Some(cut(&message)),
        }
        Ok(self.tell(entry, answer, began))
    }

    fn answered(&self, ended: Ended<'_>, took: Duration) {
        self.metrics.injection_requests.inc();
        self.metrics.injection_time.observe(took.as_secs_f64());
        let failed = match ended {
            Ended::Answered(answer) => answer.refused.is_some(),
            Ended::Refused(status, text) => {
                tracing::warn!("a request for injection: {status}: {text}");
                true
            }
        };
        match failed {
            true => self.metrics.injection_failures.inc(),
            false => self.metrics.injection_successes.inc(),
        }
    }
}

impl Injection {
    /// Keeps what became of a pod, writes it to the log, and refuses the pod for an error.
    fn tell(&self, mut entry: Entry, mut answer: Answer, began: Instant) -> Answer {
        entry.milliseconds = began.elapsed().as_secs_f64() * 1e3;
        match &entry.error {
            Some(error) => {
                tracing::warn!("{entry}");
                answer.refused = Some(error.clone());
            }
            None => tracing::info!("{entry}"),
        }
        self.recent.add(entry);
        answer
    }
}

#[cfg(test)]
mod tests;
