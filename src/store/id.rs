//! How the store names objects: by namespace, name and cluster.

use std::sync::Arc;

use crate::api::{Object, Str};

/// Names an object of a kind that is known from the context. What several clusters have under one name is next to
/// each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id {
    pub(super) namespace: Str,
    pub(super) name: Str,
    pub(super) cluster: ClusterRef,
}

/// The cluster that an object is of. The own one comes first, the others by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClusterRef(
    /// None for the own one, which costs neither memory nor comparisons; the others are few and share their ids.
    Option<Arc<Str>>,
);

impl ClusterRef {
    /// The cluster that configuration comes from.
    pub(super) const OWN: ClusterRef = ClusterRef(None);

    /// Another cluster.
    pub(super) fn remote(id: &Str) -> ClusterRef {
        ClusterRef(Some(Arc::new(id.clone())))
    }

    pub(super) fn is_own(&self) -> bool {
        self.0.is_none()
    }

    /// The cluster's id, `own` being that of the own cluster.
    pub(super) fn name<'a>(&'a self, own: &'a Str) -> &'a Str {
        self.0.as_deref().unwrap_or(own)
    }

    /// An object of this cluster.
    pub(super) fn id(&self, namespace: &Str, name: &Str) -> Id {
        Id { namespace: namespace.clone(), name: name.clone(), cluster: self.clone() }
    }

    /// An object of this cluster.
    pub(super) fn id_of(&self, object: &Object) -> Id {
        let meta = object.meta();
        self.id(&meta.namespace, &meta.name)
    }
}

impl Id {
    /// Another object of the same namespace and cluster.
    pub(super) fn sibling(&self, name: &Str) -> Id {
        self.cluster.id(&self.namespace, name)
    }

    /// Whether both have the same name, in whichever clusters.
    pub(super) fn is_named_as(&self, other: &Id) -> bool {
        self.name == other.name && self.namespace == other.namespace
    }

    /// The object of this name in a cluster.
    pub(super) fn at(&self, cluster: &ClusterRef) -> Id {
        cluster.id(&self.namespace, &self.name)
    }
}
