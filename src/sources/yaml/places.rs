//! Where objects stand in files, for those who find out what is wrong with them when they are no texts any more.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::super::lines::Lines;
use super::scan::{Content, Files};
use super::split::{Document, split};
use crate::api::field_path::FieldPath;
use crate::api::{Diagnostic, Location, ObjectKey};

/// See the module.
#[derive(Debug, Default)]
pub struct Places {
    at: BTreeMap<ObjectKey, Location>,
    files: Files,
}

impl Places {
    /// Of objects, and of the files that they were read from.
    pub(super) fn new(at: BTreeMap<ObjectKey, Location>, files: Files) -> Places {
        Places { at, files }
    }

    /// How many objects there are.
    pub fn count(&self) -> usize {
        self.at.len()
    }

    /// The diagnostics with the file and line of their field; of objects in lists with the line of the object. Each file
    /// is looked through once.
    pub fn locate(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut known: HashMap<&Path, Documents<'_>> = HashMap::new();
        let place = |diagnostic: Diagnostic| {
            let at = diagnostic.object.as_ref().and_then(|object| self.at.get(object));
            let location = diagnostic.location.or_else(|| {
                let Location { file, line } = at?;
                let documents = known.entry(file).or_insert_with(|| self.documents(file));
                let field = documents.get(line).and_then(|d| field(d, &diagnostic.path));
                Some(Location { file: file.clone(), line: field.unwrap_or(*line) })
            });
            Diagnostic { location, ..diagnostic }
        };
        diagnostics.into_iter().map(place).collect()
    }

    fn documents(&self, file: &Path) -> Documents<'_> {
        let Some(Content::Bytes(bytes)) = self.files.get(file) else { return Documents::new() };
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        split(text).map(|document| (document.line, document)).collect()
    }
}

/// The documents of a file, by the line of their first content.
type Documents<'a> = HashMap<usize, Document<'a>>;

/// The line of a field of a document.
fn field(document: &Document<'_>, path: &str) -> Option<usize> {
    let path = FieldPath::parse(path)?;
    Some(document.first_line + Lines::new(document.text).find(&path))
}

#[cfg(test)]
mod tests;
