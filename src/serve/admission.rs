//! How many new streams are let in a second.
//!
//! After a restart all proxies come at once. They are let in at a rate, in the order in which they came, and
//! wait for their turn rather than being refused. Only one whose turn is too far away is refused; it is told
//! when to come, and its turn is kept: who was refused once does not queue again. Without IO: the caller
//! waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Streams a second where nothing else is configured. A first view costs well below a millisecond.
const DEFAULT_RATE: u32 = 2_000;

/// How long a stream waits for its turn. Longer, and the client may take it for dead.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// How many turns are kept for clients that were refused.
const MAX_KEPT: usize = 20_000;

/// How long a turn is kept beyond its time. An Envoy comes again after at most 30 seconds.
const KEPT: Duration = Duration::from_secs(60);

/// The gate.
#[derive(Debug)]
pub struct Admission {
    interval: Duration,
    /// How far ahead of its rate the gate may run: one second.
    burst: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The turn of the next newcomer.
    next: Option<Instant>,
    /// The turns of clients that were refused.
    kept: HashMap<IpAddr, Vec<Instant>>,
    kept_count: usize,
}

/// What a newcomer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Come in then; now, if that is over.
    At(Instant),
    /// Come again after this time.
    Refused(Duration),
}

impl Admission {
    /// A gate for this many streams a second; 0 stands for the default.
    pub fn new(rate: u32) -> Admission {
        let rate = if rate == 0 { DEFAULT_RATE } else { rate };
        Admission {
            interval: Duration::from_secs(1) / rate,
            burst: Duration::from_secs(1),
            state: Mutex::default(),
        }
    }

    /// The turn of a client that comes now.
    pub fn turn(&self, client: IpAddr, now: Instant) -> Turn {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = match state.take(client, now) {
            Some(kept) => kept,
            None => {
                let earliest = now.checked_sub(self.burst).unwrap_or(now);
                let turn = state.next.map_or(earliest, |next| next.max(earliest));
                if turn > now + MAX_WAIT && state.kept_count >= MAX_KEPT {
                    return Turn::Refused(turn - now);
                }
                state.next = Some(turn + self.interval);
                turn
            }
        };
        if turn > now + MAX_WAIT {
            state.keep(client, turn);
            return Turn::Refused(turn - now);
        }
        Turn::At(turn)
    }
}

impl State {
    /// The oldest turn that is kept for a client.
    fn take(&mut self, client: IpAddr, now: Instant) -> Option<Instant> {
        let turns = self.kept.get_mut(&client)?;
        let before = turns.len();
        turns.retain(|turn| now < *turn + KEPT);
        let turn = (!turns.is_empty()).then(|| turns.remove(0));
        self.kept_count -= before - turns.len();
        if turns.is_empty() {
            self.kept.remove(&client);
        }
        turn
    }

    fn keep(&mut self, client: IpAddr, turn: Instant) {
        let turns = self.kept.entry(client).or_default();
        turns.insert(turns.partition_point(|other| *other <= turn), turn);
        self.kept_count += 1;
    }
}

#[cfg(test)]
mod tests;
