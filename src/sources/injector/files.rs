//! The texts in two files of a directory, such as a mounted ConfigMap.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::hints::{self, EMPTIED, Hints, POLL_INTERVAL};
use super::super::report::Reporter;
use super::{CONFIG, Place, Take, Taker, Texts, VALUES};
use crate::api::Diagnostic;

/// The largest file that is read, in bytes: a ConfigMap holds no more.
const MAX_BYTES: u64 = 1 << 20;

/// What to follow, and whom to tell.
pub struct InjectorFiles {
    /// The directory.
    pub directory: PathBuf,
    /// Who takes the texts.
    pub take: Take,
    /// Where is shown what is wrong.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
}

/// Both texts, or the file that could not be read, and why.
type Both = Result<(String, String), (&'static str, io::Error)>;

impl InjectorFiles {
    /// Whether a directory configures an injector.
    pub fn exist(directory: &Path) -> bool {
        directory.join(CONFIG).exists()
    }

    /// Follows both for ever. Files that are gone or broken leave what was taken last.
    pub async fn run(self) {
        let InjectorFiles { directory, take, diagnostics } = self;
        let mut reporter = Reporter::new(diagnostics);
        let mut taker = Taker::new(take);
        let mut hints = Hints::new();
        let mut last: Option<(String, String)> = None;
        let mut emptied: Option<Instant> = None;
        loop {
            let at = directory.clone();
            // Where editors and mounted ConfigMaps replace the files.
            let look = move || (read(&at), hints::parent(&at.join(CONFIG)));
            let Ok((texts, parent)) = tokio::task::spawn_blocking(look).await else { return };
            let mut wait = POLL_INTERVAL;
            match texts {
                Ok(texts) if last.as_ref() == Some(&texts) => emptied = None,
                Ok((config, values))
                    if (config.is_empty() || values.is_empty())
                        && last.is_some()
                        && emptied.get_or_insert_with(Instant::now).elapsed() < EMPTIED =>
                {
                    wait = EMPTIED;
                }
                Ok((config, values)) => {
                    emptied = None;
                    last = Some((config.clone(), values.clone()));
                    let place = Place::Directory(directory.clone());
                    reporter.report(taker.take(Texts { config, values, place }).await);
                }
                Err((name, error)) => {
                    // What comes back may be what was there before, and its faults are told again.
                    last = None;
                    let wrong = format!("cannot be read: {error}");
                    let wrong = Place::Directory(directory.clone()).wrong(name, wrong);
                    reporter.report(vec![taker.kept(wrong)]);
                }
            }
            if !hints.watch(&parent) {
                hints.wait(wait).await;
            }
        }
    }
}

fn read(directory: &Path) -> Both {
    let text = |name: &'static str| text(&directory.join(name)).map_err(|error| (name, error));
    Ok((text(CONFIG)?, text(VALUES)?))
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    match u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) {
        true => Err(io::Error::other(format!("larger than {MAX_BYTES} bytes"))),
        false => Ok(text),
    }
}
