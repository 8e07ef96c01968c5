//! What every object carries besides its content.

use std::collections::BTreeMap;

use super::Str;

/// Labels or annotations, sorted by key.
pub type Labels = BTreeMap<Str, Str>;

/// Whether labels have all that a selector asks for. An empty one asks for nothing.
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The metadata of an object that the project reads. `resourceVersion` and managed fields are not part of
/// it: they change without the object changing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The object's name.
    pub name: Str,
    /// Its namespace; empty for kinds without one.
    pub namespace: Str,
    /// All labels.
    pub labels: Labels,
    /// The annotations whose key contains `istio.io`; others are not read.
    pub annotations: Labels,
    /// When it was created; decides conflicts. None when the source does not say, which counts as oldest.
    pub created: Option<jiff::Timestamp>,
    /// The generation of its content; 0 when the source has none.
    pub generation: i64,
    /// Kubernetes' unique id; empty when the source has none.
    pub uid: Str,
}

impl Meta {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&Str> {
        self.labels.get(key)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&Str> {
        self.annotations.get(key)
    }
}
