//! What clusters are made of, as far as those ask who inject pods: the kubelets of their nodes, and what platforms
//! write on their namespaces.

use std::sync::Arc;

use super::{ClusterRef, Store};
use crate::api::{Kind, Labels, Object};
use crate::snapshot::Platform;

impl Store {
    /// A node or a namespace of a cluster changed.
    pub(super) fn note_platform(
        &mut self,
        cluster: &ClusterRef,
        old: Option<&Object>,
        new: Option<&Object>,
    ) {
        let told = |object: Option<&Object>| match object {
            Some(Object::Node(node)) => Some(node.kubelet.clone()),
            _ => None,
        };
        if told(old) != told(new) || written(old) != written(new) {
            self.dirty.platforms.insert(cluster.clone());
        }
    }

    /// Finds out again what changed clusters are made of.
    pub(super) fn derive_platforms(&mut self) {
        let changed = std::mem::take(&mut self.dirty.platforms);
        if changed.is_empty() {
            return;
        }
        let mut platforms = (*self.platforms).clone();
        for cluster in &changed {
            let name = cluster.name(&self.config.cluster).clone();
            let known = self.cluster(cluster).is_some_and(|cluster| !cluster.inputs.is_empty());
            match known || cluster.is_own() {
                true => platforms.insert(name, Arc::new(self.platform(cluster))),
                false => platforms.remove(&name),
            };
        }
        if *self.platforms != platforms {
            self.platforms = Arc::new(platforms);
            self.changed = true;
        }
    }

    fn platform(&self, cluster: &ClusterRef) -> Platform {
        let nodes = self.of_kind(Kind::Node, cluster).filter_map(|object| match object {
            Object::Node(node) => Some((node.meta.name.clone(), node.kubelet.clone())),
            _ => None,
        });
        let namespaces = self.of_kind(Kind::Namespace, cluster);
        let namespaces = namespaces.filter_map(|object| {
            Some((object.meta().name.clone(), written(Some(object)).cloned()?))
        });
        Platform { kubelets: nodes.collect(), namespaces: namespaces.collect() }
    }
}

/// What a platform wrote on a namespace; None where it wrote nothing.
fn written(object: Option<&Object>) -> Option<&Labels> {
    match object {
        Some(Object::Namespace(namespace)) => {
            let written = &namespace.platform;
            (!written.is_empty()).then_some(written)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
