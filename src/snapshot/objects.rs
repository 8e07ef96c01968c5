//! Objects by kind, namespace and name.
//!
//! A clone shares everything; a change copies a few of the objects of its own kind and namespace, so that its
//! cost follows the change and not the size of the mesh.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SharedMap;
use crate::api::config::{Config, Spec};
use crate::api::{Kind, Object, ObjectKey, Str};

/// A collection of objects. Iterates in the order of [`ObjectKey`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    kinds: Arc<BTreeMap<Kind, Arc<Namespaces>>>,
}

/// By namespace, then name. No map in it is empty.
type Namespaces = BTreeMap<Str, SharedMap<Str, Object>>;

impl Objects {
    /// The object with this key.
    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.find(key.kind, &key.namespace, &key.name)
    }

    /// The object of this kind, namespace (empty for kinds without one) and name.
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        self.kinds.get(&kind)?.get(namespace)?.get(name)
    }

    /// All objects.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.kinds.values().flat_map(|n| n.values()).flat_map(|o| o.values())
    }

    /// All objects of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.kinds.get(&kind).into_iter().flat_map(|n| n.values()).flat_map(|o| o.values())
    }

    /// All objects of one of Istio's kinds.
    pub fn configs<S: Spec>(&self) -> impl Iterator<Item = &Arc<Config<S>>> {
        self.of_kind(S::KIND).filter_map(S::of)
    }

    /// The objects of a kind in one namespace.
    pub fn in_namespace(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Object> {
        self.kinds.get(&kind).and_then(|n| n.get(namespace)).into_iter().flat_map(|o| o.values())
    }

    /// Whether the objects of a kind are those of `other`, by pointer: equal ones that were read twice are not.
    pub fn shares(&self, other: &Objects, kind: Kind) -> bool {
        match (self.kinds.get(&kind), other.kinds.get(&kind)) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (own, others) => own.is_none() && others.is_none(),
        }
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).map_or(0, |n| n.values().map(|o| o.len()).sum())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kinds.values().flat_map(|n| n.values()).map(|o| o.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Adds an object; returns the one that it replaces.
    pub fn insert(&mut self, object: Object) -> Option<Object> {
        let ObjectKey { kind, namespace, name } = object.key();
        let kinds = Arc::make_mut(&mut self.kinds);
        let namespaces = Arc::make_mut(kinds.entry(kind).or_default());
        namespaces.entry(namespace).or_default().insert(name, object)
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &ObjectKey) -> Option<Object> {
        // Looked for first, as a change copies what is shared.
        self.get(key)?;
        let kinds = Arc::make_mut(&mut self.kinds);
        let namespaces = Arc::make_mut(kinds.get_mut(&key.kind)?);
        let objects = namespaces.get_mut(&key.namespace)?;
        let removed = objects.remove(&key.name);
        if objects.is_empty() {
            namespaces.remove(&key.namespace);
        }
        if namespaces.is_empty() {
            kinds.remove(&key.kind);
        }
        removed
    }
}

impl FromIterator<Object> for Objects {
    fn from_iter<T: IntoIterator<Item = Object>>(objects: T) -> Self {
        let mut collected = Objects::default();
        for object in objects {
            collected.insert(object);
        }
        collected
    }
}

#[cfg(test)]
mod tests;
