//! The injector's configuration: two texts, `config` and `values`, from a directory or from a ConfigMap.
//!
//! Owns where they are read and that they are followed. What they mean is up to whoever takes them, who says what is wrong
//! with them; what cannot be used leaves what was taken last.

mod config_map;
mod files;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::config_map::InjectorMap;
pub use self::files::InjectorFiles;
use super::project::Issue;
use crate::api::field_path::FieldPath;
use crate::api::{Code, Diagnostic, Location, ObjectKey};

/// The keys, which are the names of the files too.
const CONFIG: &str = "config";
const VALUES: &str = "values";

/// The name of the ConfigMap of the default revision, and the beginning of those of others.
const CONFIG_MAP: &str = "istio-sidecar-injector";

/// The revision whose ConfigMap has no suffix, beside the empty one.
const DEFAULT_REVISION: &str = "default";

/// What an injector is configured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// Who is injected, with which templates.
    pub config: String,
    /// What the templates are given.
    pub values: String,
    /// Where both were read.
    pub place: Place,
}

/// Where texts were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Files of a directory.
    Directory(PathBuf),
    /// Keys of a ConfigMap.
    ConfigMap(ObjectKey),
}

/// Takes texts into use, or says what is wrong with which of them.
pub type Take = Arc<dyn Fn(&Texts) -> Result<(), Wrong> + Send + Sync>;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// It is in the values; else in the configuration.
    pub in_values: bool,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What a message adds where an update cannot be used.
const STAYS: &str = "; injection goes on as before";

impl Place {
    /// Something that is wrong there, in one of the keys.
    fn wrong(&self, key: &str, message: String) -> Diagnostic {
        let issue = Issue::error(FieldPath::of("data").key(key), message);
        match self {
            Place::ConfigMap(object) => issue.of(object),
            Place::Directory(directory) => Diagnostic {
                severity: issue.severity,
                location: Some(Location { file: Arc::new(directory.join(key)), line: 0 }),
                object: None,
                path: String::new(),
                message: issue.message,
                code: Code::Other,
            },
        }
    }
}

/// `ConfigMap istio-system/istio-sidecar-injector`, or the directory.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::ConfigMap(object) => object.fmt(f),
            Place::Directory(directory) => directory.display().fmt(f),
        }
    }
}

/// Hands texts on, and remembers whether any were taken.
struct Taker {
    take: Take,
    taken: bool,
}

impl Taker {
    fn new(take: Take) -> Taker {
        Taker { take, taken: false }
    }

    /// What is wrong with the texts now. Away from the runtime: templates are read, which takes a while.
    async fn take(&mut self, texts: Texts) -> Vec<Diagnostic> {
        let (take, place) = (self.take.clone(), texts.place.clone());
        let taking = tokio::task::spawn_blocking(move || take(&texts));
        let wrong = match taking.await {
            Ok(Ok(())) => {
                self.taken = true;
                return Vec::new();
            }
            Ok(Err(wrong)) => wrong,
            // A fault of ours, which must not end injection.
            Err(fault) => Wrong { in_values: false, message: fault.to_string() },
        };
        let key = if wrong.in_values { VALUES } else { CONFIG };
        vec![self.kept(place.wrong(key, wrong.message))]
    }

    /// The same diagnostic, with what it means for what was taken before.
    fn kept(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if self.taken {
            diagnostic.message.push_str(STAYS);
        }
        diagnostic
    }
}

#[cfg(test)]
mod tests;
