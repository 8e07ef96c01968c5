//! Route configurations (RDS).

use super::resource::Resource;
use super::scope::Scope;
use super::translator::{Built, Context};

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {}
}

/// The route configurations that the outbound listeners of the scope name.
pub fn configurations(_context: &Context<'_>, _memos: &mut Memos) -> Built {
    Built::default()
}

/// The answer to a name that no listener uses.
pub fn absent(_scope: &Scope, name: &str) -> Resource {
    Resource::new(name.into(), bytes::Bytes::new(), [])
}
