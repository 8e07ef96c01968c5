//! The documents of the mesh in ConfigMaps, which another source reads.

use super::layers::{Layer, Layers};
use super::{Document, Invalid, Reading};
use crate::api::core::ConfigMap;
use crate::api::field_path::FieldPath;
use crate::api::{Change, Diagnostic, Kind, Object, ObjectKey, Severity, Str};
use crate::sources::project::Issue;

/// The name of the ConfigMap of the default revision, and the beginning of those of others.
const CONFIG_MAP: &str = "istio";

/// The revision whose ConfigMap has no suffix, beside the empty one.
const DEFAULT_REVISION: &str = "default";

/// Takes one document of a layer from a ConfigMap among the objects of a source.
pub struct FromConfigMap {
    document: Document,
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
    pub fn own(
        document: Document,
        namespace: &str,
        revision: &str,
        layers: Layers,
    ) -> FromConfigMap {
        let name = match revision {
            "" | DEFAULT_REVISION => CONFIG_MAP.to_owned(),
            revision => format!("{CONFIG_MAP}-{revision}"),
        };
        FromConfigMap::new(document, namespace, &name, Layer::Own, layers)
    }

    /// What lies below the mesh's own, from the ConfigMap `name` in `namespace`.
    pub fn shared(
        document: Document,
        namespace: &str,
        name: &str,
        layers: Layers,
    ) -> FromConfigMap {
        FromConfigMap::new(document, namespace, name, Layer::Shared, layers)
    }

    fn new(
        document: Document,
        namespace: &str,
        name: &str,
        layer: Layer,
        layers: Layers,
    ) -> FromConfigMap {
        let key = ObjectKey::new(Kind::ConfigMap, namespace, name);
        FromConfigMap { document, key, layer, layers, diagnostics: Vec::new(), started: false }
    }

    /// The namespace and the name of the ConfigMap.
    pub fn watched(&self) -> (Str, Str) {
        (self.key.namespace.clone(), self.key.name.clone())
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
                    self.take(read_config_map(self.document, map));
                }
                Change::Remove(key) if *key == self.key => {
                    self.take(Ok(None));
                }
                Change::Apply(_) | Change::Remove(_) => {}
            }
        }
        self.diagnostics.clone()
    }

    fn take(&mut self, read: Result<Option<Reading>, Issue>) {
        let inside = |issue| inside(self.document, issue);
        let taken = read.and_then(|reading| match reading {
            Some(Reading { content, warnings }) => {
                self.layers.set(self.layer, content).map(|()| warnings).map_err(inside)
            }
            None => {
                let removed = self.layers.remove(self.layer, self.document);
                removed.map(|()| Vec::new()).map_err(inside)
            }
        });
        self.diagnostics = match taken {
            Ok(warnings) => warnings.into_iter().map(|warning| warning.of(&self.key)).collect(),
            Err(mut issue) => {
                if self.started {
                    issue.message.push_str(self.document.stays());
                }
                vec![issue.of(&self.key)]
            }
        };
    }
}

/// Reads a document in a ConfigMap; None where it need not be there and is not. Paths begin at the ConfigMap.
pub(super) fn read_config_map(
    document: Document,
    config_map: &ConfigMap,
) -> Result<Option<Reading>, Issue> {
    let inside = |issue| inside(document, issue);
    let Some(text) = config_map.data.get(key_of(document)) else {
        return match document {
            Document::Mesh => {
                let message = "missing: the mesh configuration stands there, as YAML";
                Err(inside(Issue::error(FieldPath::root(), message)))
            }
            Document::Networks => Ok(None),
        };
    };
    match document.read(text) {
        Ok(Reading { content, warnings }) => {
            Ok(Some(Reading { content, warnings: warnings.into_iter().map(inside).collect() }))
        }
        Err(Invalid { line: Some(line), issue }) => {
            Err(inside(Issue { message: format!("line {line}: {}", issue.message), ..issue }))
        }
        Err(Invalid { line: None, issue }) => Err(inside(issue)),
    }
}

/// The key of a ConfigMap under which a document stands.
fn key_of(document: Document) -> &'static str {
    match document {
        Document::Mesh => "mesh",
        Document::Networks => "meshNetworks",
    }
}

/// An issue of the text, as one of the ConfigMap.
fn inside(document: Document, issue: Issue) -> Issue {
    let base = FieldPath::of("data").key(key_of(document));
    Issue { path: issue.path.below(&base), ..issue }
}
