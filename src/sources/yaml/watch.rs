//! Following a directory: reads it again whenever it may have changed, and emits what did.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};

use super::super::hints::{self, Directories, Hints, POLL_INTERVAL};
use super::super::mesh::FromConfigMap;
use super::super::report::Reporter;
use super::scan::{Scan, Scanner};
use super::{YamlState, problem, unlisted};
use crate::api::{Batch, Diagnostic};

/// What to read, and whom to tell.
pub struct YamlSource {
    /// The directory.
    pub directory: PathBuf,
    /// Where batches go. The first is sent after the first complete reading and is marked as synced.
    pub batches: mpsc::Sender<Batch>,
    /// Where all that is wrong now is shown.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
    /// What ConfigMaps of the directory give of the mesh configuration.
    pub mesh: Vec<FromConfigMap>,
}

/// Follows the directory until `shutdown` completes or nobody takes batches any more. What was read last stays
/// when the directory is gone, and it is followed again when it is back.
///
/// # Errors
/// When at the start the directory cannot be read, or its mesh configuration is not valid.
pub async fn run(source: YamlSource, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    tokio::select! {
        () = shutdown => Ok(()),
        result = follow(source) => result,
    }
}

async fn follow(source: YamlSource) -> anyhow::Result<()> {
    let YamlSource { directory, batches, diagnostics, mut mesh } = source;
    let mut reporter = Reporter::new(diagnostics);
    let mut hints = Hints::new();
    let mut reader = Reader::new(directory);
    let mut first = true;
    loop {
        let mut look = reader.look().await?;
        if first && let Some(error) = look.unlisted.take() {
            return Err(error).with_context(|| {
                let directory = reader.directory.display();
                format!("{directory}: the configuration directory cannot be read: create it, or correct --configDir")
            });
        }
        for mesh in &mut mesh {
            // Before the batch: whoever reads the objects reads the mesh configuration that came with them.
            let changes = &look.batch.changes;
            look.diagnostics.extend(match first {
                true => mesh.start(changes).map_err(|error| {
                    anyhow::anyhow!("the mesh configuration is not valid: {error}")
                })?,
                false => mesh.follow(changes),
            });
        }
        reporter.report(look.diagnostics);
        if first || !look.batch.changes.is_empty() {
            let batch = Batch { synced: first, ..look.batch };
            if batches.send(batch).await.is_err() {
                return Ok(());
            }
            first = false;
        }
        if !hints.watch(&look.directories) {
            hints.wait(look.again).await;
        }
    }
}

/// What a look at the directory showed.
struct Look {
    batch: Batch,
    diagnostics: Vec<Diagnostic>,
    /// What to watch.
    directories: Directories,
    /// When to look again without a hint.
    again: Duration,
    /// Why the directory itself could not be read.
    unlisted: Option<io::Error>,
}

/// Owns what reading needs between two looks; the file system is asked on a thread that may block.
struct Reader {
    directory: PathBuf,
    /// None only while a thread has it.
    parts: Option<(Scanner, YamlState)>,
    /// What was wrong when the directory could last be read.
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn new(directory: PathBuf) -> Reader {
        Reader { directory, parts: Some(Default::default()), diagnostics: Vec::new() }
    }

    async fn look(&mut self) -> anyhow::Result<Look> {
        let (mut scanner, mut state) = self.parts.take().unwrap_or_default();
        let directory = self.directory.clone();
        let task = tokio::task::spawn_blocking(move || {
            let scanned = scanner.scan(&directory).map(|scan| read(&mut state, scan));
            ((scanner, state), scanned)
        });
        let (parts, scanned) = task.await.context("the thread that reads files ended")?;
        self.parts = Some(parts);
        match scanned {
            Ok(look) => {
                self.diagnostics.clone_from(&look.diagnostics);
                Ok(look)
            }
            Err(error) => Ok(self.missing(error)),
        }
    }

    /// Everything stays as it was; the parent tells when the directory is back.
    fn missing(&self, error: io::Error) -> Look {
        let message = format!("{}; what it gave before stays in use", unlisted(&error));
        let mut diagnostics = vec![problem(self.directory.clone(), message)];
        diagnostics.extend(self.diagnostics.iter().cloned());
        Look {
            batch: Batch::default(),
            diagnostics,
            directories: hints::parent(&self.directory),
            again: POLL_INTERVAL,
            unlisted: Some(error),
        }
    }
}

fn read(state: &mut YamlState, scan: Scan) -> Look {
    let Scan { files, directories, problems, again } = scan;
    let (batch, found) = state.apply(files);
    let mut diagnostics: Vec<Diagnostic> =
        problems.into_iter().map(|(at, why)| problem(at, why)).collect();
    diagnostics.extend(found);
    let again = again.unwrap_or(POLL_INTERVAL);
    Look { batch, diagnostics, directories, again, unlisted: None }
}

#[cfg(test)]
mod tests;
