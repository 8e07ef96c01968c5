//! A change on its way to the proxies, until the last of them has answered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::metrics::Metrics;
use crate::snapshot::Changed;

/// One for each push that changes something for somebody. It ends when nobody holds it any more: then every proxy that
/// was sent some of it has answered, has been sent something newer instead, or has gone.
#[derive(Debug)]
pub struct Wave {
    changed: Changed,
    answered: AtomicBool,
    /// From the change to the last answer, in nanoseconds.
    took: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Wave {
    /// Of a change that is about to be pushed.
    pub(super) fn new(changed: Changed, metrics: Arc<Metrics>) -> Wave {
        let (answered, took) = (AtomicBool::new(false), AtomicU64::new(0));
        Wave { changed, answered, took, metrics }
    }

    /// When the change came.
    pub fn began(&self) -> Instant {
        self.changed.at
    }

    /// A proxy that was sent some of it has answered everything that it was sent.
    pub fn answer(&self, now: Instant) {
        let took = now.saturating_duration_since(self.changed.at).as_nanos();
        self.took.fetch_max(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.answered.store(true, Ordering::Relaxed);
    }
}

impl Drop for Wave {
    fn drop(&mut self) {
        if !*self.answered.get_mut() {
            return;
        }
        let kind = if self.changed.endpoints_only { "endpoints" } else { "configuration" };
        let took = std::time::Duration::from_nanos(*self.took.get_mut());
        self.metrics.served.acknowledged.with(&[kind]).observe_time(took);
        tracing::debug!(target: "ads", kind, took_ms = took.as_secs_f64() * 1e3, "a change is acknowledged");
    }
}

/// A wave on its way to one stream, which takes it out: what stays behind in a slot must not keep it open.
#[derive(Clone, Debug, Default)]
pub struct Passing(Arc<Mutex<Option<Arc<Wave>>>>);

impl Passing {
    /// One that was not taken yet, if there is one.
    pub(super) fn new(wave: Option<&Arc<Wave>>) -> Passing {
        Passing(Arc::new(Mutex::new(wave.cloned())))
    }

    /// The wave, the first time.
    pub fn take(&self) -> Option<Arc<Wave>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The waves that one proxy did not answer yet.
#[derive(Debug, Default)]
pub struct Waves {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    wave: Arc<Wave>,
    /// The proxy was sent something since.
    sent: bool,
}

/// The most waves that one proxy keeps open. A proxy that answers none of so many is counted as one that does not
/// answer, and its waves end without it.
const MAX_OPEN: usize = 64;

impl Waves {
    /// One more reached the proxy's stream.
    pub fn add(&mut self, wave: Arc<Wave>) {
        if self.open.len() == MAX_OPEN {
            self.open.remove(0);
        }
        self.open.push(Open { wave, sent: false });
    }

    /// The proxy was sent a response.
    pub fn sent(&mut self) {
        self.open.iter_mut().for_each(|open| open.sent = true);
    }

    /// The proxy has everything that it wants, and answered all of it.
    pub fn settled(&mut self, now: Instant) {
        for open in self.open.drain(..).filter(|open| open.sent) {
            open.wave.answer(now);
        }
    }

    /// No wave is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn count(metrics: &Metrics) -> (u64, u64) {
        let of = |kind| metrics.served.acknowledged.with(&[kind]).count();
        (of("endpoints"), of("configuration"))
    }

    #[test]
    fn the_last_answer_counts_and_who_leaves_does_not() {
        let metrics = Arc::new(Metrics::new("test"));
        let at = Instant::now();
        let changed = Changed { at, endpoints_only: true };
        let wave = Arc::new(Wave::new(changed, metrics.clone()));
        let mut proxies = [const { Waves { open: Vec::new() } }; 3];
        proxies.iter_mut().for_each(|waves| waves.add(wave.clone()));
        drop(wave);
        let [first, second, third] = &mut proxies;
        first.sent();
        first.settled(at + Duration::from_millis(3));
        second.sent();
        second.settled(at + Duration::from_millis(40));
        third.sent();
        assert!(first.is_empty() && !third.is_empty());
        assert_eq!(count(&metrics), (0, 0));
        // It leaves without an answer, much later.
        *third = Waves::default();
        assert_eq!(count(&metrics), (1, 0));
        let text = metrics.render();
        let bucket = "istiod_change_acknowledged_seconds_bucket{type=\"endpoints\",le=\"0.05\"} 1";
        assert!(text.contains(bucket), "{text}");
    }

    #[test]
    fn what_nobody_was_sent_is_not_counted() {
        let metrics = Arc::new(Metrics::new("test"));
        let changed = Changed { at: Instant::now(), endpoints_only: false };
        let mut waves = Waves::default();
        waves.add(Arc::new(Wave::new(changed, metrics.clone())));
        waves.settled(Instant::now());
        assert_eq!(count(&metrics), (0, 0));
    }
}
