//! When a configuration is corrected: at once, but not again and again. Pure: times are told.
//!
//! Others may hold another view of the same object: a tool that restores what it once applied, a replica that does
//! not know the new root yet. Who answers each of their writes with one of his own keeps both busy for ever. So each
//! correction of a series waits longer than the one before; what then stays right for a while ends the series.

use std::time::{Duration, Instant};

/// The pause after the first correction; each further one doubles it.
const FIRST: Duration = Duration::from_secs(1);

/// The pause after a failure; each further one doubles it.
const FAILED: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(600);

/// What stays right for so long was not contested.
const QUIET: Duration = Duration::from_secs(60);

/// The writes to one object.
#[derive(Clone, Debug, Default)]
pub struct Calm {
    /// Corrections that others undid at once, and the last one.
    series: u32,
    /// Failures in a row.
    tries: u32,
    last: Option<Instant>,
    /// The object was seen to differ, since it was last seen to be right or corrected.
    differs: bool,
}

impl Calm {
    /// The object differs: when it may be corrected.
    pub fn due(&mut self, now: Instant) -> Instant {
        let Some(last) = self.last else { return now };
        if !self.differs && now.saturating_duration_since(last) >= QUIET {
            self.series = 0;
        }
        self.differs = true;
        last + doubled(FIRST, self.series).max(doubled(FAILED, self.tries))
    }

    /// The object is right.
    pub fn right(&mut self) {
        self.differs = false;
        self.tries = 0;
    }

    /// The object was corrected. How many corrections in a row others undid before.
    pub fn wrote(&mut self, now: Instant) -> u32 {
        let undone = self.series;
        *self = Calm { series: undone.saturating_add(1), last: Some(now), ..Calm::default() };
        undone
    }

    /// The object could not be corrected. How many failures in a row there were before.
    pub fn failed(&mut self, now: Instant) -> u32 {
        let before = self.tries;
        self.tries = before.saturating_add(1);
        self.last = Some(now);
        before
    }
}

/// The pause after so many; none after none.
fn doubled(first: Duration, times: u32) -> Duration {
    match times.checked_sub(1) {
        Some(doublings) => first.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST),
        None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_correction_is_at_once_and_those_that_are_undone_come_later_each_time() {
        let (mut calm, mut now) = (Calm::default(), Instant::now());
        let mut pauses = Vec::new();
        for undone in 0..13 {
            let due = calm.due(now);
            pauses.push((due - now).as_secs());
            now = due;
            assert_eq!(calm.wrote(now), undone);
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }

    #[test]
    fn what_stays_right_for_a_while_is_corrected_at_once_again() {
        let (mut calm, start) = (Calm::default(), Instant::now());
        for at in 0..5 {
            calm.due(start + seconds(at));
            calm.wrote(start + seconds(at));
        }
        calm.right();
        let soon = start + seconds(10);
        assert_eq!(calm.due(soon), start + seconds(4 + 16));
        // Waiting is no quiet.
        assert_eq!(calm.due(start + seconds(100)), start + seconds(4 + 16));
        calm.wrote(start + seconds(100));
        let later = start + seconds(100) + QUIET;
        assert!(calm.due(later) <= later);
        assert_eq!(calm.wrote(later), 0, "a new series");
    }

    #[test]
    fn failures_are_tried_again_at_growing_pauses() {
        let (mut calm, mut now) = (Calm::default(), Instant::now());
        let mut pauses = Vec::new();
        for before in 0..4 {
            let due = calm.due(now);
            pauses.push((due - now).as_millis());
            now = due;
            assert_eq!(calm.failed(now), before);
        }
        assert_eq!(pauses, [0, 500, 1000, 2000]);
        calm.right();
        assert!(calm.due(now) <= now);
    }
}
