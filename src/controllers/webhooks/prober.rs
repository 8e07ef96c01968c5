//! When validation is tried: again and again, ever less often, until it works.

use std::future::pending;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kube::Client;
use tracing::{info, warn};

use super::probe::{Verdict, probe};
use crate::api::Str;

/// The pause after a first attempt; each further one doubles it. Services lead to a replica only after it is ready.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Tries validation, and remembers when it worked.
pub struct Prober {
    client: Client,
    namespace: Str,
    revision: Str,
    works: bool,
    running: Option<BoxFuture<'static, Verdict>>,
    tries: u32,
    due: Option<Instant>,
    /// The last reason, which is logged once.
    said: String,
}

impl Prober {
    /// For validators of a revision, with an object in a namespace.
    pub fn new(client: Client, namespace: Str, revision: Str) -> Prober {
        Prober {
            client,
            namespace,
            revision,
            works: false,
            running: None,
            tries: 0,
            due: None,
            said: String::new(),
        }
    }

    /// Whether validation was seen to work.
    pub fn works(&self) -> bool {
        self.works
    }

    /// Something that matters is different: the next attempt is soon.
    pub fn hurry(&mut self) {
        (self.tries, self.due) = (0, None);
    }

    /// Tries it by these webhooks, if it is time. Tells when it is otherwise.
    pub fn want(&mut self, webhooks: Vec<String>, now: Instant) -> Option<Instant> {
        if self.works || self.running.is_some() {
            return None;
        }
        if let Some(due) = self.due.filter(|due| *due > now) {
            return Some(due);
        }
        let (namespace, revision) = (self.namespace.to_string(), self.revision.to_string());
        self.running = Some(probe(self.client.clone(), namespace, revision, webhooks).boxed());
        None
    }

    /// Waits for the attempt under way; for ever if none is.
    pub async fn tried(&mut self) {
        let verdict = match &mut self.running {
            Some(running) => running.await,
            None => pending().await,
        };
        self.running = None;
        match verdict {
            Verdict::Works => {
                info!(target: "controllers", "validation works: from now on nothing gets past it");
                self.works = true;
            }
            Verdict::Assumed(why) => {
                warn!(target: "controllers", "validation cannot be tried, and is taken to work: {why}");
                self.works = true;
            }
            Verdict::NotYet(why) => {
                if why != self.said {
                    info!(target: "controllers", "validation does not work yet: {why}");
                    self.said = why;
                }
                let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.tries)).min(LONGEST);
                self.tries = self.tries.saturating_add(1);
                // Half of it is chance, so that replicas do not come together.
                self.due = Some(Instant::now() + doubled.mul_f64(0.5 + fastrand::f64() / 2.0));
            }
        }
    }
}
