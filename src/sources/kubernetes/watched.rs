//! What is asked of an API server: which objects of which resource.

use std::fmt;

use super::query::Query;
use crate::api::{Kind, Str};

/// The objects that one watch follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace; None for all.
    pub namespace: Option<Str>,
    /// The only name; None for all.
    pub name: Option<Str>,
    /// The labels that they have, as a selector is written; None for any.
    pub labels: Option<Str>,
    /// Whether `discoverySelectors` decide over them.
    pub filtered: bool,
    /// Whether it is complete without them as long as the server refuses to tell them.
    pub optional: bool,
}

impl Watched {
    /// All objects of a kind that the mesh has.
    pub fn all(kind: Kind) -> Watched {
        let filtered = kind.namespaced();
        Watched { kind, namespace: None, name: None, labels: None, filtered, optional: false }
    }

    /// One object, whatever namespaces belong to the mesh.
    pub fn one(kind: Kind, namespace: &str, name: &str) -> Watched {
        let (namespace, name) = (Some(namespace.into()), Some(name.into()));
        Watched { kind, namespace, name, labels: None, filtered: false, optional: false }
    }

    /// The objects of a namespace that a selector means, whatever namespaces belong to the mesh.
    pub fn labelled(kind: Kind, namespace: &str, selector: &str) -> Watched {
        let (namespace, labels) = (Some(namespace.into()), Some(selector.into()));
        Watched { kind, namespace, name: None, labels, filtered: false, optional: false }
    }

    /// The same, but not waited for where the server does not tell them.
    pub fn if_readable(self) -> Watched {
        Watched { optional: true, ..self }
    }

    /// The same, in one namespace; an empty one means all.
    pub fn within(self, namespace: &str) -> Watched {
        match self.kind.namespaced() && self.namespace.is_none() && !namespace.is_empty() {
            true => Watched { namespace: Some(namespace.into()), ..self },
            false => self,
        }
    }

    /// What asks the server for them.
    pub(super) fn query(&self) -> Query {
        let group = match self.kind.group() {
            "" => format!("/api/{}", self.kind.version()),
            group => format!("/apis/{group}/{}", self.kind.version()),
        };
        let path = match &self.namespace {
            None => format!("{group}/{}", self.kind.plural()),
            Some(namespace) => format!("{group}/namespaces/{namespace}/{}", self.kind.plural()),
        };
        let fields = self.name.as_ref().map(|name| format!("metadata.name={name}"));
        let labels = self.labels.as_deref().map(str::to_owned);
        Query { path, fields, labels, metadata_only: false }
    }

    /// The name of the CustomResourceDefinition without which the resource does not exist.
    pub(super) fn definition(&self) -> Option<String> {
        let (plural, group) = (self.kind.plural(), self.kind.group());
        self.kind.is_istio().then(|| format!("{plural}.{group}"))
    }
}

/// `virtualservices.networking.istio.io`, `configmaps istio-system/istio`.
impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.plural())?;
        if !self.kind.group().is_empty() {
            write!(f, ".{}", self.kind.group())?;
        }
        match (&self.namespace, &self.name) {
            (None, _) => Ok(()),
            (Some(namespace), None) => write!(f, " in {namespace}"),
            (Some(namespace), Some(name)) => write!(f, " {namespace}/{name}"),
        }?;
        self.labels.as_ref().map_or(Ok(()), |labels| write!(f, " with {labels}"))
    }
}

#[cfg(test)]
mod tests;
