//! Reading a directory: which files belong to the configuration, and their bytes.
//!
//! Entries whose name begins with a dot are not part of it: editors' files, and the `..data` and `..2026_…`
//! directories behind a mounted ConfigMap, whose files are also there as links with plain names. Links are
//! followed; whatever is reached a second time is left out, so links in a circle end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::hints::EMPTIED;
use super::reading::{MAX_DIAGNOSTICS, MAX_FILE_BYTES};

/// How many files are read: beyond, the directory is probably not a configuration at all.
pub const MAX_FILES: usize = 20_000;

/// How deep directories may nest.
pub const MAX_DEPTH: usize = 32;

/// The names of files that are read end with one of these.
const EXTENSIONS: &[&str] = &["yaml", "yml", "json"];

/// A file that changed less than this before it was read may change again without a change of its time:
/// file systems and kernels count in steps of up to some ten milliseconds, some file systems in seconds.
const TIME_STEP: Duration = Duration::from_secs(2);

/// What was found of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its bytes.
    Bytes(Arc<[u8]>),
    /// As it was at the last scan.
    Unchanged,
    /// It could not be read; why.
    Unreadable(String),
}

/// The files of a directory, by their path relative to it.
pub type Files = BTreeMap<PathBuf, Content>;

/// Scans a directory again and again, and reads only what may have changed.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    seen: HashMap<PathBuf, Seen>,
}

/// What the last scan knows of a file.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// None when a change of the file may leave its stamp as it is.
    stamp: Option<Stamp>,
    /// It had content.
    filled: bool,
}

/// What tells that a file is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    identity: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            identity: identity(metadata),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file has not changed for longer than `time`. True when its clock cannot be compared.
    fn is_older(self, time: Duration, now: SystemTime) -> bool {
        let (seconds, nanos) = self.modified.max(self.changed);
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u32::try_from(nanos)) else {
            return true;
        };
        let last = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos));
        last.and_then(|last| last.checked_add(time)).is_none_or(|until| until < now)
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The result of a scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The files.
    pub files: Files,
    /// The directories that were visited, by path, and what identifies them: what to watch.
    pub directories: BTreeMap<PathBuf, (u64, u64)>,
    /// What was left out, by path relative to the root, and why.
    pub problems: Vec<(PathBuf, String)>,
    /// When to scan again at the latest, if something is known to be unfinished.
    pub again: Option<Duration>,
}

impl Scanner {
    /// Scans `root`.
    ///
    /// # Errors
    /// When the root itself cannot be listed. What is wrong inside of it is part of the result.
    pub fn scan(&mut self, root: &Path) -> io::Result<Scan> {
        self.scan_at(root, SystemTime::now())
    }

    fn scan_at(&mut self, root: &Path, now: SystemTime) -> io::Result<Scan> {
        let mut walk = Walk {
            root,
            now,
            before: &self.seen,
            visited: HashSet::new(),
            seen: HashMap::new(),
            scan: Scan::default(),
        };
        walk.directory(Path::new(""), 0)?;
        let Walk { scan, seen, .. } = walk;
        self.seen = seen;
        Ok(scan)
    }
}

/// Reads one file on its own.
pub(super) fn read_file(path: &Path) -> Content {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => read(path),
        Ok(_) => Content::Unreadable("not a file".to_owned()),
        Err(error) => Content::Unreadable(cannot_read(&error)),
    }
}

struct Walk<'a> {
    root: &'a Path,
    now: SystemTime,
    before: &'a HashMap<PathBuf, Seen>,
    visited: HashSet<(u64, u64)>,
    seen: HashMap<PathBuf, Seen>,
    scan: Scan,
}

impl Walk<'_> {
    fn directory(&mut self, relative: &Path, depth: usize) -> io::Result<()> {
        let path = self.root.join(relative);
        let identity = identity(&fs::metadata(&path)?);
        if !self.visited.insert(identity) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            self.problem(relative, format!("deeper than {MAX_DEPTH} directories: not read"));
            return Ok(());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&path)? {
            let name = entry?.file_name();
            if !name.as_encoded_bytes().starts_with(b".") {
                names.push(name);
            }
        }
        names.sort();
        self.scan.directories.insert(path, identity);
        for name in names {
            self.entry(relative.join(name), depth);
        }
        Ok(())
    }

    fn entry(&mut self, relative: PathBuf, depth: usize) {
        let path = self.root.join(&relative);
        let is_config = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| EXTENSIONS.contains(&extension));
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                if let Err(error) = self.directory(&relative, depth + 1) {
                    self.unlisted(&relative, &error);
                }
            }
            Ok(metadata) if metadata.is_file() && is_config => self.file(relative, &metadata),
            // A device or a pipe might block for ever.
            Ok(_) => {}
            // It was deleted after its name was read; a link that leads nowhere is still there.
            Err(_) if fs::symlink_metadata(&path).is_err() => {}
            Err(error) if is_config => {
                self.scan.files.insert(relative, Content::Unreadable(cannot_read(&error)));
            }
            Err(error) => self.unlisted(&relative, &error),
        }
    }

    /// A directory that cannot be read says nothing: the files that were in it stay as they were.
    fn unlisted(&mut self, relative: &Path, error: &io::Error) {
        let before = self.before;
        let inside = before.iter().filter(|(path, _)| path.starts_with(relative));
        let mut any = false;
        for (path, seen) in inside {
            any = true;
            self.seen.insert(path.clone(), *seen);
            self.scan.files.entry(path.clone()).or_insert(Content::Unchanged);
        }
        let kept = if any { "; what it gave before stays in use" } else { "" };
        self.problem(relative, format!("{}{kept}", cannot_read(error)));
    }

    fn file(&mut self, relative: PathBuf, metadata: &Metadata) {
        if !self.visited.insert(identity(metadata)) {
            return;
        }
        if self.scan.files.len() == MAX_FILES {
            self.problem(&relative, format!("more than {MAX_FILES} files: not read"));
            return;
        }
        let stamp = Stamp::of(metadata);
        let before = self.before.get(&relative).copied();
        let (content, seen) = match before {
            Some(seen) if seen.stamp == Some(stamp) => (Content::Unchanged, seen),
            Some(seen) if seen.filled && stamp.bytes == 0 && !stamp.is_older(EMPTIED, self.now) => {
                self.emptied()
            }
            _ => match self.read(&relative, stamp) {
                // It was emptied after its length was looked at.
                (Content::Bytes(bytes), _)
                    if bytes.is_empty() && stamp.bytes > 0 && before.is_some_and(|s| s.filled) =>
                {
                    self.emptied()
                }
                read => read,
            },
        };
        self.seen.insert(relative.clone(), seen);
        self.scan.files.insert(relative, content);
    }

    /// Who empties a file is about to write it, mostly: it stays as it was until it was looked at again.
    fn emptied(&mut self) -> (Content, Seen) {
        self.scan.again = Some(EMPTIED);
        (Content::Unchanged, Seen { stamp: None, filled: true })
    }

    fn read(&self, relative: &Path, stamp: Stamp) -> (Content, Seen) {
        let content = read(&self.root.join(relative));
        let bytes = match &content {
            Content::Bytes(bytes) => Some(bytes.len()),
            Content::Unchanged | Content::Unreadable(_) => None,
        };
        let settled = bytes.is_some() && stamp.is_older(TIME_STEP, self.now);
        let seen = Seen { stamp: settled.then_some(stamp), filled: bytes.is_some_and(|b| b > 0) };
        (content, seen)
    }

    fn problem(&mut self, relative: &Path, message: String) {
        if self.scan.problems.len() < MAX_DIAGNOSTICS {
            self.scan.problems.push((relative.to_owned(), message));
        }
    }
}

fn read(path: &Path) -> Content {
    match File::open(path) {
        Ok(file) => Content::read(file),
        Err(error) => Content::Unreadable(cannot_read(&error)),
    }
}

impl Content {
    /// Reads everything, but at most one byte more than a file may have, which tells that it is too large.
    pub fn read(reader: impl Read) -> Content {
        let mut bytes = Vec::new();
        let limit = MAX_FILE_BYTES as u64 + 1;
        match reader.take(limit).read_to_end(&mut bytes) {
            Ok(_) => Content::Bytes(bytes.into()),
            Err(error) => Content::Unreadable(cannot_read(&error)),
        }
    }
}

fn cannot_read(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

#[cfg(test)]
mod tests;
