//! Look-ups in the objects and in what was derived from them.

use std::sync::Arc;

use super::{ClusterRef, Id, Store, selectors};
use crate::api::core::{self, EndpointSlice};
use crate::api::{Kind, Labels, Object, ObjectKey, Str};
use crate::model::Workload;
use crate::snapshot::NamespaceState;

impl Store {
    pub(super) fn service_object(&self, id: &Id) -> Option<&Arc<core::Service>> {
        core_service(self.find(Kind::Service, id))
    }

    pub(super) fn pod(&self, id: &Id) -> Option<&Arc<core::Pod>> {
        match self.find(Kind::Pod, id)? {
            Object::Pod(pod) => Some(pod),
            _ => None,
        }
    }

    pub(super) fn node(&self, id: &Id) -> Option<&core::Node> {
        match self.find(Kind::Node, id)? {
            Object::Node(node) => Some(node),
            _ => None,
        }
    }

    pub(super) fn state(&self, namespace: &Str) -> Option<&NamespaceState> {
        self.namespaces.get(namespace).map(|state| &**state)
    }

    /// The workload of a pod.
    pub(super) fn workload(&self, pod: &Id) -> Option<Arc<Workload>> {
        let state = self.workload_state(pod)?;
        (state.workload.origin.kind == Kind::Pod).then(|| state.workload.clone())
    }

    /// The namespace object of a cluster.
    pub(super) fn namespace(&self, cluster: &ClusterRef, name: &Str) -> Option<&core::Namespace> {
        match self.find(Kind::Namespace, &cluster.id(&Str::default(), name))? {
            Object::Namespace(namespace) => Some(namespace),
            _ => None,
        }
    }

    pub(super) fn services_selecting(&self, pod: &Id, labels: &Labels) -> Vec<Id> {
        let selectors = self.cluster(&pod.cluster).map(|cluster| &cluster.selectors);
        let candidates = selectors.into_iter().flat_map(|s| s.candidates(&pod.namespace, labels));
        candidates
            .map(|name| pod.sibling(name))
            .filter(|id| {
                self.service_object(id).is_some_and(|s| selectors::selects(&s.selector, labels))
            })
            .collect()
    }

    /// The slices of a service in the order of their names. Objects of kind Endpoints count only where there
    /// is no slice: Kubernetes mirrors each into slices.
    pub(super) fn slices_of(&self, id: &Id) -> impl Iterator<Item = (ObjectKey, &EndpointSlice)> {
        let names = self.slices.get(id);
        let has_slices =
            names.is_some_and(|names| names.iter().any(|(kind, _)| *kind == Kind::EndpointSlice));
        let wanted = if has_slices { Kind::EndpointSlice } else { Kind::Endpoints };
        let names = names.into_iter().flatten().filter(move |(kind, _)| *kind == wanted);
        names.filter_map(|(kind, name)| match self.find(*kind, &id.sibling(name))? {
            Object::EndpointSlice(slice) | Object::Endpoints(slice) => {
                let namespace = id.namespace.clone();
                let key = ObjectKey { kind: *kind, namespace, name: name.clone() };
                Some((key, &**slice))
            }
            _ => None,
        })
    }
}

/// The service that an object is.
pub(super) fn core_service(object: Option<&Object>) -> Option<&Arc<core::Service>> {
    match object? {
        Object::Service(service) => Some(service),
        _ => None,
    }
}
