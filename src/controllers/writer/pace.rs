//! A pace: so many a second, a few more after quiet.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A pace that tasks keep together.
#[derive(Debug)]
pub struct Pace {
    apart: Duration,
    /// How far ahead of the pace those may be who come after quiet.
    ahead: Duration,
    /// When the next turn is, if nobody were ahead.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Turns that are this far apart, but for `burst` that come after quiet.
    pub fn new(apart: Duration, burst: u32) -> Pace {
        Pace { apart, ahead: apart * burst.saturating_sub(1), next: Mutex::default() }
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        let at = self.take(Instant::now());
        tokio::time::sleep_until(at.into()).await;
    }

    /// Takes a turn, and tells when it is.
    fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + self.apart);
        at.checked_sub(self.ahead).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let start = Instant::now();
        let pace = Pace::new(Duration::from_millis(100), 3);
        let turns: Vec<u128> = (0..5).map(|_| (pace.take(start) - start).as_millis()).collect();
        assert_eq!(turns, [0, 0, 0, 100, 200]);
        let later = start + Duration::from_secs(10);
        assert_eq!(pace.take(later), later, "quiet is not saved up for more than a burst");
        let turns: Vec<u128> = (0..4).map(|_| (pace.take(later) - later).as_millis()).collect();
        assert_eq!(turns, [0, 0, 100, 200]);
    }
}
