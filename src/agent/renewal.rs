//! The workload's certificate: gotten at start, renewed in the middle of its life, kept while the CA is away.
//!
//! One task owns the schedule and publishes a [`State`]; who serves certificates watches it. What was issued stays in
//! force until there is something better. Knows the CA only as an [`Authority`], and the time only as a [`Clock`], so that a
//! day passes in a test as fast as it can.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio::sync::watch;
use tracing::{info, warn};

use super::keys::{self, KeyKind};
use super::material::{Identity, Roots};
use crate::backoff::Backoff;

/// Who signs.
pub trait Authority: Send + Sync {
    /// Signs a request: the leaf, what leads to a root, and last the bundle of roots; all in PEM. What was issued
    /// before may serve to prove who asks, and who answers.
    fn sign(
        &self,
        csr: String,
        issued: Option<Arc<Issued>>,
    ) -> impl Future<Output = anyhow::Result<Vec<String>>> + Send;
}

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> SystemTime;
    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// The system's.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }
}

/// When certificates are renewed, and what they are.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The identity that requests name.
    pub spiffe: String,
    /// The kind of keys.
    pub keys: KeyKind,
    /// The part of a certificate's life that is left when it is renewed.
    pub grace: f64,
    /// How much that part varies, so that a fleet that started together does not renew together.
    pub jitter: f64,
}

/// What was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate and its key.
    pub identity: Identity,
    /// The roots that vouch for the mesh.
    pub roots: Roots,
}

/// How it stands.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The newest certificate.
    pub issued: Option<Arc<Issued>>,
    /// Why the last request failed; None if it did not.
    pub error: Option<String>,
    /// Requests so far.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
}

/// The first wait after a failure, and the longest one. Long enough that a fleet does not keep a CA down that comes
/// up, short beside the half of a life that is left.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The clock is looked at so often while a certificate lives: a machine that slept wakes with one that has ended.
const LOOK: Duration = Duration::from_secs(30);

/// Gets a certificate and renews it until nobody watches the state.
pub async fn run(
    authority: impl Authority,
    policy: Policy,
    state: watch::Sender<State>,
    clock: impl Clock,
) {
    let keep = async {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            let before = state.borrow().issued.clone();
            let asked = clock.now();
            match obtain(&authority, &policy, before).await {
                Ok(issued) => {
                    let due = renew_at(&issued.identity, asked, &policy);
                    told(&state, Ok(issued), clock.now());
                    backoff.reset();
                    wait_until(due, &clock).await;
                }
                Err(error) => {
                    told(&state, Err(error), clock.now());
                    clock.sleep(backoff.wait()).await;
                }
            }
        }
    };
    tokio::select! {
        () = keep => {}
        () = state.closed() => {}
    }
}

async fn obtain(
    authority: &impl Authority,
    policy: &Policy,
    before: Option<Arc<Issued>>,
) -> anyhow::Result<Issued> {
    let request = keys::request(policy.keys, &policy.spiffe)?;
    let mut chain = authority.sign(request.csr, before).await?;
    let roots = chain.pop().context("the CA answered without a certificate")?;
    let roots = Roots::new(roots.as_bytes()).context("the last certificate of the answer")?;
    let chain: String = chain.iter().map(|pem| format!("{}\n", pem.trim_end())).collect();
    let identity = Identity::new(chain.into_bytes(), request.key)
        .context("the certificate that the CA issued")?;
    Ok(Issued { identity, roots })
}

/// When a certificate that was asked for at a time is to be renewed.
fn renew_at(identity: &Identity, asked: SystemTime, policy: &Policy) -> SystemTime {
    let life = identity.not_after.duration_since(asked).unwrap_or_default();
    let grace = policy.grace + policy.jitter * (2.0 * fastrand::f64() - 1.0);
    asked + life.mul_f64(1.0 - grace.clamp(0.0, 1.0)).max(RETRY.0)
}

async fn wait_until(due: SystemTime, clock: &impl Clock) {
    while let Ok(left) = due.duration_since(clock.now())
        && !left.is_zero()
    {
        clock.sleep(left.min(LOOK)).await;
    }
}

/// Publishes what came of a request, and says so in the log.
fn told(state: &watch::Sender<State>, result: anyhow::Result<Issued>, now: SystemTime) {
    state.send_modify(|state| {
        state.requests += 1;
        match result {
            Ok(issued) => {
                let left = issued.identity.not_after.duration_since(now).unwrap_or_default();
                info!(ttl_s = left.as_secs(), "a certificate was issued");
                state.issued = Some(Arc::new(issued));
                state.error = None;
            }
            Err(error) => {
                let kept =
                    if state.issued.is_some() { "; the one before stays in force" } else { "" };
                warn!("no certificate: {error:#}{kept}");
                state.failures += 1;
                state.error = Some(format!("{error:#}"));
            }
        }
    });
}

#[cfg(test)]
mod tests;
