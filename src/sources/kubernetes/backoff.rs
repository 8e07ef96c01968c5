//! How long to wait before the API server is asked again.

use std::time::Duration;

/// The first wait. An API server that restarts is back in seconds, and replicas must not ask in step.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait: what a server that is down for hours costs, against how long its return goes unnoticed.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits that double, each between half of itself and itself.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { next: FIRST }
    }
}

impl Backoff {
    /// Waits that are longer than any test, as after a long outage.
    #[cfg(test)]
    pub fn for_ever() -> Backoff {
        Backoff { next: Duration::from_secs(24 * 60 * 60) }
    }

    /// How long to wait now: at least what the server asked for.
    pub fn wait(&mut self, asked: Duration) -> Duration {
        let wait = self.next.mul_f64(0.5 + 0.5 * fastrand::f64());
        self.next = (self.next * 2).min(LONGEST);
        wait.max(asked.min(LONGEST))
    }

    /// Something worked. True if it did not before.
    pub fn reset(&mut self) -> bool {
        std::mem::replace(&mut self.next, FIRST) != FIRST
    }
}

#[cfg(test)]
mod tests;
