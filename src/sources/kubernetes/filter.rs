//! Which objects of a cluster concern this control plane.

use std::collections::BTreeMap;

use crate::api::list::items;
use crate::api::meta::Labels;
use crate::api::{Kind, LabelSelector, Object, Str};

/// The label that leaves an object to one revision of the control plane.
const REVISION: &str = "istio.io/rev";

/// Decides over objects. Without IO.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// The revision of this control plane; an empty one takes the objects of all.
    revision: String,
    /// Which namespaces belong to the mesh; none for all.
    selectors: Vec<LabelSelector>,
    /// The namespaces that exist, and whether they belong.
    namespaces: BTreeMap<Str, (Labels, bool)>,
}

impl Filter {
    pub fn new(revision: &str) -> Filter {
        Filter { revision: revision.to_owned(), ..Filter::default() }
    }

    /// Whether an object is left to this revision. Only Istio's kinds can be.
    pub fn is_ours(&self, object: &Object) -> bool {
        let label = object.meta().label(REVISION);
        self.revision.is_empty()
            || !object.kind().is_istio()
            || label.is_none_or(|revision| **revision == *self.revision)
    }

    /// Whether what is in a namespace belongs to the mesh.
    pub fn includes(&self, namespace: &str) -> bool {
        self.selectors.is_empty()
            || self.namespaces.get(namespace).is_some_and(|(_, included)| *included)
    }

    /// A namespace came, changed or went. True if that changes whether it is included.
    pub fn set_namespace(&mut self, name: &Str, labels: Option<&Labels>) -> bool {
        let before = self.includes(name);
        match labels {
            Some(labels) => {
                let included = selected(&self.selectors, labels);
                self.namespaces.insert(name.clone(), (labels.clone(), included));
            }
            None => {
                self.namespaces.remove(name);
            }
        }
        before != self.includes(name)
    }

    /// The selectors are these now. True if they were others.
    pub fn set_selectors(&mut self, selectors: &[LabelSelector]) -> bool {
        if self.selectors == selectors {
            return false;
        }
        self.selectors = selectors.to_vec();
        for (labels, included) in self.namespaces.values_mut() {
            *included = selected(&self.selectors, labels);
        }
        true
    }
}

fn selected(selectors: &[LabelSelector], labels: &Labels) -> bool {
    selectors.iter().any(|selector| selector.matches(labels))
}

/// Which resources are not read at all: PILOT_IGNORE_RESOURCES and its exceptions, PILOT_INCLUDE_RESOURCES.
#[derive(Clone, Debug, Default)]
pub struct Ignored {
    ignore: Vec<String>,
    include: Vec<String>,
}

impl Ignored {
    /// From lists such as `*.istio.io,sidecars.networking.istio.io`, separated by commas.
    pub fn new(ignore: &str, include: &str) -> Ignored {
        let list = |text| items(text).map(str::to_owned).collect();
        Ignored { ignore: list(ignore), include: list(include) }
    }

    /// Whether a kind is not read.
    pub fn ignores(&self, kind: Kind) -> bool {
        let name = format!("{}.{}", kind.plural(), kind.group());
        let listed = |list: &[String]| list.iter().any(|pattern| means(pattern, &name));
        listed(&self.ignore) && !listed(&self.include)
    }
}

/// Whether a pattern, in which a leading `*` stands for anything, means a name.
fn means(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => name.ends_with(suffix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests;
