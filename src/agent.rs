//! `istiod agent`: what a machine or a pod needs beside its Envoy.
//!
//! ```text
//!            CSR        ┌─────────┐  secrets   ┌───────┐  ADS over mTLS
//!  CA  ◄──────────────  │  agent  │ ─────────► │ Envoy │ ────────────────► control plane
//!  15012                └─────────┘  (socket)  └───────┘                   15012
//! ```
//!
//! Gets and renews the workload's certificate, serves it to Envoy, writes Envoy's bootstrap, starts Envoy and drains it.
//! Takes the place of istio-agent for stock Envoys, by the same variables and files where they mean the same.
//!
//! **Envoy asks the control plane itself**; istio-agent puts itself in between. A stock Envoy can show who it is with the
//! certificate that it has anyway, follow a new root without a restart, and reconnect: nothing is left that a proxy in
//! between would do for it, and so nothing of the agent's can hold up, copy or lose configuration. What istio-agent does
//! with the stream besides (names of the mesh as DNS, modules) is for Istio's Envoy or missing here; COMPATIBILITY.md lists
//! it. The health of a machine's application is told on a stream of the agent's own ([`reports`]).
//!
//! Knows settings and messages, nothing of the control plane's insides. `bootstrap::agent` puts the parts together.

pub mod admin;
pub mod app_probes;
pub mod bootstrap;
pub mod ca_client;
pub mod credentials;
pub mod drain;
pub mod envoy;
pub mod health;
pub mod keys;
pub mod material;
pub mod node;
pub mod output;
pub mod plan;
pub mod probe;
pub mod proxy_config;
pub mod renewal;
pub mod reports;
pub mod revocation;
pub mod sds;
pub mod secrets;
pub mod status;
pub mod trust;
