//! Translation: a snapshot and a proxy in, encoded Envoy resources out.
//!
//! Pure: no clock, no IO, no async, no locks, no kube, no tonic. A user's mistake is a diagnostic, never an
//! error and never a panic; the rest of the configuration still works.
//!
//! Proxies with equal traits share a [`Scope`](scope::Scope), and a scope's resources are built once. Each
//! builder is memoised on the identity of what it reads ([`memo`]): same inputs, same `Arc`, so that what
//! differs between two versions is found by comparing pointers. Nothing here is ever rebuilt in full.
//!
//! What a proxy is served is a [`View`]: layers of resources, from those that many proxies share to those
//! that few do. No name stands in two layers of a view.

pub mod capability;
pub mod cluster;
pub mod common;
pub mod each;
pub mod endpoint;
pub mod envoy_filter;
#[cfg(test)]
pub mod fixture;
pub mod gateway;
pub mod hosts;
pub mod ingress;
pub mod listener;
pub mod memo;
pub mod name_table;
pub mod proxy_config;
pub mod resource;
pub mod route;
pub mod rules;
pub mod scope;
pub mod secret;
pub mod security;
pub mod session;
#[cfg(test)]
mod tests;
pub mod translator;
pub mod trust;
pub mod visible;

pub use self::memo::Counts;
pub use self::resource::{Resource, ResourceSet, ResourceType, Resources};
pub use self::scope::Scope;
pub use self::translator::{Translator, View};
