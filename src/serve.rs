//! Serving: streams, identities, pacing and order.
//!
//! ```text
//!  snapshots ──► push ──► slot ──┐                 (one thread builds all views)
//!                                ├─► stream ──► wire ──► HTTP/2      (one task a stream)
//!  requests ──► wire ──► envelope┘
//! ```
//!
//! - [`server`] accepts connections and ends them, and tells how they came ([`transport`]); [`ads`] is the service on
//!   them, whose calls begin in [`grpc`]: admission ([`admission`]), who it is ([`access`], [`node`]), and the loop of each stream.
//! - [`stream`] is the protocol, without IO. [`cache`] and [`diff`] are what streams share, so that a push to N
//!   proxies is N small heads and the same bytes.
//! - [`push`] turns snapshots into views, and puts the newest into the slot of each connection.
//! - [`secrets`] adds to a view what depends on who asks.
//! - [`connections`] lists who is connected.
//!
//! Wired so: [`push::Pusher::start`] with the store's snapshots and a translator, [`ads::Ads::new`] with that
//! pusher, and [`server::run`] with [`ads::Ads::router`] on each listener. Knows neither stores nor sources.

pub mod access;
pub mod admission;
pub mod ads;
pub mod cache;
pub mod certificates;
pub mod connections;
pub mod diff;
pub mod envelope;
mod grpc;
pub mod newcomers;
pub mod node;
pub mod push;
pub mod registration;
pub mod secrets;
pub mod server;
pub mod services;
pub mod stream;
pub mod tls;
pub mod transport;
pub mod type_url;
pub mod wire;

#[cfg(test)]
mod fixture;
