//! `istiod bootstrap`: an Envoy bootstrap for a pod, without an agent.

pub mod envoy;
pub mod node;
