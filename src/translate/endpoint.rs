//! Endpoint assignments (EDS).

use super::resource::Resource;
use super::translator::{Built, Context};

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {}
}

/// The assignment of every cluster that finds its endpoints by EDS.
pub fn assignments(_context: &Context<'_>, _memos: &mut Memos) -> Built {
    Built::default()
}

/// The assignment of a cluster that does not exist.
pub fn absent(name: &str) -> Resource {
    Resource::new(name.into(), bytes::Bytes::new(), [])
}
