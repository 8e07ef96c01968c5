//! How far reading each cluster is, for readiness and for who asks.

use std::sync::Arc;

use tokio::sync::watch;

use crate::api::{ClusterPhase, ClusterState, Str, SyncStatus};
use crate::sources::kubernetes::Status;
use crate::sources::kubernetes::remote::{self, Shown};

/// All clusters that are read.
#[derive(Clone, Debug)]
pub struct Clusters {
    /// The id of the own one.
    pub id: Str,
    /// How far the own one is; None where there is none, only files.
    pub own: Option<watch::Receiver<Status>>,
    /// How far the others are.
    pub remotes: watch::Receiver<Arc<[Shown]>>,
}

impl Clusters {
    /// All of them, the own one first.
    pub fn list(&self) -> Vec<ClusterState> {
        let status = self.own.as_ref().map(|own| own.borrow().clone());
        let own = ClusterState {
            id: self.id.clone(),
            secret: None,
            sync: match status.as_ref().is_none_or(|status| status.synced) {
                true => SyncStatus::Synced,
                false => SyncStatus::Syncing,
            },
            phase: status.as_ref().map_or(ClusterPhase::Synced, Status::phase),
            waiting: status.as_ref().map(Status::missing).unwrap_or_default(),
            refusal: String::new(),
            previous_in_use: false,
        };
        let remotes = remote::states(&self.remotes.borrow());
        [own].into_iter().chain(remotes).collect()
    }

    /// What of them was not read yet and is waited for.
    pub fn waiting(&self) -> Vec<String> {
        let own = self.own.as_ref().map(|own| own.borrow().waiting.clone());
        let mut waiting = own.unwrap_or_default();
        waiting.extend(remote::waiting(&self.remotes.borrow()));
        waiting
    }
}
