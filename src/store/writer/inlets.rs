//! The queues of all sources as one.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::api::Batch;

/// Receives from every source in turn, and knows which of them told all that it had.
#[derive(Debug)]
pub(super) struct Inlets {
    inlets: Vec<Inlet>,
    /// The one to ask first, so that a busy source does not hold up the others.
    next: usize,
}

#[derive(Debug)]
struct Inlet {
    queue: mpsc::Receiver<Batch>,
    synced: bool,
    closed: bool,
}

impl Inlets {
    /// Of these queues, one for each source.
    pub(super) fn new(queues: Vec<mpsc::Receiver<Batch>>) -> Inlets {
        let inlet = |queue| Inlet { queue, synced: false, closed: false };
        Inlets { inlets: queues.into_iter().map(inlet).collect(), next: 0 }
    }

    /// Whether every source told all that it had when it started.
    pub(super) fn synced(&self) -> bool {
        self.inlets.iter().all(|inlet| inlet.synced)
    }

    /// Whether there is a source left.
    pub(super) fn open(&self) -> bool {
        self.inlets.iter().any(|inlet| !inlet.closed)
    }

    /// How many batches wait.
    pub(super) fn depth(&self) -> usize {
        self.inlets.iter().map(|inlet| inlet.queue.len()).sum()
    }

    /// The next batch; None when all sources are gone. May be dropped and called again without loss.
    pub(super) async fn receive(&mut self) -> Option<Batch> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Batch>> {
        let count = self.inlets.len();
        for offset in 0..count {
            let at = (self.next + offset) % count;
            let Some(inlet) = self.inlets.get_mut(at).filter(|inlet| !inlet.closed) else {
                continue;
            };
            match inlet.queue.poll_recv(context) {
                Poll::Ready(Some(batch)) => {
                    inlet.synced |= batch.synced;
                    self.next = at + 1;
                    return Poll::Ready(Some(batch));
                }
                Poll::Ready(None) => inlet.closed = true,
                Poll::Pending => {}
            }
        }
        if self.open() { Poll::Pending } else { Poll::Ready(None) }
    }
}
