//! Leader election: of all replicas that share a lock one leads, and only it does the work.
//!
//! [`Machine`] decides, without IO; here it is given looks at the lock's object and time. The work is a future
//! that starts when the candidate leads and is dropped when it does not any more, before the lock is given up.

pub mod machine;
pub mod record;
mod stored;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout, timeout_at};
use tracing::{error, info, warn};

pub use self::machine::{Candidate, Machine, Role, Step};
use self::stored::Stored;
use super::lock::{Lock, LockKind};
use crate::api::Str;
use crate::metrics::Metrics;

/// How long an attempt may take, so that one that hangs leaves time for others before leadership ends.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long giving the lock up may hold up the end of the process. Others wait for it to expire otherwise.
const RELEASE: Duration = Duration::from_secs(3);

/// A candidate for one lock.
pub struct Election {
    lock: Lock,
    /// The lock's name, with the cluster that it is in unless that is the own one.
    shown: Str,
    namespace: Str,
    stored: Stored,
    machine: Machine,
    default_revision: watch::Receiver<Str>,
    metrics: Arc<Metrics>,
    /// The last failure, which is logged once.
    wrong: Option<String>,
}

impl Election {
    /// Stands for the lock, whose object is in `namespace`.
    pub fn new(
        lock: Lock,
        namespace: &str,
        candidate: Candidate,
        client: Client,
        default_revision: watch::Receiver<Str>,
        metrics: Arc<Metrics>,
    ) -> Election {
        Election {
            stored: Stored::new(&lock, namespace, client),
            shown: lock.name.clone(),
            lock,
            namespace: namespace.into(),
            machine: Machine::new(candidate),
            default_revision,
            metrics,
            wrong: None,
        }
    }

    /// The same, of a lock in another cluster.
    #[must_use]
    pub fn within(mut self, cluster: &str) -> Election {
        self.shown = format!("{}@{cluster}", self.lock.name).into();
        self
    }

    /// Does the work whenever this candidate leads, until `stop` is true; gives the lock up then. Work that ends by
    /// itself begins again.
    pub async fn run<W>(mut self, mut work: impl FnMut() -> W, mut stop: watch::Receiver<bool>)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let mut running = JoinSet::new();
        loop {
            let began = Instant::now();
            tokio::select! {
                () = self.attempt(began) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            self.follow_role(&mut running, &mut work).await;
            let next = Instant::now() + self.machine.pause(began.elapsed(), fastrand::f64());
            // The role may change before the next attempt.
            let wake = match self.machine.role(Instant::now()) {
                Role::Contender => next,
                Role::Elected(from) => next.min(from),
                Role::Leader(until) => next.min(until),
            };
            tokio::select! {
                () = sleep_until(wake.into()) => {}
                Ok(()) = self.default_revision.changed() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            self.follow_role(&mut running, &mut work).await;
        }
        running.shutdown().await;
        self.metrics.leader.with(&[&self.shown]).set(0.0);
        if timeout(RELEASE, self.release()).await.is_err() {
            warn!(target: "controllers", "{}: not released in time: it expires", self.shown);
        }
    }

    /// One look at the lock, and what follows from it. A leader does not wait for it beyond its time.
    async fn attempt(&mut self, began: Instant) {
        let end = match self.machine.role(began) {
            Role::Leader(until) => until.min(began + ATTEMPT),
            Role::Contender | Role::Elected(_) => began + ATTEMPT,
        };
        let result = timeout_at(end.into(), self.look_and_write(began)).await;
        let wrong = match result {
            Ok(Ok(())) => None,
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => {
                // Somebody else was faster. It is to be seen who.
                self.machine.failed();
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        if wrong.is_some() {
            self.machine.failed();
        }
        if wrong != self.wrong {
            match &wrong {
                Some(wrong) => warn!(target: "controllers", "{self}: {wrong}"),
                None => info!(target: "controllers", "{self}: can be reached again"),
            }
            self.wrong = wrong;
        }
    }

    async fn look_and_write(&mut self, began: Instant) -> kube::Result<()> {
        let seen = self.stored.get().await?;
        let default_revision = self.default_revision.borrow_and_update().clone();
        let step = self.machine.look(seen, &default_revision, Instant::now(), Timestamp::now());
        if let Step::Write(record) = step {
            self.stored.put(&record).await?;
            self.machine.wrote(began);
        }
        Ok(())
    }

    /// Starts or ends the work.
    async fn follow_role<W>(&mut self, running: &mut JoinSet<()>, work: &mut impl FnMut() -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let leads = matches!(self.machine.role(Instant::now()), Role::Leader(_));
        let led = !running.is_empty();
        while let Some(ended) = running.try_join_next() {
            if let Err(error) = ended {
                error!(target: "controllers", "{}: the work ended: {error}", self.shown);
            }
        }
        match leads {
            true if running.is_empty() => {
                if !led {
                    info!(target: "controllers", "{self}: leads");
                }
                running.spawn(work());
            }
            false if led => {
                info!(target: "controllers", "{self}: leads no longer");
                running.shutdown().await;
            }
            _ => {}
        }
        self.metrics.leader.with(&[&self.shown]).set(f64::from(u8::from(leads)));
    }

    async fn release(&mut self) {
        let result = async {
            let seen = self.stored.get().await?;
            match self.machine.release(&seen, Instant::now(), Timestamp::now()) {
                Some(record) => self.stored.put(&record).await,
                None => Ok(()),
            }
        };
        if let Err(error) = result.await {
            warn!(target: "controllers", "{self}: not released: it expires: {error}");
        }
    }
}

/// `ConfigMap istio-system/istio-ip-autoallocate`
impl std::fmt::Display for Election {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.lock.kind {
            LockKind::ConfigMap => "ConfigMap",
            LockKind::Lease => "Lease",
        };
        write!(f, "{kind} {}/{}", self.namespace, self.shown)
    }
}
