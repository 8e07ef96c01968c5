//! An Istio control plane: objects in, Envoy configuration out.
//!
//! ```text
//!  sources ──► store ──► model/snapshot ──► translate ──► serve
//!  (YAML, …)   one writer   immutable Arcs    pure builders   ADS streams
//! ```
//!
//! The modules are bands, and dependencies point left only: `api` knows nobody; `sources` knows `api`;
//! `store` knows `api`, `model` and `snapshot`; `translate` is pure and knows `api`, `model`, `snapshot`
//! and `proto`; `serve` owns streams. Only `bootstrap` (and `cli`, which calls it) knows everything.
//! `tests/layering.rs` holds this. ARCHITECTURE.md tells the whole story.

pub mod admission;
pub mod agent;
pub mod api;
pub mod authn;
pub mod backoff;
pub mod bootstrap;
pub mod ca;
pub mod cli;
pub mod controllers;
pub mod debug;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod profile;
pub mod proto;
pub mod serve;
pub mod settings;
pub mod simulate;
#[cfg(test)]
mod skip;
pub mod snapshot;
pub mod sources;
pub mod store;
pub mod translate;
pub mod version;
pub mod webhooks;
