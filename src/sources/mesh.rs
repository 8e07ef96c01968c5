//! The mesh configuration: from YAML to `api::MeshConfig`.
//!
//! Owns parsing, the defaults and the rules of merging, and where the configuration comes from: a file, which is
//! followed, or a ConfigMap that another source reads. Whatever is wrong in an update, the last good
//! configuration stays.

mod fields;
mod file;
mod merge;
mod schema;
mod typed;

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::watch;

pub use self::file::{MeshFile, load, run};
use super::field_path::FieldPath;
use super::project::Issue;
use super::value::{self, SyntaxError};
use crate::api::core::ConfigMap;
use crate::api::{Change, Diagnostic, Kind, MeshConfig, Object, ObjectKey, Severity};

/// The key of the ConfigMap under which the configuration stands.
const MESH_KEY: &str = "mesh";

/// The name of the ConfigMap of the default revision, and the beginning of those of others.
const CONFIG_MAP: &str = "istio";

/// The revision whose ConfigMap has no suffix, beside the empty one.
const DEFAULT_REVISION: &str = "default";

/// A configuration, and what has no effect in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// Laid over the defaults.
    pub mesh: MeshConfig,
    /// Unknown fields.
    pub warnings: Vec<Issue>,
}

/// Why a text is no mesh configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The line of the text, counted from 1, when only the syntax is wrong and the parser tells it.
    pub line: Option<usize>,
    /// What is wrong where.
    pub issue: Issue,
}

/// istiod's defaults, with `raw` filled in.
pub fn defaults() -> MeshConfig {
    parse("").map(|parsed| parsed.mesh).unwrap_or_default()
}

/// Reads a configuration and lays it over the defaults. An empty text gives the defaults.
///
/// # Errors
/// When it is no YAML, or a known field has a value that cannot be used.
pub fn parse(text: &str) -> Result<Parsed, Invalid> {
    let value = match value::from_yaml(text) {
        Ok(value) => value,
        Err(SyntaxError { line, message }) => {
            return Err(Invalid { line, issue: Issue::new(FieldPath::root(), message) });
        }
    };
    from_value(value).map_err(|issue| Invalid { line: None, issue })
}

/// Reads the configuration in a ConfigMap.
///
/// # Errors
/// As [`parse`]; and when the key `mesh` is missing. Paths begin at the ConfigMap.
pub fn from_config_map(config_map: &ConfigMap) -> Result<Parsed, Issue> {
    let base = FieldPath::of("data").key(MESH_KEY);
    let Some(text) = config_map.data.get(MESH_KEY) else {
        return Err(Issue::new(base, "missing: the mesh configuration stands there, as YAML"));
    };
    let inside = |issue: Issue| Issue { path: issue.path.below(&base), ..issue };
    match parse(text) {
        Ok(Parsed { mesh, warnings }) => {
            Ok(Parsed { mesh, warnings: warnings.into_iter().map(inside).collect() })
        }
        Err(Invalid { line: Some(line), issue }) => {
            Err(inside(Issue { message: format!("line {line}: {}", issue.message), ..issue }))
        }
        Err(Invalid { line: None, issue }) => Err(inside(issue)),
    }
}

fn from_value(value: Value) -> Result<Parsed, Issue> {
    let over = match value {
        Value::Null => Map::new(),
        Value::Object(over) => over,
        _ => return Err(Issue::new(FieldPath::root(), "must be an object: fields of MeshConfig")),
    };
    let mut warnings = Vec::new();
    let over = schema::message(fields::MESH_CONFIG, over, &FieldPath::root(), &mut warnings)?;
    let mut merged = merge::defaults();
    merge::merge(&mut merged, over);
    let mut mesh = typed::typed(&merged)?;
    schema::prune(fields::MESH_CONFIG, &mut merged);
    mesh.raw = Value::Object(merged);
    Ok(Parsed { mesh, warnings })
}

/// Takes the mesh configuration from a ConfigMap among the objects of a source.
pub struct FromConfigMap {
    key: ObjectKey,
    publish: watch::Sender<Arc<MeshConfig>>,
    diagnostics: Vec<Diagnostic>,
    /// The first reading is over: from now on there is a configuration to keep.
    started: bool,
}

impl FromConfigMap {
    /// Of the ConfigMap `istio`, or `istio-REVISION` of a revision that is neither empty nor `default`, in
    /// `namespace`. `publish` holds the defaults until it is there.
    pub fn new(
        namespace: &str,
        revision: &str,
        publish: watch::Sender<Arc<MeshConfig>>,
    ) -> FromConfigMap {
        let name = match revision {
            "" | DEFAULT_REVISION => CONFIG_MAP.to_owned(),
            revision => format!("{CONFIG_MAP}-{revision}"),
        };
        let key = ObjectKey::new(Kind::ConfigMap, namespace, &name);
        FromConfigMap { key, publish, diagnostics: Vec::new(), started: false }
    }

    /// Publishes what the first reading says.
    ///
    /// # Errors
    /// When the ConfigMap is there and not valid: nobody would want the defaults instead of what it means.
    pub fn start(&mut self, changes: &[Change]) -> Result<Vec<Diagnostic>, Diagnostic> {
        let diagnostics = self.follow(changes);
        self.started = true;
        match diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
            Some(error) => Err(error.clone()),
            None => Ok(diagnostics),
        }
    }

    /// Publishes what changes make of the configuration, and returns what is wrong with it now. A ConfigMap that
    /// is gone leaves the defaults.
    pub fn follow(&mut self, changes: &[Change]) -> Vec<Diagnostic> {
        for change in changes {
            match change {
                Change::Apply(Object::ConfigMap(map)) if change.key() == self.key => self.take(map),
                Change::Remove(key) if *key == self.key => {
                    self.diagnostics.clear();
                    publish(&self.publish, defaults());
                }
                Change::Apply(_) | Change::Remove(_) => {}
            }
        }
        self.diagnostics.clone()
    }

    fn take(&mut self, map: &ConfigMap) {
        let diagnostic = |severity, issue: Issue| Diagnostic {
            severity,
            location: None,
            object: Some(self.key.clone()),
            path: issue.path.to_string(),
            message: issue.message,
        };
        self.diagnostics = match from_config_map(map) {
            Ok(Parsed { mesh, warnings }) => {
                publish(&self.publish, mesh);
                warnings.into_iter().map(|w| diagnostic(Severity::Warning, w)).collect()
            }
            Err(mut issue) => {
                if self.started {
                    issue.message.push_str("; the mesh configuration stays as it was");
                }
                vec![diagnostic(Severity::Error, issue)]
            }
        };
    }
}

/// Publishes a configuration if it differs from the last one.
fn publish(to: &watch::Sender<Arc<MeshConfig>>, mesh: MeshConfig) {
    to.send_if_modified(|last| {
        let changed = **last != mesh;
        if changed {
            *last = Arc::new(mesh);
        }
        changed
    });
}

#[cfg(test)]
mod tests;
