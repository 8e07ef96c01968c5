//! The way of the secrets that tell of clusters: past the store, which has no use for credentials.

use tokio::sync::mpsc;

use super::offers::{concerns, told};
use crate::api::{Batch, Change, Str};

/// Hands the batches of a source on, and the secrets of a namespace to who follows the clusters that they tell of.
/// Secrets that tell of none go both ways: they may have told of one before.
pub async fn divert(
    mut batches: mpsc::Receiver<Batch>,
    namespace: Str,
    secrets: mpsc::Sender<Batch>,
    others: mpsc::Sender<Batch>,
) {
    while let Some(batch) = batches.recv().await {
        let synced = batch.synced;
        let (of_secrets, of_others) = split(batch, &namespace);
        for (batch, to) in [(of_secrets, &secrets), (of_others, &others)] {
            if (synced || !batch.changes.is_empty()) && to.send(batch).await.is_err() {
                return;
            }
        }
    }
}

fn split(batch: Batch, namespace: &str) -> (Batch, Batch) {
    let Batch { changes, synced, remote } = batch;
    let concerning = changes.iter().filter(|change| concerns(change, namespace)).cloned();
    let secrets = Batch { changes: concerning.collect(), synced, remote: remote.clone() };
    let unless_told = |change: Change| match told(&change) {
        Some(_) if concerns(&change, namespace) => Change::Remove(change.key()),
        _ => change,
    };
    let others = changes.into_iter().map(unless_told).collect();
    (secrets, Batch { changes: others, synced, remote })
}

#[cfg(test)]
mod tests;
