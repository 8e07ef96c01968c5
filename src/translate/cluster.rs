//! Clusters (CDS).

use super::translator::{Built, Context};
use crate::model::ServiceTarget;

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {}
}

/// The clusters of all services that the scope sees, and those for what is no service.
pub fn outbound(_context: &Context<'_>, _memos: &mut Memos) -> Built {
    Built::default()
}

/// The clusters behind a sidecar's inbound listener.
pub fn inbound(_context: &Context<'_>, _targets: &[ServiceTarget], _memos: &mut Memos) -> Built {
    Built::default()
}
