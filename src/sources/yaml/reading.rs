//! What one file says: its objects, and what is wrong in it.
//!
//! A document that cannot be read costs nothing but itself. Every failure carries the key of the object that it
//! concerns when that can be told, so that the caller can keep the version that worked. A document of which
//! there was nothing to say is not read again as long as its text stays the same.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::super::intern::Interner;
use super::super::lines::Lines;
use super::super::project::{self, Issue, Projected, Rejection};
use super::super::value::{self, SyntaxError};
use super::split::{Document, split};
use crate::api::field_path::FieldPath;
use crate::api::{Code, Diagnostic, Location, Object, ObjectKey, Severity};

/// The largest file that is read, in bytes: far above what one mesh needs, far below what a machine has.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// How many documents one file may have; lists count as one.
pub const MAX_DOCUMENTS: usize = 200_000;

/// How many diagnostics one file may cause; more would not be read by anybody.
pub const MAX_DIAGNOSTICS: usize = 200;

/// What the name of the kind of a list ends with.
const LIST: &str = "List";

/// An object and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    /// Where.
    pub location: Location,
    /// What.
    pub object: Object,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// The object; None when any object of the file may be meant.
    pub key: Option<ObjectKey>,
    /// What to say of it.
    pub diagnostic: Diagnostic,
}

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// The objects, in order. A key may come twice: the later one counts.
    pub objects: Vec<Placed>,
    /// What could not be read, in order.
    pub failures: Vec<Failure>,
    /// What has no effect in objects that are used, or not the one that was meant.
    pub warnings: Vec<Diagnostic>,
}

impl Reading {
    /// Of a file that could not be read at all.
    pub fn failed(file: &Arc<PathBuf>, line: usize, message: impl Into<String>) -> Reading {
        let (mut known, mut strings) = (Documents::default(), Interner::default());
        let mut reader = Reader::new(file, &mut known, &mut strings);
        reader.fail(None, line, &FieldPath::root(), message.into());
        reader.reading
    }
}

/// The sound documents of a file by the hash of their text: their objects, each with its line counted from the
/// beginning of the document.
pub(super) type Documents = HashMap<u64, Arc<[(usize, Object)]>>;

/// Reads the content of a file. `known` holds what the last reading of it found, and then what this one did.
pub(super) fn read(
    file: &Arc<PathBuf>,
    content: &[u8],
    known: &mut Documents,
    strings: &mut Interner,
) -> Reading {
    if content.len() > MAX_FILE_BYTES {
        let limit = MAX_FILE_BYTES >> 20;
        return Reading::failed(file, 0, format!("larger than {limit} MiB: split it"));
    }
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let good = content.iter().take(error.valid_up_to());
            let line = 1 + good.filter(|b| **b == b'\n').count();
            return Reading::failed(file, line, "not UTF-8: save it as such");
        }
    };
    let mut reader = Reader::new(file, known, strings);
    if is_json(file) {
        let whole = Document { text, first_line: 1, line: 1 };
        if !text.trim().is_empty() {
            reader.document(whole, value::from_json);
        }
    } else {
        reader.documents(text);
    }
    reader.finish()
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "json")
}

struct Reader<'a> {
    file: &'a Arc<PathBuf>,
    reading: Reading,
    /// Of the last reading, until this one is finished.
    known: &'a mut Documents,
    read: Documents,
    strings: &'a mut Interner,
    /// How often something was wrong, told or not.
    flaws: usize,
    /// An error was told of an object that is used all the same.
    erred: bool,
}

impl<'a> Reader<'a> {
    fn new(
        file: &'a Arc<PathBuf>,
        known: &'a mut Documents,
        strings: &'a mut Interner,
    ) -> Reader<'a> {
        let read = Documents::new();
        Reader { file, reading: Reading::default(), known, read, strings, flaws: 0, erred: false }
    }

    fn finish(self) -> Reading {
        *self.known = self.read;
        self.reading
    }

    fn documents(&mut self, text: &str) {
        for (count, document) in split(text).enumerate() {
            if count == MAX_DOCUMENTS {
                let message = format!("more than {MAX_DOCUMENTS} documents: split the file");
                self.fail(None, document.line, &FieldPath::root(), message);
                return;
            }
            self.document(document, value::from_yaml);
        }
    }

    fn document(
        &mut self,
        document: Document<'_>,
        parse: impl Fn(&str) -> Result<Value, SyntaxError>,
    ) {
        let hash = rapidhash::v3::rapidhash_v3(document.text.as_bytes());
        if let Some(objects) = self.known.get(&hash) {
            let objects = objects.clone();
            for (line, object) in objects.iter() {
                let location = self.at(document.first_line + line);
                self.reading.objects.push(Placed { location, object: object.clone() });
            }
            self.read.insert(hash, objects);
            return;
        }
        let (flaws, before) = (self.flaws, self.reading.objects.len());
        self.parsed(document, parse(document.text));
        if self.flaws == flaws {
            let objects = self.reading.objects.iter().skip(before);
            let relative = |p: &Placed| p.location.line.saturating_sub(document.first_line);
            self.read.insert(hash, objects.map(|p| (relative(p), p.object.clone())).collect());
        }
    }

    fn parsed(&mut self, document: Document<'_>, value: Result<Value, SyntaxError>) {
        match value {
            Ok(Value::Null) => {}
            Ok(value) => {
                self.value(&Text::new(document), &FieldPath::root(), document.line, value);
            }
            Err(error) => {
                let SyntaxError { line, message } = error.below(document.first_line - 1);
                self.fail(None, line.unwrap_or(document.line), &FieldPath::root(), message);
            }
        }
    }

    /// An object, or a list of them, at `base` of a document. The depth is bounded by that of the document.
    fn value(&mut self, text: &Text<'_>, base: &FieldPath, line: usize, mut value: Value) {
        let Some(Items { items, defaults }) = take_items(&mut value) else {
            return self.object(text, base, line, value);
        };
        // Of a list in a list, all is said to be where the inner one begins: looking through the text once for
        // each of them could take for ever.
        let outermost = base.steps().is_empty();
        let base = base.clone().key("items");
        let lines = if outermost { text.elements(&base) } else { Vec::new() };
        for (i, mut item) in items.into_iter().enumerate() {
            if let (Value::Object(fields), Some((api_version, kind))) = (&mut item, &defaults) {
                let mut default = |name: &str, value: &str| {
                    fields.entry(name).or_insert_with(|| value.into());
                };
                default("apiVersion", api_version);
                default("kind", kind);
            }
            let line = lines.get(i).copied().unwrap_or(line);
            self.value(text, &base.clone().index(i), line, item);
        }
    }

    fn object(&mut self, text: &Text<'_>, base: &FieldPath, line: usize, value: Value) {
        // Nobody reads beyond the limit, and each look takes the time of the whole text.
        let line_of = |flaws: usize, issue: &Issue| match issue.path.steps() {
            [] => line,
            _ if flaws > MAX_DIAGNOSTICS => line,
            _ => text.find(&issue.path.below(base)),
        };
        match project::project(value, self.strings) {
            Ok(Projected { object, issues }) => {
                let key = object.key();
                for issue in issues {
                    let line = line_of(self.flaws, &issue);
                    self.say(issue.severity, Some(key.clone()), line, &issue.path, issue.message);
                }
                self.reading.objects.push(Placed { location: self.at(line), object });
            }
            Err(Rejection::Invalid { key, issue }) => {
                let line = line_of(self.flaws, &issue);
                self.fail(key, line, &issue.path, issue.message);
            }
            Err(Rejection::Unread { api_version, kind }) => {
                let message = format!("objects of kind {kind} ({api_version}) are not read");
                self.warn(None, line, &FieldPath::root(), message);
            }
        }
    }

    fn at(&self, line: usize) -> Location {
        Location { file: self.file.clone(), line }
    }

    /// Every failure counts, as it protects objects; but not every one is told.
    fn fail(&mut self, key: Option<ObjectKey>, line: usize, path: &FieldPath, message: String) {
        self.flaws += 1;
        let diagnostic = self.diagnostic(Severity::Error, key.clone(), line, path, message);
        self.reading.failures.push(Failure { key, diagnostic });
    }

    fn warn(&mut self, key: Option<ObjectKey>, line: usize, path: &FieldPath, message: String) {
        self.say(Severity::Warning, key, line, path, message);
    }

    /// Says something of an object that is used all the same. The first error is never left out: whether there is one
    /// decides what tools answer.
    fn say(
        &mut self,
        severity: Severity,
        key: Option<ObjectKey>,
        line: usize,
        path: &FieldPath,
        message: String,
    ) {
        self.flaws += 1;
        let first_error = severity == Severity::Error && !self.erred;
        if first_error || self.reading.warnings.len() < MAX_DIAGNOSTICS {
            self.erred |= first_error;
            let diagnostic = self.diagnostic(severity, key, line, path, message);
            self.reading.warnings.push(diagnostic);
        }
    }

    fn diagnostic(
        &self,
        severity: Severity,
        object: Option<ObjectKey>,
        line: usize,
        path: &FieldPath,
        message: String,
    ) -> Diagnostic {
        let location = Some(self.at(line));
        Diagnostic {
            severity,
            location,
            object,
            path: path.to_string(),
            message,
            code: Code::Other,
        }
    }
}

/// The text of a document, in which fields are looked for when there is something to say of them.
struct Text<'a> {
    document: Document<'a>,
    lines: OnceCell<Lines<'a>>,
}

impl<'a> Text<'a> {
    fn new(document: Document<'a>) -> Text<'a> {
        Text { document, lines: OnceCell::new() }
    }

    fn lines(&self) -> &Lines<'a> {
        self.lines.get_or_init(|| Lines::new(self.document.text))
    }

    /// The line of a field.
    fn find(&self, path: &FieldPath) -> usize {
        self.document.first_line + self.lines().find(path)
    }

    /// The lines of the elements of a list.
    fn elements(&self, path: &FieldPath) -> Vec<usize> {
        let lines = self.lines().elements(path).into_iter();
        lines.map(|line| self.document.first_line + line).collect()
    }
}

/// The content of a list.
struct Items {
    items: Vec<Value>,
    /// Version and kind of items that do not name theirs, as in a `PodList`.
    defaults: Option<(String, String)>,
}

/// Takes the items out of a list; None if it is none.
fn take_items(value: &mut Value) -> Option<Items> {
    let kind = value.get("kind")?.as_str()?.strip_suffix(LIST)?.to_owned();
    let api_version = value.get("apiVersion").and_then(Value::as_str).map(str::to_owned);
    let items = match value.get_mut("items")? {
        Value::Array(items) => std::mem::take(items),
        Value::Null => Vec::new(),
        _ => return None,
    };
    let defaults = api_version.map(|version| (version, kind)).filter(|(_, kind)| !kind.is_empty());
    Some(Items { items, defaults })
}

#[cfg(test)]
mod tests;
