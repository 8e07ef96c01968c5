//! What gateways serve: listeners and routes from their Gateway objects and the VirtualServices bound to these.

use std::sync::Arc;

use super::scope::ListenerTraits;
use super::translator::{Built, Context};

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {}
}

/// The listeners of a gateway.
pub fn listeners(
    _context: &Context<'_>,
    _traits: &ListenerTraits,
    _memos: &mut Memos,
) -> Arc<Built> {
    Arc::new(Built::default())
}

/// The route configurations that they refer to.
pub fn routes(_context: &Context<'_>, _memos: &mut Memos) -> Built {
    Built::default()
}
