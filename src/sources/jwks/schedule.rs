//! When a source is asked again.

use std::time::Duration;

/// The first wait after a failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait while there are no keys, and every token is refused.
const WITHOUT_KEYS: Duration = Duration::from_secs(60);

/// The longest wait after a failure while older keys hold.
const WITH_KEYS: Duration = Duration::from_secs(5 * 60);

/// How far waits differ by chance, so that sources which were wanted together do not stay together.
const SPREAD: f64 = 0.1;

/// Waits: the interval after a success; after failures they double, and are never longer than the interval.
#[derive(Debug)]
pub(in crate::sources) struct Schedule {
    refresh: Duration,
    retry: Duration,
}

impl Schedule {
    /// With this interval.
    pub(in crate::sources) fn new(refresh: Duration) -> Schedule {
        Schedule { refresh: refresh.max(Duration::from_millis(100)), retry: FIRST }
    }

    /// How long to wait now.
    pub(in crate::sources) fn wait(&mut self, succeeded: bool, has_keys: bool) -> Duration {
        if succeeded {
            self.retry = FIRST;
            return spread(self.refresh);
        }
        let longest = if has_keys { WITH_KEYS } else { WITHOUT_KEYS }.min(self.refresh);
        let wait = self.retry.min(longest);
        self.retry = (self.retry * 2).min(WITH_KEYS);
        spread(wait)
    }
}

/// A wait, up to a tenth shorter.
fn spread(wait: Duration) -> Duration {
    wait.mul_f64(1.0 - SPREAD * fastrand::f64())
}

#[cfg(test)]
mod tests;
