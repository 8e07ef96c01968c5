//! Times that were measured, and what is said of them.

use std::fmt;
use std::time::Duration;

/// Times.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let last = sorted.len().saturating_sub(1);
            let time = sorted.get(last * percent / 100).copied().unwrap_or_default();
            time.as_secs_f64() * 1000.0
        };
        write!(
            f,
            "{} times, median {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            sorted.len(),
            at(50),
            at(99),
            at(100)
        )
    }
}
