//! How long to wait before something is tried again.

use std::time::Duration;

/// Waits that double from a first one to a longest one, each between half and all of itself, so that those who lost
/// the same server do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// From and to these.
    pub fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff { first, longest, next: first }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(0.5 + 0.5 * fastrand::f64());
        self.next = self.next.saturating_mul(2).min(self.longest);
        wait
    }

    /// It worked: the next wait is the first one again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        for want in [1, 2, 4, 5, 5] {
            let (wait, want) = (backoff.wait(), Duration::from_secs(want));
            assert!(wait <= want && wait >= want / 2, "{wait:?} of {want:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(1));
    }
}
