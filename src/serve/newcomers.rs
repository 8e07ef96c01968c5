//! Clients that have proved nothing yet: few at once, and none for long.
//!
//! A client is a newcomer from its connection until it was recognised: through the handshake, and until a request of
//! its that proves who it is. Where there are too many, the oldest has to go, once it has had the time that an honest
//! one needs; before that, further ones wait to be accepted. So a flood costs newcomers their place, and nobody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// All newcomers of a server.
#[derive(Debug)]
pub struct Newcomers {
    max: usize,
    patience: Duration,
    table: Mutex<Table>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// Since when, and how each is told to go; the oldest first.
    present: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

/// A newcomer, until this is dropped.
#[derive(Debug)]
pub struct Newcomer {
    number: u64,
    dismissed: Arc<Notify>,
    all: Arc<Newcomers>,
}

impl Newcomers {
    /// At most so many, of whom none is dismissed before it had so long.
    pub fn new(max: usize, patience: Duration) -> Newcomers {
        Newcomers { max: max.max(1), patience, table: Mutex::default(), freed: Notify::new() }
    }

    /// Takes one more, when there is room.
    pub async fn admit(self: &Arc<Self>) -> Newcomer {
        loop {
            let freed = self.freed.notified();
            let wait = {
                let mut table = self.lock();
                match table.full_until(self.max, self.patience) {
                    None => return self.enter(&mut table),
                    Some(until) => until,
                }
            };
            tokio::select! {
                () = freed => {}
                () = sleep_until(wait) => {}
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().present.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn enter(self: &Arc<Self>, table: &mut Table) -> Newcomer {
        table.last += 1;
        let (number, dismissed) = (table.last, Arc::new(Notify::new()));
        table.present.insert(number, (Instant::now(), dismissed.clone()));
        Newcomer { number, dismissed, all: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Until when there is no room; None where there is. The oldest is dismissed for that, if it had its time.
    fn full_until(&mut self, max: usize, patience: Duration) -> Option<Instant> {
        if self.present.len() < max {
            return None;
        }
        let oldest = self.present.first_entry()?;
        let until = oldest.get().0 + patience;
        if until > Instant::now() {
            return Some(until);
        }
        let (_, dismissed) = oldest.remove();
        dismissed.notify_one();
        None
    }
}

impl Newcomer {
    /// Its time begins now: before, its place was kept for whoever comes.
    pub fn arrived(&self) {
        if let Some((since, _)) = self.all.lock().present.get_mut(&self.number) {
            *since = Instant::now();
        }
    }

    /// Waits until it has to go.
    pub async fn dismissed(&self) {
        self.dismissed.notified().await;
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        if self.all.lock().present.remove(&self.number).is_some() {
            self.all.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn is_dismissed(newcomer: &Newcomer) -> bool {
        newcomer.dismissed().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_oldest_goes_once_it_had_its_time() {
        let all = Arc::new(Newcomers::new(2, Duration::ZERO));
        let first = all.admit().await;
        let second = all.admit().await;
        let third = all.admit().await;
        assert!(is_dismissed(&first) && !is_dismissed(&second) && !is_dismissed(&third));
        drop(first);
        assert_eq!(all.len(), 2);
        drop((second, third));
        assert!(all.is_empty());
    }

    #[tokio::test]
    async fn nobody_goes_before_and_who_is_recognised_makes_room() {
        let all = Arc::new(Newcomers::new(1, LONG));
        let first = all.admit().await;
        assert!(all.admit().now_or_never().is_none());
        let waiting = tokio::spawn({
            let all = all.clone();
            async move { all.admit().await }
        });
        tokio::task::yield_now().await;
        assert!(!is_dismissed(&first));
        drop(first);
        assert!(!is_dismissed(&waiting.await.unwrap()));
    }
}
