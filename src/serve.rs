//! Serving: streams, identities, pacing and order.

pub mod admission;
pub mod ads;
pub mod cache;
pub mod connections;
pub mod diff;
pub mod envelope;
pub mod node;
pub mod push;
pub mod server;
pub mod stream;
pub mod type_url;
pub mod wire;

#[cfg(test)]
mod fixture;
