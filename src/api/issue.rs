//! What is wrong with one object, before anybody knows where it was read.

use super::field_path::FieldPath;
use super::{Code, Diagnostic, ObjectKey, Severity};

/// One thing to say of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// Which field.
    pub path: FieldPath,
    /// What is wrong and how to mend it, in one sentence.
    pub message: String,
}

impl Issue {
    /// Some of the input has no effect.
    pub fn error(path: FieldPath, message: impl Into<String>) -> Issue {
        Issue { severity: Severity::Error, path, message: message.into() }
    }

    /// It works, but probably not as meant.
    pub fn warning(path: FieldPath, message: impl Into<String>) -> Issue {
        Issue { severity: Severity::Warning, path, message: message.into() }
    }

    /// The same of a known object.
    pub fn of(self, object: &ObjectKey) -> Diagnostic {
        Diagnostic {
            severity: self.severity,
            location: None,
            object: Some(object.clone()),
            path: self.path.to_string(),
            message: self.message,
            code: Code::Other,
        }
    }
}

/// What is wrong with an object, in the order of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issues(pub Vec<Issue>);

impl Issues {
    /// Adds an error.
    pub fn error(&mut self, path: impl Into<FieldPath>, message: impl Into<String>) {
        self.0.push(Issue::error(path.into(), message));
    }

    /// Adds a warning.
    pub fn warn(&mut self, path: impl Into<FieldPath>, message: impl Into<String>) {
        self.0.push(Issue::warning(path.into(), message));
    }
}
