//! Metrics of the process, with istiod's names where the meaning is the same.
//!
//! A leaf: every band may count, nobody reads back. One value of [`Metrics`] is made at start and shared.

/// All metrics of the process.
#[derive(Debug, Default)]
pub struct Metrics {}
