//! A document of the mesh in a file: reading it at the start, and following it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::hints::{self, EMPTIED, Hints, POLL_INTERVAL};
use super::super::lines::Lines;
use super::super::project::Issue;
use super::super::report::Reporter;
use super::layers::{Layer, Layers};
use super::{Content, Document, Invalid, Reading};
use crate::api::{Code, Diagnostic, Location, Severity};

/// The largest file that is read, in bytes: a ConfigMap holds no more.
const MAX_BYTES: u64 = 1 << 20;

/// What to follow, and whom to tell.
pub struct MeshFile {
    /// What the file is.
    pub document: Document,
    /// The file.
    pub path: PathBuf,
    /// Where what it says goes, as the mesh's own.
    pub layers: Layers,
    /// Where all that is wrong now is shown.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
}

impl MeshFile {
    /// Reads the file once, at the start, into the layers. False when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, or is not valid. Blocks on the file system.
    pub fn load(document: Document, path: &Path, layers: &Layers) -> anyhow::Result<bool> {
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                let flag = match document {
                    Document::Mesh => "--meshConfig",
                    Document::Networks => "--networksConfig",
                };
                return Err(error).with_context(|| {
                    format!("{}: cannot be read; correct {flag}", path.display())
                });
            }
        };
        match understood(document, &text, |content| layers.set(Layer::Own, content)) {
            Ok(_) => Ok(true),
            Err(invalid) => anyhow::bail!("{}", invalid_at(path, &text, invalid)),
        }
    }
}

/// Follows the file until `shutdown` completes. A file that is gone or broken leaves what was published last.
///
/// # Errors
/// When the thread that reads files ends, which only a fault in it could cause.
pub async fn run(file: MeshFile, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    tokio::select! {
        () = shutdown => Ok(()),
        result = follow(file) => result,
    }
}

async fn follow(file: MeshFile) -> anyhow::Result<()> {
    let MeshFile { document, path, layers, diagnostics } = file;
    let mut reporter = Reporter::new(diagnostics);
    let mut hints = Hints::new();
    let mut last = String::new();
    let mut emptied: Option<Instant> = None;
    loop {
        let at = path.clone();
        let look = tokio::task::spawn_blocking(move || {
            // Where editors and mounted ConfigMaps replace the file.
            (read(&at), hints::parent(&at))
        });
        let (text, parent) = look.await.context("the thread that reads files ended")?;
        let mut wait = POLL_INTERVAL;
        match text {
            Ok(text)
                if text.is_empty()
                    && !last.is_empty()
                    && emptied.get_or_insert_with(Instant::now).elapsed() < EMPTIED =>
            {
                wait = EMPTIED;
            }
            Ok(text) => {
                emptied = None;
                reporter.report(take(document, &path, &text, &layers));
                last = text;
            }
            Err(error) => {
                let message = format!("cannot be read: {error}{}", document.stays());
                reporter.report(vec![diagnostic(
                    Severity::Error,
                    &path,
                    0,
                    String::new(),
                    message,
                )]);
            }
        }
        if !hints.watch(&parent) {
            hints.wait(wait).await;
        }
    }
}

/// Publishes what the text says, if it is sound, and returns what is wrong with it.
fn take(document: Document, path: &Path, text: &str, layers: &Layers) -> Vec<Diagnostic> {
    match understood(document, text, |content| layers.set(Layer::Own, content)) {
        Ok(warnings) => warnings.into_iter().map(|issue| issue_at(path, text, issue)).collect(),
        Err(invalid) => {
            let mut diagnostic = invalid_at(path, text, invalid);
            diagnostic.message.push_str(document.stays());
            vec![diagnostic]
        }
    }
}

/// Reads a text and hands on what it says. Returns what has no effect in it.
fn understood(
    document: Document,
    text: &str,
    take: impl FnOnce(Content) -> Result<(), Issue>,
) -> Result<Vec<Issue>, Invalid> {
    let Reading { content, warnings } = document.read(text)?;
    take(content).map_err(|issue| Invalid { line: None, issue })?;
    Ok(warnings)
}

fn invalid_at(path: &Path, text: &str, invalid: Invalid) -> Diagnostic {
    let Invalid { line, issue } = invalid;
    match line {
        Some(line) => diagnostic(Severity::Error, path, line, String::new(), issue.message),
        None => issue_at(path, text, issue),
    }
}

fn issue_at(path: &Path, text: &str, issue: Issue) -> Diagnostic {
    let line = Lines::new(text).find(&issue.path) + 1;
    diagnostic(issue.severity, path, line, issue.path.to_string(), issue.message)
}

fn diagnostic(
    severity: Severity,
    file: &Path,
    line: usize,
    path: String,
    message: String,
) -> Diagnostic {
    let location = Some(Location { file: Arc::new(file.to_owned()), line });
    Diagnostic { severity, location, object: None, path, message, code: Code::Other }
}

fn read(path: &Path) -> io::Result<String> {
    // Before it is opened: a pipe would block.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MAX_BYTES {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 1 MiB")),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests;
