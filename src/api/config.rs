//! Istio's own kinds, as far as every one of them is the same: metadata and a spec.

use super::{Kind, Meta};

/// An object of one of Istio's kinds. Its spec is kept as it was written until a translator for its kind
/// gives it a type; it is stored and listed meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which of Istio's kinds.
    pub kind: Kind,
    /// Its metadata.
    pub meta: Meta,
    /// The `spec` as JSON; null when absent.
    pub spec: serde_json::Value,
}
