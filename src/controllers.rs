//! The way back: what the control plane writes, and only to the API server.
//!
//! ```text
//!  snapshots ─► addresses ─┐                       (one replica of all: it leads)
//!                          ├─► writer ─► API server
//!  reports of proxies ─► health ─┘                 (every replica, of its own proxies)
//! ```
//!
//! - [`election`] decides which replica leads a [`lock`], with the objects and rules of istiod, so that replicas of
//!   both hold the same locks during a migration. What only a leader does is a future that is dropped when it
//!   no longer leads.
//! - [`writer`] does the writing: paced, bounded, and never where nothing differs.
//! - [`addresses`] and [`health`] are what is written.
//!
//! Nothing that serves proxies waits for any of this, and what is written comes back through the sources like
//! anybody's change. Knows neither stores nor Envoy.

pub mod addresses;
pub mod default_revision;
pub mod election;
pub mod lock;
pub mod writer;
