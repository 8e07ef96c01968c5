//! How long to wait before something is tried again.

use std::time::Duration;

/// Waits that double from a first one to a longest one, each between half and all of itself, so that those who lost
/// the same server do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// How often there was a wait since something worked.
    tries: u32,
}

impl Backoff {
    /// From and to these.
    pub const fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff { first, longest, tries: 0 }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let factor = 2_u32.saturating_pow(self.tries);
        self.tries = self.tries.saturating_add(1);
        let most = self.first.saturating_mul(factor).min(self.longest);
        most.mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    /// It worked: the next wait is the first one again. Whether it did not work before.
    pub fn reset(&mut self) -> bool {
        std::mem::take(&mut self.tries) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        assert!(!backoff.reset(), "nothing failed");
        for want in [1, 2, 4, 5, 5] {
            let (wait, want) = (backoff.wait(), Duration::from_secs(want));
            assert!(wait <= want && wait >= want / 2, "{wait:?} of {want:?}");
        }
        assert!(backoff.reset());
        assert!(!backoff.reset(), "it worked before");
        assert!(backoff.wait() <= Duration::from_secs(1));
    }

    #[test]
    fn waits_stay_the_longest_however_often_something_fails() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(30));
        let mut backoff = Backoff::new(first, longest);
        for _ in 0..100 {
            backoff.wait();
        }
        assert!(backoff.wait() >= longest / 2);
    }
}
