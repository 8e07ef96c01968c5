//! The threads that work on reviews: few of them, and a bounded number of reviews that wait.
//!
//! A review whose client does not wait any more is not worked on, so that a flood leaves nothing behind.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

/// Reviews that wait at most. Twice the 2,000 that come when a cluster starts anew; further ones are sent away.
const MAX_WAITING: usize = 4096;

/// The stack of a thread: templates and objects nest, and how deep is limited by what this takes.
const STACK_BYTES: usize = 16 << 20;

/// A pool of threads. Clones share it; it ends with the last.
#[derive(Clone, Debug)]
pub struct Workers {
    queue: SyncSender<Job>,
}

/// Why work was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Too many wait.
    Full,
    /// Its time was over before its turn came.
    Late,
    /// It panicked, with this message.
    Panicked(String),
}

type Job = Box<dyn FnOnce() + Send>;

impl Workers {
    /// So many threads.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(threads: usize) -> io::Result<Workers> {
        let (queue, jobs) = sync_channel(MAX_WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = jobs.clone();
            let named = thread::Builder::new().name(format!("review-{number}"));
            named.stack_size(STACK_BYTES).spawn(move || run(&jobs))?;
        }
        Ok(Workers { queue })
    }

    /// Does some work, if its turn comes before `until`.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn work<T: Send + 'static>(
        &self,
        until: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move || {
            // Its client may be gone, or about to go.
            if reply.is_closed() {
                return;
            }
            let done = match Instant::now() > until {
                true => Err(Undone::Late),
                false => catch_unwind(AssertUnwindSafe(work))
                    .map_err(|panic| Undone::Panicked(said(panic.as_ref()))),
            };
            // Its client may have gone meanwhile.
            drop(reply.send(done));
        });
        match self.queue.try_send(job) {
            Ok(()) => answer.await.unwrap_or(Err(Undone::Late)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Undone::Full),
        }
    }
}

/// Does one job after the other until nobody has any.
fn run(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// What a panic said.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a fault without a message".to_owned())
}

#[cfg(test)]
mod tests;
