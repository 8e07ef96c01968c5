//! The way of the secrets that tell of clusters: past the store, which has no use for credentials.

use std::collections::BTreeSet;

use tokio::sync::mpsc;

use super::offers::{concerns, told};
use crate::api::{Batch, Change, ObjectKey, Str};

/// Hands the batches of a source on, and the secrets of a namespace to who follows the clusters that they tell of.
/// Secrets that tell of none go both ways: they may have told of one before.
pub async fn divert(
    mut batches: mpsc::Receiver<Batch>,
    namespace: Str,
    secrets: mpsc::Sender<Batch>,
    others: mpsc::Sender<Batch>,
) {
    let mut known = BTreeSet::new();
    while let Some(batch) = batches.recv().await {
        let synced = batch.synced;
        let (of_secrets, of_others) = split(batch, &namespace, &mut known);
        for (batch, to) in [(of_secrets, &secrets), (of_others, &others)] {
            if (synced || !batch.changes.is_empty()) && to.send(batch).await.is_err() {
                return;
            }
        }
    }
}

/// Splits a batch. `known` are the secrets of the namespace that the others know.
fn split(batch: Batch, namespace: &str, known: &mut BTreeSet<ObjectKey>) -> (Batch, Batch) {
    let Batch { changes, synced, remote } = batch;
    let concerning = changes.iter().filter(|change| concerns(change, namespace)).cloned();
    let secrets = Batch { changes: concerning.collect(), synced, remote: remote.clone() };
    let mut for_others = |change: Change| {
        if !concerns(&change, namespace) {
            return Some(change);
        }
        let key = change.key();
        if matches!(change, Change::Apply(_)) && told(&change).is_none() {
            known.insert(key);
            return Some(change);
        }
        known.remove(&key).then_some(Change::Remove(key))
    };
    let others = changes.into_iter().filter_map(&mut for_others).collect();
    (secrets, Batch { changes: others, synced, remote })
}

#[cfg(test)]
mod tests;
