//! `istiod ca`: what the certificate authority is, and tokens for it where there is no Kubernetes to make them.

mod status;
mod token;

use std::process::ExitCode;

use clap::Subcommand;

use crate::settings::Settings;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print chain, roots and ends of a CA, and what is due
    Status(status::Args),
    /// Print a token with which a workload asks a CA that is kept in a directory for its certificate
    Token(token::Args),
}

pub(super) fn run(command: &Command, settings: &Settings) -> anyhow::Result<ExitCode> {
    match command {
        Command::Status(arguments) => status::run(arguments, settings),
        Command::Token(arguments) => token::run(arguments, settings),
    }
}
