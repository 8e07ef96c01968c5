//! Where signing is done: beside the tasks that serve streams, few at once, and never with a queue without an end.
//!
//! A signature by an RSA key takes a millisecond. Thousands of requests that come together take their turns on threads
//! of their own, so that pushes have theirs meanwhile; those for whom there is no place are told to come again.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Error;

/// Requests that may wait. With 1,000 signatures a second the last of them waits two.
const PLACES: usize = 2_000;

/// The desk. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Desk {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Desk {
    /// At which so many are served at once.
    pub fn new(at_once: usize) -> Desk {
        Desk::with_places(at_once, PLACES)
    }

    fn with_places(at_once: usize, places: usize) -> Desk {
        let semaphore = |size: usize| Arc::new(Semaphore::new(size.max(1)));
        Desk { places: semaphore(places), turns: semaphore(at_once) }
    }

    /// Works when it is this one's turn.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn work<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _place = self.places.try_acquire().map_err(|_| Error::Busy)?;
        let turn = self.turns.clone().acquire_owned().await;
        let worked = tokio::task::spawn_blocking(move || {
            // The turn lasts as long as the work, even if nobody waits for it any more.
            let _turn = turn;
            work()
        });
        worked.await.map_err(|error| Error::Sign(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
