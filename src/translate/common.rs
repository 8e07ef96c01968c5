//! Constructors of Envoy messages that the builders of several resource types need.
//!
//! Owns names and shapes that must agree between types: cluster names (routes and listeners refer to them),
//! addresses, config sources, secrets, metadata, the metadata exchange filter. Each function is named after
//! the message that it makes. Must not know services, scopes or policies: what to build is the builders'
//! business.

pub mod address;
pub mod compliance;
pub mod config_source;
pub mod credential;
pub mod extension;
pub mod files;
pub mod header_case;
pub mod metadata;
pub mod name;
pub mod value;

#[cfg(test)]
mod tests;
