//! `istiod crds`: the CustomResourceDefinitions of the kinds that it reads, for `kubectl apply -f -`.

use std::process::ExitCode;

use crate::api::crd;

/// Prints them.
///
/// # Errors
/// When standard output cannot be written.
pub fn run() -> anyhow::Result<ExitCode> {
    super::print(&crd::yaml()?)?;
    Ok(ExitCode::SUCCESS)
}
