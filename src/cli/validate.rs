//! `istiod validate FILE…`: what is wrong with objects, before anybody applies them.
//!
//! The files are read as the daemon reads them, so what is said here is what it would say. One line for each finding on
//! standard output, then a line with their number.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::api::{Diagnostic, Severity};
use crate::sources::yaml::{self, Content};

/// What stands for standard input.
const STDIN: &str = "-";

/// What to read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and directories of objects in YAML or JSON; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Prints what is wrong, and fails if something has no effect.
pub fn run(arguments: &Args) -> anyhow::Result<ExitCode> {
    let (piped, paths): (Vec<&PathBuf>, _) =
        arguments.files.iter().partition(|path| *path == Path::new(STDIN));
    let paths: Vec<PathBuf> = paths.into_iter().cloned().collect();
    let piped = piped.first().map(|_| (PathBuf::from("stdin"), Content::read(io::stdin().lock())));
    let (objects, findings) = yaml::load_with(&paths, piped.into_iter().collect());
    let (text, sound) = report(objects.len(), &findings);
    super::print(&text)?;
    Ok(if sound { ExitCode::SUCCESS } else { super::FAILED.into() })
}

/// The lines to print, and whether no finding is an error.
fn report(objects: usize, findings: &[Diagnostic]) -> (String, bool) {
    let mut text = String::new();
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity).or_default() += 1;
        // Writing to a text does not fail.
        let _ = writeln!(text, "{finding}");
    }
    let count = |severity| counts.get(&severity).copied().unwrap_or_default();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let _ = writeln!(
        text,
        "{}, {}, {}",
        number(objects, "object"),
        number(errors, "error"),
        number(warnings, "warning")
    );
    (text, errors == 0)
}

fn number(count: usize, of: &str) -> String {
    match count {
        1 => format!("1 {of}"),
        count => format!("{count} {of}s"),
    }
}

#[cfg(test)]
mod tests;
