//! What users are told about their input.

mod code;
mod told;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::code::Code;
pub use self::told::{News, Told};
use super::ObjectKey;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works, but probably not as meant: an unknown field, a duplicate.
    Warning,
    /// Some of the input has no effect.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file, relative to the configuration directory where it is inside.
    pub file: Arc<PathBuf>,
    /// Counted from 1; 0 when the whole file is meant.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// One thing that a user should know: what, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it was read; None for objects that came from an API server.
    pub location: Option<Location>,
    /// The object, as far as it could be told.
    pub object: Option<ObjectKey>,
    /// The field, such as `spec.ports[0].port`; empty when the object as a whole is meant.
    pub path: String,
    /// What is wrong and how to mend it, in one sentence without the parts above.
    pub message: String,
    /// Which problem it is, where that is counted.
    pub code: Code,
}

impl Diagnostic {
    /// The same, as one of a problem that is counted.
    #[must_use]
    pub fn coded(self, code: Code) -> Diagnostic {
        Diagnostic { code, ..self }
    }
}

/// `error: shop.yaml:12: Service default/web: spec.ports[0].port: …`
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity)?;
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}
