//! `istiod completion SHELL`.

use std::process::ExitCode;

use clap_complete::Shell;

/// Which shell.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that shall complete
    shell: Shell,
}

/// Prints the script.
pub fn run(arguments: &Args, mut definition: clap::Command) -> anyhow::Result<ExitCode> {
    let name = definition.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut definition, name, &mut script);
    super::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
