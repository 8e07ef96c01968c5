//! The composition root: builds everything, wires it, waits, and ends it.

pub mod listen;

use crate::cli::discovery::Options;
use crate::logging::LogLevels;
use crate::settings::Settings;

/// Runs the control plane until it is told to stop (SIGINT or SIGTERM). An error is one of starting: after
/// that, what goes wrong is logged and survived.
pub fn run(_options: Options, _settings: Settings, _levels: LogLevels) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
            _ = terminate.recv() => Ok(()),
        }
    })
}
