//! Serving: streams, identities, pacing and order.

pub mod cache;
pub mod diff;
pub mod envelope;
pub mod node;
pub mod push;
pub mod server;
pub mod stream;
pub mod type_url;

#[cfg(test)]
mod fixture;
