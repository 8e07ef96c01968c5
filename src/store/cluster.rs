//! What is known of each cluster: its objects, and what looks at the objects of one cluster only.
//!
//! Services and endpoints are derived for each cluster alone and then put together (`merge`); workloads are of one
//! cluster for good. Istio's kinds come from the own cluster, with which all clusters share one configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::networks::Membership;
use super::selectors::Selectors;
use super::{ClusterRef, Id, Store};
use crate::api::{Features, Kind, MeshConfig, Object, ObjectKey, Str};
use crate::snapshot::{Objects, SharedMap, WorkloadState, Workloads};

/// One cluster.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// Its id.
    pub(super) name: Str,
    /// The objects that are only derived from: of the own cluster pods, nodes, endpoints and slices,
    /// Secrets and ConfigMaps, of another all.
    pub(super) inputs: Objects,
    /// The trust domain of its identities, if it is not the mesh's.
    pub(super) trust_domain: Option<Str>,
    /// The services with a selector, to find those of a pod.
    pub(super) selectors: Selectors,
    /// The network of what does not say it.
    pub(super) membership: Arc<Membership>,
    /// Its workloads; those of the own cluster are with their namespaces instead.
    pub(super) workloads: Arc<Workloads>,
}

impl Cluster {
    pub(super) fn trust_domain<'a>(&'a self, mesh: &'a MeshConfig) -> &'a Str {
        self.trust_domain.as_ref().unwrap_or(&mesh.trust_domain)
    }
}

/// The kinds of which the objects of other clusters count.
pub(super) fn is_shared(kind: Kind, features: &Features) -> bool {
    match kind {
        Kind::Namespace
        | Kind::Node
        | Kind::Pod
        | Kind::Service
        | Kind::Secret
        | Kind::Endpoints
        | Kind::EndpointSlice => true,
        Kind::WorkloadEntry => features.select_workload_entries && features.remote_workload_entries,
        _ => false,
    }
}

impl Store {
    pub(super) fn cluster(&self, cluster: &ClusterRef) -> Option<&Cluster> {
        if cluster.is_own() { Some(&self.own) } else { self.remotes.get(cluster) }
    }

    /// The cluster, which is new if it was not known.
    pub(super) fn cluster_mut(&mut self, cluster: &ClusterRef) -> &mut Cluster {
        if cluster.is_own() {
            return &mut self.own;
        }
        self.remotes.entry(cluster.clone()).or_insert_with(|| {
            let name = cluster.name(&self.config.cluster).clone();
            let membership = Membership::new(None, &self.mesh.networks, &name);
            Cluster { name, membership: Arc::new(membership), ..Cluster::default() }
        })
    }

    /// Another cluster as it is known, so that all that names it shares its id.
    pub(super) fn remote_ref(&self, cluster: &Str) -> ClusterRef {
        let new = ClusterRef::remote(cluster);
        self.remotes.get_key_value(&new).map_or(new, |(known, _)| known.clone())
    }

    /// All clusters, the own one first.
    pub(super) fn clusters(&self) -> impl Iterator<Item = (&ClusterRef, &Cluster)> {
        static OWN: ClusterRef = ClusterRef::OWN;
        [(&OWN, &self.own)].into_iter().chain(&self.remotes)
    }

    /// The objects that have a kind's objects of a cluster.
    fn objects_of(&self, kind: Kind, cluster: &ClusterRef) -> Option<&Objects> {
        match cluster.is_own() && !is_input(kind) {
            true => Some(&self.objects),
            false => self.cluster(cluster).map(|cluster| &cluster.inputs),
        }
    }

    /// See [`Store::objects_of`].
    pub(super) fn objects_of_mut(&mut self, kind: Kind, cluster: &ClusterRef) -> &mut Objects {
        match cluster.is_own() && !is_input(kind) {
            true => &mut self.objects,
            false => &mut self.cluster_mut(cluster).inputs,
        }
    }

    pub(super) fn find(&self, kind: Kind, id: &Id) -> Option<&Object> {
        self.objects_of(kind, &id.cluster)?.find(kind, &id.namespace, &id.name)
    }

    /// The objects of a kind in one namespace of a cluster.
    pub(super) fn in_namespace(
        &self,
        kind: Kind,
        cluster: &ClusterRef,
        namespace: &str,
    ) -> impl Iterator<Item = &Object> {
        let objects = self.objects_of(kind, cluster).into_iter();
        objects.flat_map(move |objects| objects.in_namespace(kind, namespace))
    }

    /// The objects of a kind in a cluster.
    pub(super) fn of_kind(
        &self,
        kind: Kind,
        cluster: &ClusterRef,
    ) -> impl Iterator<Item = &Object> {
        let objects = self.objects_of(kind, cluster).into_iter();
        objects.flat_map(move |objects| objects.of_kind(kind))
    }

    /// The ids of all objects of a kind, in whichever cluster.
    pub(super) fn ids_of_kind(&self, kind: Kind) -> Vec<Id> {
        let ids = self.clusters().flat_map(|(cluster, _)| {
            self.of_kind(kind, cluster).map(|object| cluster.id_of(object))
        });
        ids.collect()
    }

    /// A workload and the services that it is behind.
    pub(super) fn workload_state(&self, id: &Id) -> Option<&WorkloadState> {
        match id.cluster.is_own() {
            true => self.state(&id.namespace)?.workloads.get(&id.name),
            false => self.cluster(&id.cluster)?.workloads.get(&id.namespace)?.get(&id.name),
        }
    }

    /// Changes the workloads of a namespace of a cluster.
    pub(super) fn edit_workloads(
        &mut self,
        id: &Id,
        edit: impl FnOnce(&mut SharedMap<Str, WorkloadState>),
    ) {
        if id.cluster.is_own() {
            self.edit(&id.namespace, |state| edit(&mut state.workloads));
            return;
        }
        let namespaces = Arc::make_mut(&mut self.cluster_mut(&id.cluster).workloads);
        let workloads = namespaces.entry(id.namespace.clone()).or_default();
        edit(workloads);
        if workloads.is_empty() {
            namespaces.remove(&id.namespace);
        }
        self.changed = true;
    }

    /// Sets the trust domain of another cluster's identities; None for that of the mesh.
    pub fn set_trust_domain(&mut self, cluster: &Str, trust_domain: Option<Str>) {
        let cluster = self.remote_ref(cluster);
        let known = self.cluster_mut(&cluster);
        if known.trust_domain == trust_domain {
            return;
        }
        known.trust_domain = trust_domain;
        let ids = |kind| self.of_kind(kind, &cluster).map(|object| cluster.id_of(object));
        let (pods, services): (Vec<Id>, Vec<Id>) =
            (ids(Kind::Pod).collect(), ids(Kind::Service).collect());
        self.dirty.pods.extend(pods);
        self.dirty.services.extend(services);
    }

    /// The trust domain of another cluster's identities, if it is not the mesh's.
    pub fn trust_domain(&self, cluster: &Str) -> Option<&Str> {
        self.cluster(&ClusterRef::remote(cluster))?.trust_domain.as_ref()
    }

    /// The keys of all objects of another cluster.
    pub fn remote_keys(&self, cluster: &Str) -> Vec<ObjectKey> {
        let known = self.cluster(&ClusterRef::remote(cluster));
        known.into_iter().flat_map(|cluster| cluster.inputs.iter()).map(Object::key).collect()
    }

    /// Forgets the clusters of which nothing is left.
    pub(super) fn forget_clusters(&mut self) {
        self.remotes.retain(|_, cluster| !cluster.inputs.is_empty());
    }

    /// The workloads of other clusters, as a snapshot shows them.
    pub(super) fn remote_workloads(&self) -> Arc<BTreeMap<Str, Arc<Workloads>>> {
        let shown = || self.remotes.values().filter(|cluster| !cluster.workloads.is_empty());
        let before = &self.published.remotes;
        let is_known = |cluster: &Cluster| {
            let known = before.get(&cluster.name);
            known.is_some_and(|known| Arc::ptr_eq(known, &cluster.workloads))
        };
        if before.len() == shown().count() && shown().all(is_known) {
            return before.clone();
        }
        Arc::new(shown().map(|c| (c.name.clone(), c.workloads.clone())).collect())
    }
}

/// Whether objects of the own cluster are not listed by snapshots.
fn is_input(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Pod
            | Kind::Node
            | Kind::EndpointSlice
            | Kind::Endpoints
            | Kind::Secret
            | Kind::ConfigMap
    )
}
