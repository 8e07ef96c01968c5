//! Hints that something in some directories may have changed.
//!
//! Events of the file system are hints only: they get lost, come for things that did not change, and say
//! nothing of what lies behind links. Whoever waits here looks again by itself, and at the latest after
//! `POLL_INTERVAL`.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How often to look without a hint: what no event tells of, such as files behind links and on network file
/// systems, is followed within this time. A look without changes costs one `stat` a file.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// After a hint, this long without another one ends the waiting: editors and tools make several steps of one
/// change within a millisecond or two.
const QUIET: Duration = Duration::from_millis(5);

/// After this long it is time to look even if hints keep coming.
const MAX_QUIET: Duration = Duration::from_millis(250);

/// A file that was just emptied is about to be written, most probably: for this long it is not taken at its word.
pub(super) const EMPTIED: Duration = Duration::from_millis(500);

/// Directories by path, and what identifies each (device and inode).
pub(super) type Directories = BTreeMap<PathBuf, (u64, u64)>;

/// Watches directories.
pub(super) struct Hints {
    /// None when the system has no watcher left: then polling must do.
    watcher: Option<RecommendedWatcher>,
    watched: Directories,
    hints: mpsc::Receiver<()>,
    /// Kept, so that the channel stays open without a watcher.
    _sender: mpsc::Sender<()>,
}

impl Hints {
    /// Watches nothing yet.
    pub fn new() -> Hints {
        // One hint says as much as many.
        let (sender, hints) = mpsc::channel(1);
        let on_event = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, may_change) {
                let _already_hinted = on_event.try_send(());
            }
        });
        let watcher = watcher.inspect_err(|error| {
            tracing::warn!(
                target: "file",
                "cannot watch files, looking every {} s instead: {error}",
                POLL_INTERVAL.as_secs(),
            );
        });
        Hints { watcher: watcher.ok(), watched: BTreeMap::new(), hints, _sender: sender }
    }

    /// Watches exactly these from now on. Returns whether some were not watched before: what changed in them
    /// meanwhile gave no hint, so they must be looked at again.
    pub fn watch(&mut self, directories: &Directories) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        self.watched.retain(|path, id| {
            let stays = directories.get(path) == Some(id);
            if !stays {
                // It fails for a directory that does not exist any more, which is as well.
                let _ = watcher.unwatch(path);
            }
            stays
        });
        let mut added = false;
        for (path, id) in directories {
            if self.watched.contains_key(path) {
                continue;
            }
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path.clone(), *id);
                    added = true;
                }
                Err(error) => {
                    tracing::debug!(target: "file", "cannot watch {}: {error}", path.display());
                }
            }
        }
        added
    }

    /// Waits for a hint and for the quiet after it, or for `at_most`.
    pub async fn wait(&mut self, at_most: Duration) {
        if tokio::time::timeout(at_most, self.hints.recv()).await.is_err() {
            return;
        }
        let quiet = async {
            while let Ok(Some(())) = tokio::time::timeout(QUIET, self.hints.recv()).await {}
        };
        let _looks_anyway = tokio::time::timeout(MAX_QUIET, quiet).await;
    }
}

/// The directory in which a path stands, as something to watch; nothing when there is none.
pub(super) fn parent(path: &Path) -> Directories {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let metadata = std::fs::metadata(directory).into_iter();
    metadata.map(|m| (directory.to_owned(), (m.dev(), m.ino()))).collect()
}

/// Reading is no change; our own reading would never end.
fn may_change(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
