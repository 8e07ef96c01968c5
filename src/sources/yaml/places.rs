//! Where objects stand in files, for those who find out what is wrong with them when they are no texts any more.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::lines::Lines;
use super::scan::{Content, Files};
use super::split::split;
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

    /// The diagnostic with the file and line of its field; of objects in lists with the line of the object.
    pub fn locate(&self, diagnostic: Diagnostic) -> Diagnostic {
        let known = diagnostic.object.as_ref().and_then(|object| self.at.get(object));
        let location = diagnostic.location.or_else(|| {
            let Location { file, line } = known?;
            let line = self.field(file, *line, &diagnostic.path).unwrap_or(*line);
            Some(Location { file: file.clone(), line })
        });
        Diagnostic { location, ..diagnostic }
    }

    /// The line of a field of the object that begins on `line`.
    fn field(&self, file: &Path, line: usize, path: &str) -> Option<usize> {
        let Some(Content::Bytes(bytes)) = self.files.get(file) else { return None };
        let path = FieldPath::parse(path)?;
        let text = std::str::from_utf8(bytes).ok()?;
        let document = split(text).find(|document| document.line == line)?;
        Some(document.first_line + Lines::new(document.text).find(&path))
    }
}

#[cfg(test)]
mod tests;
