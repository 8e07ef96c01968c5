//! `istiod validate FILE…`: what is wrong with objects, before anybody applies them.
//!
//! The files are read as the daemon reads them, so what is said here is what it would say. Of files alone each object is
//! looked at by itself: what it names may be elsewhere. With `--configDir` there is a whole mesh, the files laid over
//! it, and what objects do to each other is told too, also by what the proxies of its pods would be served. One line for
//! each finding on standard output, then a line with their number.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::inputs::{Loaded, Mesh};
use crate::api::config::Spec;
use crate::api::networking::EnvoyFilter;
use crate::api::{Diagnostic, Kind, Object, Severity};
use crate::settings::Settings;
use crate::sources::yaml::{self, Content, Files};
use crate::translate::{Translator, envoy_filter};

/// What stands for standard input.
const STDIN: &str = "-";

/// What to read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and directories of objects in YAML or JSON; - for standard input
    #[arg(required_unless_present = "config_dir", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A directory that has all objects of the mesh: what objects name must be there, or in the files
    #[arg(long = "configDir", value_name = "DIR")]
    config_dir: Option<PathBuf>,
    #[command(flatten)]
    mesh: Mesh,
}

/// Prints what is wrong, and fails if something has no effect.
pub fn run(arguments: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (piped, paths): (Vec<&PathBuf>, _) =
        arguments.files.iter().partition(|path| *path == Path::new(STDIN));
    let paths = arguments.config_dir.iter().chain(paths).cloned().collect::<Vec<_>>();
    let piped = piped.first().map(|_| (PathBuf::from("stdin"), Content::read(io::stdin().lock())));
    let piped: Files = piped.into_iter().collect();
    let (count, findings) = match arguments.config_dir {
        Some(_) => {
            let loaded = arguments.mesh.load_with(&paths, piped, settings)?;
            (loaded.places.count(), of_mesh(loaded))
        }
        None => {
            let (objects, places, mut findings) = yaml::load_placed(&paths, piped);
            findings.extend(places.locate(of_patches(objects.iter())));
            in_order(&mut findings);
            (objects.len(), findings)
        }
    };
    let (text, sound) = report(count, &findings);
    super::print(&text)?;
    Ok(if sound { ExitCode::SUCCESS } else { super::FAILED.into() })
}

/// All that there is to be said of a mesh, in the order of files and lines.
fn of_mesh(mut loaded: Loaded) -> Vec<Diagnostic> {
    let mut findings = std::mem::take(&mut loaded.findings);
    let mut found: Vec<Diagnostic> = loaded.snapshot.diagnostics.to_vec();
    let mut translator = Translator::default();
    for proxy in loaded.proxies() {
        let view = translator.view(&loaded.snapshot, &Arc::new(proxy));
        found.extend(view.diagnostics.iter().flat_map(|layer| layer.iter().cloned()));
    }
    found.extend(of_patches(loaded.snapshot.objects.of_kind(Kind::EnvoyFilter)));
    found.sort();
    found.dedup();
    findings.extend(loaded.places.locate(found));
    in_order(&mut findings);
    findings
}

/// What is to be said of what EnvoyFilters patch with.
fn of_patches<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Diagnostic> {
    let filters = objects.filter_map(EnvoyFilter::of);
    let told = filters.flat_map(|filter| {
        let key = filter.key();
        let issues = envoy_filter::check(&filter.spec).0.into_iter();
        issues.map(|issue| issue.of(&key)).collect::<Vec<_>>()
    });
    told.collect()
}

/// By files and lines.
fn in_order(findings: &mut Vec<Diagnostic>) {
    findings.sort_by(|a, b| (&a.location, a).cmp(&(&b.location, b)));
    findings.dedup();
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
