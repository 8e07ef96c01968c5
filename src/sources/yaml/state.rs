//! What the files said last, what counts of it, and what changed. Without IO.
//!
//! Invariants: of each key at most one object counts; a batch holds exactly the differences to what counted
//! before; an object that worked stays until its file says something else of it that works, or nothing. The
//! work follows what changed, not what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::super::intern::Interner;
use super::reading::{self, Documents, Failure, MAX_DIAGNOSTICS, Placed, Reading};
use super::scan::{Content, Files};
use crate::api::{Batch, Change, Code, Diagnostic, Location, Object, ObjectKey, Severity};

/// How many objects are held; beyond, they are refused.
pub const MAX_OBJECTS: usize = 1_000_000;

/// How many objects a diagnostic names when several stay in use.
const NAMED: usize = 3;

/// The state of a directory.
#[derive(Debug)]
pub struct YamlState {
    files: BTreeMap<Arc<PathBuf>, FileState>,
    /// Which files name an object, be it sound or kept.
    definers: BTreeMap<ObjectKey, BTreeSet<Arc<PathBuf>>>,
    /// The keys that more than one file names.
    contested: BTreeSet<ObjectKey>,
    /// What counts, as it was last told.
    told: BTreeMap<ObjectKey, Object>,
    /// What does not fit into `limit`.
    refused: BTreeSet<ObjectKey>,
    limit: usize,
    strings: Interner,
}

/// The state of one file.
#[derive(Debug, Default)]
struct FileState {
    /// The hash of its content; None when it could not be read.
    hash: Option<u64>,
    /// What need not be read again.
    documents: Documents,
    /// The objects that it gives now.
    sound: BTreeMap<ObjectKey, Placed>,
    /// Objects that it gave before, and of which it now says something that cannot be read.
    kept: BTreeMap<ObjectKey, Placed>,
    /// What is wrong in it.
    diagnostics: Vec<Diagnostic>,
}

impl Default for YamlState {
    fn default() -> Self {
        YamlState {
            files: BTreeMap::new(),
            definers: BTreeMap::new(),
            contested: BTreeSet::new(),
            told: BTreeMap::new(),
            refused: BTreeSet::new(),
            limit: MAX_OBJECTS,
            strings: Interner::default(),
        }
    }
}

impl YamlState {
    /// Takes the files as they are now; those that are not named are gone. Returns what changed, and all that
    /// is wrong now, in the order of files and lines. The batch is never marked as synced: whoever reads the
    /// files knows whether they are complete.
    pub fn apply(&mut self, files: Files) -> (Batch, Vec<Diagnostic>) {
        let mut affected = self.refused.clone();
        let gone = self.files.keys().filter(|path| !files.contains_key(path.as_path()));
        for path in gone.cloned().collect::<Vec<_>>() {
            let keys = self.files.remove(&path).map(FileState::into_keys).unwrap_or_default();
            keys.iter().for_each(|key| self.undefine(key, &path));
            affected.extend(keys);
        }
        for (path, content) in files {
            self.update(path, content, &mut affected);
        }
        let batch = self.tell(affected);
        (batch, self.diagnostics())
    }

    /// The objects that count, by key.
    pub fn objects(&self) -> &BTreeMap<ObjectKey, Object> {
        &self.told
    }

    /// Where an object stands that counts.
    pub fn location(&self, key: &ObjectKey) -> Option<&Location> {
        self.winner(key).map(|placed| &placed.location)
    }

    fn update(&mut self, path: PathBuf, content: Content, affected: &mut BTreeSet<ObjectKey>) {
        if content == Content::Unchanged && self.files.contains_key(&path) {
            return;
        }
        let path = Arc::new(path);
        let mut file = self.files.remove(&path).unwrap_or_default();
        let differing = file.update(&path, content, &mut self.strings);
        for key in &differing {
            match file.names(key) {
                true => self.define(key, &path),
                false => self.undefine(key, &path),
            }
        }
        affected.extend(differing);
        self.files.insert(path, file);
    }

    fn define(&mut self, key: &ObjectKey, path: &Arc<PathBuf>) {
        let definers = self.definers.entry(key.clone()).or_default();
        definers.insert(path.clone());
        if definers.len() > 1 {
            self.contested.insert(key.clone());
        }
    }

    fn undefine(&mut self, key: &ObjectKey, path: &Arc<PathBuf>) {
        let Some(definers) = self.definers.get_mut(key) else { return };
        definers.remove(path);
        if definers.len() < 2 {
            self.contested.remove(key);
        }
        if definers.is_empty() {
            self.definers.remove(key);
        }
    }

    /// What the files say of an object, in their order.
    fn definitions(&self, key: &ObjectKey) -> impl DoubleEndedIterator<Item = &FileState> {
        let definers = self.definers.get(key).into_iter().flatten();
        definers.filter_map(|path| self.files.get(path))
    }

    /// The object that counts: the later of those that are sound, else the later one kept.
    fn winner(&self, key: &ObjectKey) -> Option<&Placed> {
        let sound = self.definitions(key).rev().find_map(|file| file.sound.get(key));
        sound.or_else(|| self.definitions(key).rev().find_map(|file| file.kept.get(key)))
    }

    /// Replaces what was told of these keys by what is, and returns the difference: removals first, each part
    /// in the order of the keys.
    fn tell(&mut self, affected: BTreeSet<ObjectKey>) -> Batch {
        let mut changes = Vec::new();
        let mut present = Vec::new();
        for key in affected {
            match self.winner(&key).map(|placed| placed.object.clone()) {
                Some(object) => present.push((key, object)),
                None => {
                    self.refused.remove(&key);
                    if self.told.remove(&key).is_some() {
                        changes.push(Change::Remove(key));
                    }
                }
            }
        }
        for (key, object) in present {
            let before = self.told.get(&key);
            if before == Some(&object) {
                continue;
            }
            if before.is_none() && self.told.len() >= self.limit {
                self.refused.insert(key);
                continue;
            }
            self.refused.remove(&key);
            self.told.insert(key, object.clone());
            changes.push(Change::Apply(object));
        }
        Batch { changes, ..Batch::default() }
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all: Vec<Diagnostic> =
            self.files.values().flat_map(|file| &file.diagnostics).cloned().collect();
        for key in &self.contested {
            let mut sound: Vec<&Placed> =
                self.definitions(key).filter_map(|file| file.sound.get(key)).collect();
            if let Some(winner) = sound.pop() {
                sound.iter().for_each(|loser| duplicate(key, loser, winner, &mut all));
            }
        }
        if let Some(key) = self.refused.first() {
            let more = self.refused.len();
            let limit = self.limit;
            let message =
                format!("more than {limit} objects: {more} are not used, this is the first");
            let location = self.winner(key).map(|placed| placed.location.clone());
            let (severity, object, path) = (Severity::Error, Some(key.clone()), String::new());
            all.push(Diagnostic { severity, location, object, path, message, code: Code::Other });
        }
        all.sort_by(|a, b| (&a.location, a).cmp(&(&b.location, b)));
        summarise(all)
    }
}

impl FileState {
    fn names(&self, key: &ObjectKey) -> bool {
        self.sound.contains_key(key) || self.kept.contains_key(key)
    }

    fn into_keys(self) -> Vec<ObjectKey> {
        self.sound.into_keys().chain(self.kept.into_keys()).collect()
    }

    /// Takes the file as it is now. Returns the keys of which it says something else than before.
    fn update(
        &mut self,
        path: &Arc<PathBuf>,
        content: Content,
        strings: &mut Interner,
    ) -> BTreeSet<ObjectKey> {
        let reading = match content {
            Content::Unchanged => return BTreeSet::new(),
            Content::Bytes(bytes) => {
                let hash = rapidhash::v3::rapidhash_v3(&bytes);
                if self.hash == Some(hash) {
                    return BTreeSet::new();
                }
                self.hash = Some(hash);
                reading::read(path, &bytes, &mut self.documents, strings)
            }
            Content::Unreadable(message) => {
                self.hash = None;
                Reading::failed(path, 0, message)
            }
        };
        self.replace(reading)
    }

    fn replace(&mut self, reading: Reading) -> BTreeSet<ObjectKey> {
        let Reading { objects, failures, warnings } = reading;
        self.diagnostics = warnings;
        let mut sound: BTreeMap<ObjectKey, Placed> = BTreeMap::new();
        for placed in objects {
            let key = placed.object.key();
            if let Some(loser) = sound.get(&key) {
                duplicate(&key, loser, &placed, &mut self.diagnostics);
            }
            sound.insert(key, placed);
        }
        let before = std::mem::replace(&mut self.sound, sound);
        let older = std::mem::take(&mut self.kept);
        let mut differing: BTreeSet<ObjectKey> = BTreeSet::new();
        differing.extend(older.keys().cloned());
        differing.extend(difference(&before, &self.sound));

        let broken: BTreeSet<&ObjectKey> = failures.iter().filter_map(|f| f.key.as_ref()).collect();
        let any = failures.iter().any(|failure| failure.key.is_none());
        // What was sound is newer than what had been kept before.
        for (key, placed) in older.into_iter().chain(before) {
            if !self.sound.contains_key(&key) && (any || broken.contains(&key)) {
                self.kept.insert(key, placed);
            }
        }
        let failures = failures.into_iter().map(|failure| explain(failure, &self.kept));
        self.diagnostics.extend(failures);
        differing
    }
}

/// The keys whose objects differ.
fn difference<'a>(
    before: &'a BTreeMap<ObjectKey, Placed>,
    now: &'a BTreeMap<ObjectKey, Placed>,
) -> impl Iterator<Item = ObjectKey> + 'a {
    let gone = before.keys().filter(|key| !now.contains_key(key));
    let object = |placed: &'a Placed| &placed.object;
    let changed =
        now.iter().filter(move |(key, placed)| before.get(key).map(object) != Some(&placed.object));
    gone.chain(changed.map(|(key, _)| key)).cloned()
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
        code: Code::Other,
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

/// Keeps as many as somebody reads.
fn summarise(mut all: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if all.len() > MAX_DIAGNOSTICS {
        let rest = all.split_off(MAX_DIAGNOSTICS);
        let more = rest.len();
        let worst = rest.iter().map(|diagnostic| diagnostic.severity).max();
        all.push(Diagnostic {
            severity: worst.unwrap_or(Severity::Error),
            location: None,
            object: None,
            path: String::new(),
            message: format!("{more} more diagnostics: mend those above to see them"),
            code: Code::Other,
        });
    }
    all
}

#[cfg(test)]
mod tests;
