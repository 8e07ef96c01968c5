//! The command line: commands, flags, what is printed, and exit codes.
//!
//! Owns the words that users type and read. Exit codes: 0 for success, 1 when what was asked for failed, 2 for
//! a command line that was not understood, which is answered in one line: flag, value, what is allowed.
//! Each command is a module with its arguments and a `run`.

pub mod agent;
pub mod bootstrap;
pub mod ca;
pub mod completion;
pub mod crds;
pub mod discovery;
pub mod explain;
pub mod inject;
pub mod inputs;
pub mod node;
pub mod request;
pub mod translate;
mod unknown;
mod usage;
pub mod validate;
mod values;
pub mod version;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::settings::Settings;

/// The command that runs the control plane.
const DISCOVERY: &str = "discovery";

/// Exit code of a command that failed.
const FAILED: u8 = 1;
/// Exit code of a command line that was not understood.
const MISUSED: u8 = 2;

/// A control plane for Istio service meshes: serves Envoy and Istio sidecars over xDS.
#[derive(Debug, Parser)]
#[command(name = "istiod", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the control plane
    Discovery(Box<discovery::Options>),
    /// Send an HTTP request to the control plane of this machine (127.0.0.1:15014) and print the answer
    Request(request::Args),
    /// Print what is wrong with the objects in files, and fail if something is
    Validate(validate::Args),
    /// Get certificates for a proxy, serve them to its Envoy, and run that Envoy
    Agent(Box<agent::Options>),
    /// Show the certificate authority, and make tokens for it
    #[command(subcommand)]
    Ca(ca::Command),
    /// Print an Envoy bootstrap for the proxy of a pod
    Bootstrap(Box<bootstrap::Args>),
    /// Print the CustomResourceDefinitions of Istio's networking kinds
    Crds,
    /// Print what a proxy of a directory of objects would be served
    Translate(Box<translate::Args>),
    /// Print the way of a request through a proxy, and the objects that decide it
    Explain(Box<explain::Args>),
    /// Print the objects of a file with sidecars in their pods
    Inject(inject::Args),
    /// Print what this build is
    Version(version::Args),
    /// Become a command that dies with its parent: how the agent starts Envoy
    #[command(hide = true)]
    WithParent(agent::WithParent),
    /// Print a script that completes this command line in a shell
    Completion(completion::Args),
}

/// A command line that was understood.
struct Invocation {
    command: Command,
    /// The flags of `discovery` as they stand; empty for other commands.
    flags: Vec<discovery::Flag>,
    /// Flags that were dropped because no version of the command knows them.
    dropped: Vec<String>,
}

/// Runs what the arguments say. The environment is read here and nowhere else.
pub fn main<A, E>(arguments: A, environment: E) -> ExitCode
where
    A: IntoIterator<Item = OsString>,
    E: IntoIterator<Item = (OsString, OsString)>,
{
    let lossy = |text: OsString| text.to_string_lossy().into_owned();
    let environment = environment.into_iter().map(|(name, text)| (lossy(name), lossy(text)));
    let environment: Vec<(String, String)> = environment.collect();
    let (settings, notes) = Settings::read(environment.clone());
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match parse(&arguments, &settings) {
        Ok(invocation) => match run(invocation, settings, notes, environment) {
            Ok(code) => code,
            Err(error) => complain(&format!("{error:#}"), FAILED),
        },
        Err(error) if is_misuse(&error) => complain(&usage::line(&error), MISUSED),
        Err(error) => print(&error.to_string()).map_or(FAILED.into(), |()| ExitCode::SUCCESS),
    }
}

/// Whether an error of clap's is one: help that was asked for is none, nor is that for `istiod` alone.
fn is_misuse(error: &clap::Error) -> bool {
    let alone = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    error.use_stderr() && !alone
}

/// The command line as clap sees it, with the defaults that the environment gives.
fn definition(settings: &Settings) -> clap::Command {
    Cli::command().mut_subcommand(DISCOVERY, |command| discovery::with_defaults(command, settings))
}

fn parse(arguments: &[OsString], settings: &Settings) -> Result<Invocation, clap::Error> {
    let mut definition = definition(settings);
    // Adds --help to the commands, which must be known when unknown flags are dropped.
    definition.build();
    let (arguments, dropped) = unknown::drop_unknown_flags(arguments, &definition);
    let matches = definition.try_get_matches_from_mut(arguments)?;
    let mut command = Cli::from_arg_matches(&matches)?.command;
    if let Command::Discovery(options) = &mut command {
        options.check().map_err(|line| clap::Error::raw(ErrorKind::ValueValidation, line))?;
    }
    let flags = match matches.subcommand() {
        Some((name, matches)) if name == DISCOVERY => definition
            .find_subcommand(name)
            .map(|command| discovery::flags(command, matches))
            .unwrap_or_default(),
        _ => Vec::new(),
    };
    Ok(Invocation { command, flags, dropped })
}

fn run(
    invocation: Invocation,
    settings: Settings,
    notes: Vec<String>,
    environment: Vec<(String, String)>,
) -> anyhow::Result<ExitCode> {
    let Invocation { command, flags, dropped } = invocation;
    match command {
        Command::Discovery(options) => {
            discovery::run(*options, settings, discovery::Report { flags, dropped, notes })
        }
        Command::Request(arguments) => request::run(&arguments),
        Command::Agent(options) => agent::run(*options, &settings, environment),
        Command::WithParent(arguments) => agent::with_parent_of(&arguments),
        Command::Ca(command) => ca::run(&command, &settings),
        Command::Crds => crds::run(),
        Command::Bootstrap(arguments) => bootstrap::run(&arguments, &settings),
        Command::Validate(arguments) => validate::run(&arguments, &settings),
        Command::Translate(arguments) => translate::run(&arguments, &settings),
        Command::Explain(arguments) => explain::run(&arguments, &settings),
        Command::Inject(arguments) => inject::run(&arguments, environment),
        Command::Version(arguments) => version::run(&arguments),
        Command::Completion(arguments) => completion::run(&arguments, definition(&settings)),
    }
}

/// Prints to standard output. A reader that went away is an error like any other.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// One line for the user, and an exit code.
fn complain(line: &str, code: u8) -> ExitCode {
    // Without standard error there is nobody to tell; the exit code remains.
    let _ = writeln!(io::stderr(), "istiod: {line}");
    code.into()
}

#[cfg(test)]
mod tests;
