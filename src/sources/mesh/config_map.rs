//! The mesh configuration in ConfigMaps, which another source reads.

use super::layers::{Layer, Layers};
use super::{Given, Invalid, Reading, read};
use crate::api::core::ConfigMap;
use crate::api::field_path::FieldPath;
use crate::api::{Change, Diagnostic, Kind, Object, ObjectKey, Severity};
use crate::sources::project::Issue;

/// The key of a ConfigMap under which the configuration stands.
const MESH_KEY: &str = "mesh";

/// The name of the ConfigMap of the default revision, and the beginning of those of others.
const CONFIG_MAP: &str = "istio";

/// The revision whose ConfigMap has no suffix, beside the empty one.
const DEFAULT_REVISION: &str = "default";

/// Takes a layer of the mesh configuration from a ConfigMap among the objects of a source.
pub struct FromConfigMap {
    key: ObjectKey,
    layer: Layer,
    layers: Layers,
    diagnostics: Vec<Diagnostic>,
    /// The first reading is over: from now on there is a configuration to keep.
    started: bool,
}

impl FromConfigMap {
    /// The mesh's own, from the ConfigMap `istio`, or `istio-REVISION` of a revision that is neither empty nor
    /// `default`, in `namespace`.
    pub fn own(namespace: &str, revision: &str, layers: Layers) -> FromConfigMap {
        let name = match revision {
            "" | DEFAULT_REVISION => CONFIG_MAP.to_owned(),
            revision => format!("{CONFIG_MAP}-{revision}"),
        };
        FromConfigMap::new(namespace, &name, Layer::Own, layers)
    }

    /// What lies below the mesh's own, from the ConfigMap `name` in `namespace`.
    pub fn shared(namespace: &str, name: &str, layers: Layers) -> FromConfigMap {
        FromConfigMap::new(namespace, name, Layer::Shared, layers)
    }

    fn new(namespace: &str, name: &str, layer: Layer, layers: Layers) -> FromConfigMap {
        let key = ObjectKey::new(Kind::ConfigMap, namespace, name);
        FromConfigMap { key, layer, layers, diagnostics: Vec::new(), started: false }
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
    /// is gone leaves the other layers.
    pub fn follow(&mut self, changes: &[Change]) -> Vec<Diagnostic> {
        for change in changes {
            match change {
                Change::Apply(Object::ConfigMap(map)) if change.key() == self.key => {
                    self.take(read_config_map(map));
                }
                Change::Remove(key) if *key == self.key => {
                    self.take(Ok(Reading { given: Given::new(), warnings: Vec::new() }));
                }
                Change::Apply(_) | Change::Remove(_) => {}
            }
        }
        self.diagnostics.clone()
    }

    fn take(&mut self, read: Result<Reading, Issue>) {
        let diagnostic = |severity, issue: Issue| Diagnostic {
            severity,
            location: None,
            object: Some(self.key.clone()),
            path: issue.path.to_string(),
            message: issue.message,
        };
        let taken = read.and_then(|Reading { given, warnings }| {
            self.layers.set(self.layer, given).map_err(inside)?;
            Ok(warnings)
        });
        self.diagnostics = match taken {
            Ok(warnings) => {
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

/// Reads the configuration in a ConfigMap. Paths begin at the ConfigMap.
pub(super) fn read_config_map(config_map: &ConfigMap) -> Result<Reading, Issue> {
    let Some(text) = config_map.data.get(MESH_KEY) else {
        let message = "missing: the mesh configuration stands there, as YAML";
        return Err(inside(Issue::error(FieldPath::root(), message)));
    };
    match read(text) {
        Ok(Reading { given, warnings }) => {
            Ok(Reading { given, warnings: warnings.into_iter().map(inside).collect() })
        }
        Err(Invalid { line: Some(line), issue }) => {
            Err(inside(Issue { message: format!("line {line}: {}", issue.message), ..issue }))
        }
        Err(Invalid { line: None, issue }) => Err(inside(issue)),
    }
}

/// An issue of the text, as one of the ConfigMap.
fn inside(issue: Issue) -> Issue {
    let base = FieldPath::of("data").key(MESH_KEY);
    Issue { path: issue.path.below(&base), ..issue }
}
