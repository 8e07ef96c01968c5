//! The clusters of the mesh, and how far reading each is: what is shown of them.

use super::{ObjectKey, Str};

/// One cluster of the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterState {
    /// Its id.
    pub id: Str,
    /// What tells how to reach it; None for the own cluster.
    pub secret: Option<ObjectKey>,
    /// How far it is in istiod's words.
    pub sync: SyncStatus,
    /// How far it is in more words.
    pub phase: ClusterPhase,
    /// What of it was not read yet, or cannot be followed, and why where something failed.
    pub waiting: Vec<String>,
    /// Why what the secret says cannot be used; empty where it can.
    pub refusal: String,
    /// What the secret said before is still in use, until what it says now works.
    pub previous_in_use: bool,
}

/// How far a cluster is, in the words of istiod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncStatus {
    /// It is read, and counts.
    Synced,
    /// It is being read.
    Syncing,
    /// It is being read for so long that nothing waits for it any more. It counts as soon as it is read.
    Timeout,
    /// It is not read at all.
    Closed,
}

impl SyncStatus {
    /// All of them.
    pub const ALL: [SyncStatus; 4] =
        [SyncStatus::Synced, SyncStatus::Syncing, SyncStatus::Timeout, SyncStatus::Closed];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            SyncStatus::Synced => "synced",
            SyncStatus::Syncing => "syncing",
            SyncStatus::Timeout => "timeout",
            SyncStatus::Closed => "closed",
        }
    }
}

/// How far a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterPhase {
    /// Its API server did not answer yet.
    Connecting,
    /// Some of it is read.
    Syncing,
    /// All of it is read and followed.
    Synced,
    /// It was read, and cannot be followed since then; what is known stays in use.
    Stale(jiff::Timestamp),
    /// It is not read, because what tells how to reach it cannot be used.
    Refused,
}

impl ClusterPhase {
    /// The name of the phase.
    pub fn as_str(&self) -> &'static str {
        match self {
            ClusterPhase::Connecting => "connecting",
            ClusterPhase::Syncing => "syncing",
            ClusterPhase::Synced => "synced",
            ClusterPhase::Stale(_) => "stale",
            ClusterPhase::Refused => "refused",
        }
    }
}
