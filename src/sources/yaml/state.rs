//! What the files said last, what counts of it, and what changed. Without IO.
//!
//! Invariants: of each key at most one object counts; a batch holds exactly the differences to what counted
//! before; an object that worked stays until its file says something else of it that works, or nothing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reading::{self, Failure, MAX_DIAGNOSTICS, Placed, Reading};
use super::scan::{Content, Files};
use crate::api::{Batch, Change, Diagnostic, Object, ObjectKey, Severity};

/// How many objects are held; beyond, they are refused.
pub const MAX_OBJECTS: usize = 1_000_000;

/// How many objects a diagnostic names when several stay in use.
const NAMED: usize = 3;

/// The state of a directory.
#[derive(Debug, Default)]
pub struct YamlState {
    files: BTreeMap<PathBuf, FileState>,
    /// What counts, as it was last told.
    told: BTreeMap<ObjectKey, Object>,
}

/// The state of one file.
#[derive(Debug, Default)]
struct FileState {
    /// The hash of its content; None when it could not be read.
    hash: Option<u64>,
    /// The objects that it gives now, in order.
    objects: Vec<Placed>,
    /// Objects that it gave before, and of which it now says something that cannot be read.
    kept: Vec<Placed>,
    /// What is wrong in it.
    diagnostics: Vec<Diagnostic>,
}

impl YamlState {
    /// Takes the files as they are now; those that are not named are gone. Returns what changed, and all that
    /// is wrong now, in the order of files and lines. The batch is never marked as synced: whoever reads the
    /// files knows whether they are complete.
    pub fn apply(&mut self, files: Files) -> (Batch, Vec<Diagnostic>) {
        self.files.retain(|path, _| files.contains_key(path));
        for (path, content) in files {
            match self.files.entry(path) {
                Entry::Occupied(mut entry) => {
                    let path = entry.key().clone();
                    entry.get_mut().update(&path, content);
                }
                Entry::Vacant(entry) => {
                    let path = entry.key().clone();
                    entry.insert(FileState::default()).update(&path, content);
                }
            }
        }
        let (current, duplicates) = self.resolve();
        let batch = self.tell(current);
        (batch, self.diagnostics(duplicates))
    }

    /// The objects that count, by key.
    pub fn objects(&self) -> &BTreeMap<ObjectKey, Object> {
        &self.told
    }

    /// Decides which object counts for each key: the later of those that are sound, else the later one kept.
    fn resolve(&self) -> (BTreeMap<ObjectKey, Object>, Vec<Diagnostic>) {
        let mut winners: BTreeMap<ObjectKey, &Placed> = BTreeMap::new();
        let mut diagnostics = Vec::new();
        for placed in self.files.values().flat_map(|file| &file.objects) {
            let key = placed.object.key();
            match winners.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(placed);
                }
                Entry::Occupied(mut entry) => {
                    let loser = entry.insert(placed);
                    duplicate(entry.key(), loser, placed, &mut diagnostics);
                }
            }
        }
        // Backwards, so that of several files the later one's version is kept.
        for placed in self.files.values().flat_map(|file| &file.kept).rev() {
            winners.entry(placed.object.key()).or_insert(placed);
        }
        let mut current = BTreeMap::new();
        for (key, placed) in winners {
            if current.len() == MAX_OBJECTS {
                diagnostics.push(Diagnostic {
                    severity: Severity::Error,
                    location: Some(placed.location.clone()),
                    object: Some(key),
                    path: String::new(),
                    message: format!(
                        "more than {MAX_OBJECTS} objects: this and what follows are not used"
                    ),
                });
                break;
            }
            current.insert(key, placed.object.clone());
        }
        (current, diagnostics)
    }

    /// Replaces what was told by what is, and returns the difference.
    fn tell(&mut self, current: BTreeMap<ObjectKey, Object>) -> Batch {
        let gone = self.told.keys().filter(|key| !current.contains_key(key));
        let mut changes: Vec<Change> = gone.cloned().map(Change::Remove).collect();
        let changed = current.iter().filter(|(key, object)| self.told.get(key) != Some(object));
        changes.extend(changed.map(|(_, object)| Change::Apply(object.clone())));
        self.told = current;
        Batch { changes, synced: false }
    }

    fn diagnostics(&self, duplicates: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let files = self.files.values().flat_map(|file| &file.diagnostics).cloned();
        let mut all: Vec<Diagnostic> = files.chain(duplicates).collect();
        all.sort_by(|a, b| (&a.location, a).cmp(&(&b.location, b)));
        if all.len() > MAX_DIAGNOSTICS {
            let more = all.len() - MAX_DIAGNOSTICS;
            all.truncate(MAX_DIAGNOSTICS);
            all.push(Diagnostic {
                severity: Severity::Error,
                location: None,
                object: None,
                path: String::new(),
                message: format!("{more} more diagnostics: mend those above to see them"),
            });
        }
        all
    }
}

impl FileState {
    fn update(&mut self, path: &Path, content: Content) {
        let file = Arc::new(path.to_owned());
        let reading = match content {
            Content::Unchanged => return,
            Content::Bytes(bytes) => {
                let hash = rapidhash::v3::rapidhash_v3(&bytes);
                if self.hash == Some(hash) {
                    return;
                }
                self.hash = Some(hash);
                reading::read(&file, &bytes)
            }
            Content::Unreadable(message) => {
                self.hash = None;
                Reading::failed(&file, message)
            }
        };
        self.replace(reading);
    }

    fn replace(&mut self, reading: Reading) {
        let Reading { objects, failures, warnings } = reading;
        let now: BTreeSet<ObjectKey> = objects.iter().map(|placed| placed.object.key()).collect();
        let broken: BTreeSet<&ObjectKey> = failures.iter().filter_map(|f| f.key.as_ref()).collect();
        let any = failures.iter().any(|failure| failure.key.is_none());
        // What was kept before comes after what was sound: it is older.
        let before = std::mem::take(&mut self.objects);
        let older = std::mem::take(&mut self.kept);
        let mut kept: BTreeMap<ObjectKey, Placed> = BTreeMap::new();
        for placed in older.into_iter().chain(before) {
            let key = placed.object.key();
            if !now.contains(&key) && (any || broken.contains(&key)) {
                kept.insert(key, placed);
            }
        }
        self.diagnostics = failures.into_iter().map(|failure| explain(failure, &kept)).collect();
        self.diagnostics.extend(warnings);
        self.objects = objects;
        self.kept = kept.into_values().collect();
    }
}

/// Says in a diagnostic what stays in use because of the failure.
fn explain(failure: Failure, kept: &BTreeMap<ObjectKey, Placed>) -> Diagnostic {
    let Failure { key, mut diagnostic } = failure;
    match key {
        Some(key) if kept.contains_key(&key) => {
            diagnostic.message.push_str("; its last good version stays in use");
        }
        Some(_) => {}
        None if kept.is_empty() => {}
        None => {
            let names: Vec<String> = kept.keys().take(NAMED).map(ObjectKey::to_string).collect();
            let more = match kept.len() - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let names = names.join(", ");
            let text = format!("; what the file gave before stays in use: {names}{more}");
            diagnostic.message.push_str(&text);
        }
    }
    diagnostic
}

fn duplicate(key: &ObjectKey, loser: &Placed, winner: &Placed, into: &mut Vec<Diagnostic>) {
    let diagnostic = |placed: &Placed, message: String| Diagnostic {
        severity: Severity::Warning,
        location: Some(placed.location.clone()),
        object: Some(key.clone()),
        path: String::new(),
        message,
    };
    let (lost, won) = (&loser.location, &winner.location);
    into.push(diagnostic(
        loser,
        format!("has no effect: {won} defines it too, and the later wins"),
    ));
    into.push(diagnostic(
        winner,
        format!("{lost} defines it too, without effect: remove one of them"),
    ));
}

#[cfg(test)]
mod tests;
