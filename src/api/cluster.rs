//! How far reading the other clusters of the mesh is.

use super::Str;

/// A cluster beside the own one, as the source that reads it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterStatus {
    /// Its id.
    pub id: Str,
    /// What names it: the Secret with its kubeconfig, as `NAMESPACE/NAME`, or a file.
    pub origin: Str,
    /// How far reading it is.
    pub state: ClusterState,
}

/// How far reading a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Its API server did not answer yet.
    Connecting,
    /// Not everything was read yet; nothing of it is served.
    Syncing,
    /// As `Syncing`, but for so long that readiness does not wait for it any more.
    Late,
    /// Everything was read and is followed.
    Synced,
    /// It cannot be followed: what was read before is served.
    Stale {
        /// Since when.
        since: jiff::Timestamp,
    },
    /// It is not read at all, as what names it is not acceptable.
    Refused {
        /// Why not, and what helps.
        reason: Str,
    },
}

impl ClusterState {
    /// The name in debug output and metrics, which is istiod's where it has the state.
    pub fn name(&self) -> &'static str {
        match self {
            ClusterState::Connecting => "connecting",
            ClusterState::Syncing => "syncing",
            ClusterState::Late => "timeout",
            ClusterState::Synced => "synced",
            ClusterState::Stale { .. } => "stale",
            ClusterState::Refused { .. } => "refused",
        }
    }
}
