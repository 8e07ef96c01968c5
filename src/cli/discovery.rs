//! `istiod discovery`: runs the control plane.
//!
//! Owns the flags ([`Options`]) and what is said at start; what runs is `bootstrap`'s.

mod options;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use tracing::{info, warn};

use super::{Invocation, usage};
use crate::api::duration;
use crate::settings::Settings;
use crate::{bootstrap, logging, version};

pub use self::options::{ControlZ, Identity, Keepalive, Listen, Log, Options, Sources, Tls};

/// Flags that are accepted, for parts that do not exist yet.
pub const PENDING_FLAGS: [&str; 1] = ["cniNamespace"];

/// One flag, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its long name, without dashes.
    pub name: String,
    /// Its value, as it would be written.
    pub value: String,
    /// Whether the command line says so, and not the default.
    pub given: bool,
}

/// What the log says at start.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every flag.
    pub flags: Vec<Flag>,
    /// Unknown flags that were dropped.
    pub dropped: Vec<String>,
    /// What reading the environment had to say.
    pub notes: Vec<String>,
}

/// The command with the defaults that the environment decides.
pub(super) fn with_defaults(command: Command, settings: &Settings) -> Command {
    let namespace = settings.pod_namespace.clone();
    let mut command = command;
    for (flag, default) in [
        ("namespace", namespace.clone()),
        ("cluster_registries_namespace", namespace.clone()),
        ("cni_namespace", namespace),
        ("cluster_id", settings.cluster_id.clone()),
        ("keepalive_interval", duration::format(settings.keepalive_interval)),
        ("keepalive_timeout", duration::format(settings.keepalive_timeout)),
    ] {
        command = command.mut_arg(flag, |argument| argument.default_value(default));
    }
    command
}

/// The flags as they stand, by name.
pub(super) fn flags(command: &Command, matches: &ArgMatches) -> Vec<Flag> {
    let flag = |argument: &Arg| {
        let id = argument.get_id().as_str();
        let name = argument.get_long().filter(|name| *name != "help")?.to_owned();
        let values = matches.try_get_raw(id).ok()?.into_iter().flatten();
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        let given = matches.value_source(id) == Some(ValueSource::CommandLine);
        Some(Flag { name, value: values.join(","), given })
    };
    let mut flags: Vec<Flag> = command.get_arguments().filter_map(flag).collect();
    flags.sort_by(|a, b| a.name.cmp(&b.name));
    flags
}

/// Runs the control plane to its end.
pub(super) fn run(
    options: Options,
    settings: Settings,
    report: Report,
) -> anyhow::Result<ExitCode> {
    let scopes = match logging::start(&options.log.config()) {
        Ok(scopes) => scopes,
        // A wrong value like any other, only that the system had to be asked.
        Err(error) => return Ok(super::complain(&error.to_string(), super::MISUSED)),
    };
    report.log(&settings);
    bootstrap::run(options, settings, scopes)?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn log(&self, settings: &Settings) {
        info!("istiod {}", version::tag());
        for Flag { name, value, .. } in &self.flags {
            info!("FLAG: --{name}={value:?}");
        }
        for (name, value) in settings.effective() {
            info!("ENV: {name}={value:?}");
        }
        for flag in &self.dropped {
            warn!("unknown flag {flag} is ignored");
        }
        for Flag { name, value, .. } in
            self.flags.iter().filter(|flag| flag.name.starts_with("log_"))
        {
            for scope in
                logging::unknown_scopes(value).into_iter().filter(|_| name.ends_with("_level"))
            {
                warn!("--{name}: {scope} is no log scope of this version");
            }
        }
        let pending = self.pending();
        if !pending.is_empty() {
            warn!("flags without an effect yet: {}", pending.join(", "));
        }
        for note in &self.notes {
            warn!("{note}");
        }
    }

    /// The flags that were given but have no effect yet.
    fn pending(&self) -> Vec<String> {
        let given = self.flags.iter().filter(|flag| flag.given);
        given
            .filter(|flag| PENDING_FLAGS.contains(&flag.name.as_str()))
            .map(|flag| format!("--{}", flag.name))
            .collect()
    }
}

impl Options {
    /// The flags that these words give, over the defaults that `settings` decides. An error is one line.
    pub fn parse(words: &[&str], settings: &Settings) -> Result<Options, String> {
        let words = ["istiod", super::DISCOVERY].iter().chain(words);
        let words: Vec<_> = words.map(OsString::from).collect();
        match super::parse(&words, settings) {
            Ok(Invocation { command: super::Command::Discovery(options), .. }) => Ok(*options),
            Ok(_) => Err("another command".to_owned()),
            Err(error) => Err(usage::line(&error)),
        }
    }
}

#[cfg(test)]
mod tests;
