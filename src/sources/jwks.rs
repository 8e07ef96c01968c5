//! Key sets of issuers (JWKS), fetched over HTTP.
//!
//! Each source that is wanted has a task of its own, so that none waits for another one; only how many fetch at once is
//! limited. What was fetched holds while fetching again fails, for a week. The URLs are written by users who may see what
//! comes back: so only key sets are passed on, redirects are not followed, and addresses that lead to the control plane
//! itself or to the cloud's metadata are refused where the connection is made.

mod address;
pub(in crate::sources) mod client;
mod connector;
mod fetch;
mod known;
mod roots;
pub(in crate::sources) mod schedule;
#[cfg(test)]
pub(in crate::sources) mod server;
#[cfg(test)]
mod tests;
pub mod unknown;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

pub use self::address::Addresses;
use self::client::{Client, Counted};
use self::known::Known;
use self::schedule::Schedule;
use crate::api::Str;
use crate::api::jwks::{JwksSource, KeySet, KeySets, Wanted};
use crate::metrics::Metrics;

/// The log scope, which is istiod's of the same part.
const SCOPE: &str = "authn";

/// How many documents are fetched at once: enough that a few slow issuers hold up nobody.
const CONCURRENT: usize = 128;

/// The longest that a document may take, whatever a rule says: who asks for more would keep others waiting.
const LONGEST: Duration = Duration::from_secs(30);

/// How many results may wait to be told.
const RESULTS: usize = 64;

/// How keys are fetched.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long fetched keys hold before they are fetched again.
    pub refresh: Duration,
    /// The addresses that may be connected to.
    pub addresses: Addresses,
    /// Servers' certificates are not verified.
    pub insecure: bool,
    /// A file with roots that are trusted beside the system's, in PEM, if it exists.
    pub extra_roots: PathBuf,
}

impl Config {
    /// Where istiod looks for more roots.
    pub const EXTRA_ROOTS: &'static str = "/cacerts/extra.pem";
}

/// What to fetch, and whom to tell.
pub struct JwksFetching {
    /// How.
    pub config: Config,
    /// The sources that somebody wants.
    pub wanted: watch::Receiver<Arc<Wanted>>,
    /// Where the state of all of them is shown. What stands for keys that are not known is in it from the start.
    pub keys: watch::Sender<Arc<KeySets>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Fetches until nobody can want anything any more.
///
/// # Errors
/// When there is no TLS.
pub async fn run(fetching: JwksFetching) -> anyhow::Result<()> {
    let JwksFetching { config, mut wanted, keys, metrics } = fetching;
    let refresh = config.refresh;
    let (results, mut told) = mpsc::channel(RESULTS);
    let common = Arc::new(Common {
        client: Client::new(config, counted(metrics)).await?,
        permits: Semaphore::new(CONCURRENT),
        refresh,
        results,
    });
    let mut tasks = Tasks { common, set: JoinSet::new(), running: BTreeMap::new() };
    loop {
        let now = wanted.borrow_and_update().clone();
        tasks.reconcile(&now);
        show(&keys, &now, None);
        loop {
            tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return Ok(()),
                },
                Some(result) = told.recv() => show(&keys, &now, Some(result)),
            }
        }
        // What ended by being aborted.
        while tasks.set.try_join_next().is_some() {}
    }
}

/// What the tasks have in common.
struct Common {
    client: Client,
    permits: Semaphore,
    refresh: Duration,
    results: mpsc::Sender<(JwksSource, KeySet)>,
}

/// A task for each source.
struct Tasks {
    common: Arc<Common>,
    set: JoinSet<()>,
    running: BTreeMap<JwksSource, Running>,
}

struct Running {
    task: AbortHandle,
    /// How long a fetch may take, in milliseconds.
    limit: Arc<AtomicU64>,
}

impl Tasks {
    /// Begins what is wanted, and ends what is not any more.
    fn reconcile(&mut self, wanted: &Wanted) {
        self.running.retain(|source, running| {
            let keep = wanted.contains_key(source);
            if !keep {
                running.task.abort();
            }
            keep
        });
        for (source, limit) in wanted {
            let limit = u64::try_from((*limit).min(LONGEST).as_millis()).unwrap_or_default();
            match self.running.get(source) {
                Some(running) => running.limit.store(limit, Ordering::Relaxed),
                None => {
                    let shared = Arc::new(AtomicU64::new(limit));
                    let task = follow(self.common.clone(), source.clone(), shared.clone());
                    let task = self.set.spawn(task);
                    self.running.insert(source.clone(), Running { task, limit: shared });
                }
            }
        }
    }
}

/// Counts documents as istiod does.
fn counted(metrics: Arc<Metrics>) -> Counted {
    Box::new(move |fetched| match fetched {
        true => metrics.jwks_fetched.inc(),
        false => metrics.jwks_failed.inc(),
    })
}

/// Fetches one source again and again.
async fn follow(common: Arc<Common>, source: JwksSource, limit: Arc<AtomicU64>) {
    let mut known = Known::default();
    let mut schedule = Schedule::new(common.refresh);
    loop {
        let fetched = {
            // Nobody closes the semaphore.
            let Ok(_permit) = common.permits.acquire().await else { return };
            let limit = Duration::from_millis(limit.load(Ordering::Relaxed));
            fetch::fetch(&common.client, &source, limit).await
        };
        log(&source, &known, &fetched);
        let wait = schedule.wait(fetched.is_ok(), known.has_keys());
        known.take(fetched, Timestamp::now());
        if common.results.send((source.clone(), known.shown())).await.is_err() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

/// Says what is new.
fn log(source: &JwksSource, known: &Known, fetched: &Result<Str, String>) {
    let (issuer, uri) = (&*source.issuer, source.first_uri());
    match fetched {
        Ok(keys) if known.has(keys) => {}
        Ok(_) => info!(target: SCOPE, issuer, uri, "fetched the keys"),
        Err(why) if known.fails_with(why) => {}
        Err(why) => warn!(target: SCOPE, issuer, uri, "the keys cannot be fetched: {why}"),
    }
}

/// Shows a result, and no source that nobody wants.
fn show(keys: &watch::Sender<Arc<KeySets>>, wanted: &Wanted, result: Option<(JwksSource, KeySet)>) {
    keys.send_if_modified(|all| {
        let result = result.filter(|(source, set)| {
            wanted.contains_key(source) && all.sets.get(source).is_none_or(|old| **old != *set)
        });
        let stale = all.sets.keys().any(|source| !wanted.contains_key(source));
        if result.is_none() && !stale {
            return false;
        }
        let new = Arc::make_mut(all);
        new.sets.retain(|source, _| wanted.contains_key(source));
        new.sets.extend(result.map(|(source, set)| (source, Arc::new(set))));
        true
    });
}
