//! Roots from SPIFFE bundle endpoints (the profile `https_web`: servers are verified by the roots of the system).
//!
//! Each endpoint has a task of its own. What was fetched last holds for as long as the endpoint is wanted: a trust domain
//! whose endpoint is away does not lose its roots. Documents are fetched as [`super::jwks`] fetches key sets: bounded, in
//! time, without redirects, and from no address that leads to this process or to the credentials of a cloud.

mod document;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

use super::jwks::Config;
use super::jwks::client::{Client, Counted};
use super::jwks::schedule::Schedule;
use crate::api::Str;
use crate::metrics::Metrics;

/// The log scope, which is istiod's of the same part.
const SCOPE: &str = "trustBundle";

/// Between two fetches that succeed.
pub const REFRESH: Duration = Duration::from_secs(30 * 60);

/// How long a fetch may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How many results may wait to be told.
const RESULTS: usize = 16;

/// What an endpoint told, and whether it could be asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The roots in DER, in the order of the document; empty before the first that was fetched.
    pub roots: Arc<[Vec<u8>]>,
    /// Why the last fetch failed.
    pub failure: Option<Str>,
}

/// What is known of each endpoint, by its URL.
pub type Bundles = BTreeMap<Str, Fetched>;

/// What to fetch, and whom to tell.
pub struct BundleFetching {
    /// How.
    pub config: Config,
    /// The URLs that are wanted.
    pub wanted: watch::Receiver<BTreeSet<Str>>,
    /// Where is told what is known of them.
    pub told: watch::Sender<Bundles>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Fetches until nobody can want anything any more.
///
/// # Errors
/// When there is no TLS.
pub async fn run(fetching: BundleFetching) -> anyhow::Result<()> {
    let BundleFetching { config, mut wanted, told, metrics } = fetching;
    let refresh = config.refresh;
    let client = Arc::new(Client::new(config, counted(metrics)).await?);
    let (results, mut fetched) = mpsc::channel(RESULTS);
    let (mut tasks, mut running) = (JoinSet::new(), BTreeMap::<Str, AbortHandle>::new());
    loop {
        let now = wanted.borrow_and_update().clone();
        running.retain(|url, task| {
            let keep = now.contains(url);
            if !keep {
                task.abort();
            }
            keep
        });
        for url in &now {
            running.entry(url.clone()).or_insert_with(|| {
                tasks.spawn(follow(client.clone(), url.clone(), refresh, results.clone()))
            });
        }
        told.send_if_modified(|known| {
            let before = known.len();
            known.retain(|url, _| now.contains(url));
            known.len() != before
        });
        loop {
            tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return Ok(()),
                },
                Some((url, result)) = fetched.recv() => {
                    if now.contains(&url) {
                        take(&told, url, result);
                    }
                }
            }
        }
        // What ended by being aborted.
        while tasks.try_join_next().is_some() {}
    }
}

/// Fetches each once.
///
/// # Errors
/// When there is no TLS.
pub async fn once(
    config: Config,
    urls: &BTreeSet<Str>,
    metrics: Arc<Metrics>,
) -> anyhow::Result<Bundles> {
    let client = Client::new(config, counted(metrics)).await?;
    let fetched = urls.iter().map(async |url| {
        let fetched = match fetch(&client, url).await {
            Ok(roots) => Fetched { roots: roots.into(), failure: None },
            Err(why) => Fetched { failure: Some(why.into()), ..Fetched::default() },
        };
        (url.clone(), fetched)
    });
    Ok(join_all(fetched).await.into_iter().collect())
}

fn counted(metrics: Arc<Metrics>) -> Counted {
    Box::new(move |fetched| {
        let result = if fetched { "fetched" } else { "failed" };
        metrics.bundle_fetches.with(&[result]).inc();
    })
}

/// What came of a fetch.
type Outcome = Result<Vec<Vec<u8>>, String>;

/// Fetches one bundle again and again.
async fn follow(
    client: Arc<Client>,
    url: Str,
    refresh: Duration,
    results: mpsc::Sender<(Str, Outcome)>,
) {
    let mut schedule = Schedule::new(refresh);
    let mut has_roots = false;
    loop {
        let fetched = fetch(&client, &url).await;
        has_roots |= fetched.is_ok();
        let wait = schedule.wait(fetched.is_ok(), has_roots);
        if results.send((url.clone(), fetched)).await.is_err() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

async fn fetch(client: &Client, url: &str) -> Outcome {
    let place = place(url)?;
    let text = client.get(&place, LIMIT).await?;
    document::roots(&text).map_err(|why| format!("{place}: {why}"))
}

/// Where a bundle is. Who tells whom to trust has to prove who he is.
fn place(url: &str) -> Result<String, String> {
    match url.split_once("://") {
        None => Ok(format!("https://{url}")),
        Some(("https", _)) => Ok(url.to_owned()),
        // Tests have no certificates that everybody trusts.
        Some(("http", _)) if cfg!(test) => Ok(url.to_owned()),
        Some((scheme, _)) => Err(format!("{url}: HTTPS is needed, not {scheme}")),
    }
}

/// Takes a result in. A failure leaves the roots that are known in force.
fn take(told: &watch::Sender<Bundles>, url: Str, result: Outcome) {
    told.send_if_modified(|known| {
        let state = known.entry(url.clone()).or_default();
        let before = state.clone();
        match result {
            Ok(roots) => {
                if *state.roots != *roots {
                    info!(target: SCOPE, %url, roots = roots.len(), "fetched a bundle");
                    state.roots = roots.into();
                }
                state.failure = None;
            }
            Err(why) if state.failure.as_deref() == Some(&*why) => {}
            Err(why) => {
                let kept =
                    if state.roots.is_empty() { "" } else { "; its last roots stay in force" };
                warn!(target: SCOPE, %url, "a bundle cannot be fetched: {why}{kept}");
                state.failure = Some(why.into());
            }
        }
        *state != before
    });
}
