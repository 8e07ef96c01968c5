//! Listeners (LDS).

pub mod bind;

use std::net::IpAddr;

use super::scope::ListenerTraits;
use super::translator::{Built, Context};
use crate::model::ServiceTarget;

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {}
}

/// The addresses of endpoints that get an outbound listener each, because their service has no virtual
/// address.
pub fn peers(_context: &Context<'_>) -> Vec<IpAddr> {
    Vec::new()
}

/// The outbound listeners of a sidecar. `own` are those of its addresses that are among the peers: it gets
/// no listener for itself.
pub fn outbound(
    _context: &Context<'_>,
    _traits: &ListenerTraits,
    _own: &[IpAddr],
    _memos: &mut Memos,
) -> Built {
    Built::default()
}

/// The inbound listener of a sidecar.
pub fn inbound(
    _context: &Context<'_>,
    _traits: &ListenerTraits,
    _targets: &[ServiceTarget],
    _memos: &mut Memos,
) -> Built {
    Built::default()
}
