//! The mesh networks: from a YAML document to their values.

use serde_json::{Map, Value};

use super::super::project::{Issue, document};
use crate::api::{MeshNetworks, Severity};

/// Reads a document, and tells what has no effect in it.
///
/// # Errors
/// The first thing that makes it invalid: half of the networks would lead traffic astray.
pub(super) fn read(fields: Map<String, Value>) -> Result<(MeshNetworks, Vec<Issue>), Issue> {
    let (networks, mut issues) = document::<MeshNetworks>(Value::Object(fields))?;
    issues.extend(networks.validate().0);
    match issues.iter().position(|issue| issue.severity == Severity::Error) {
        Some(error) => Err(issues.swap_remove(error)),
        None => Ok((networks, issues)),
    }
}
