//! The YAML source: any objects from a directory of files, without a cluster.
//!
//! Owns reading, limits, last good versions and watching. The way of a byte: `scan` finds and reads files,
//! `reading` makes objects of them (`split`, `super::value`, then the projection), `state` decides what counts and
//! what changed, `watch` does it again whenever something may have happened. Only `scan` and `watch` do IO.

mod places;
mod reading;
mod scan;
mod split;
mod state;
mod watch;

use std::path::PathBuf;

pub use self::places::Places;
pub use self::reading::{MAX_DIAGNOSTICS, MAX_DOCUMENTS, MAX_FILE_BYTES};
use self::scan::Scanner;
pub use self::scan::{Content, Files, MAX_DEPTH, MAX_FILES};
pub use self::state::{MAX_OBJECTS, YamlState};
pub use self::watch::{YamlSource, run};
use crate::api::{Code, Diagnostic, Location, Object, Severity};

/// Reads directories and files once: for tools and tests. Later paths win over earlier ones; the objects come
/// in the order of their keys. Blocks on the file system.
pub fn load(paths: &[PathBuf]) -> (Vec<Object>, Vec<Diagnostic>) {
    load_with(paths, Files::new())
}

/// The same, with the content of further files, for what is not read from the file system.
pub fn load_with(paths: &[PathBuf], files: Files) -> (Vec<Object>, Vec<Diagnostic>) {
    let (state, _, diagnostics) = read(paths, files);
    (state.objects().values().cloned().collect(), diagnostics)
}

/// The same, and where everything stands, for those who find out later what is wrong.
pub fn load_placed(paths: &[PathBuf], files: Files) -> (Vec<Object>, Places, Vec<Diagnostic>) {
    let (state, files, diagnostics) = read(paths, files);
    let objects: Vec<Object> = state.objects().values().cloned().collect();
    let keys = objects.iter().map(Object::key);
    let at = keys.filter_map(|key| state.location(&key).cloned().map(|at| (key, at)));
    let places = Places::new(at.collect(), files);
    (objects, places, diagnostics)
}

fn read(paths: &[PathBuf], mut files: Files) -> (YamlState, Files, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.insert(path.clone(), scan::read_file(path));
            continue;
        }
        match Scanner::default().scan(path) {
            Ok(scan) => {
                let problems = scan.problems.into_iter();
                diagnostics.extend(problems.map(|(at, why)| problem(path.join(at), why)));
                let inside = scan.files.into_iter().map(|(at, content)| (path.join(at), content));
                files.extend(inside);
            }
            Err(error) => diagnostics.push(problem(path.clone(), unlisted(&error))),
        }
    }
    let mut state = YamlState::default();
    let (_, found) = state.apply(files.clone());
    diagnostics.extend(found);
    (state, files, diagnostics)
}

/// An error of a file or directory as a whole.
fn problem(file: PathBuf, message: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        location: Some(Location { file: file.into(), line: 0 }),
        object: None,
        path: String::new(),
        message,
        code: Code::Other,
    }
}

fn unlisted(error: &std::io::Error) -> String {
    format!("the directory cannot be read: {error}")
}

#[cfg(test)]
mod tests;
