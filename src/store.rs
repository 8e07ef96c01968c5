//! The one writer: from changes of objects to immutable snapshots.
//!
//! [`Store`] holds all objects and what is derived from them, and recomputes only what a change touches.
//! Does no IO and knows no clock, so that any order of the same changes gives the same snapshot; the task
//! that owns it is `writer`, and `pacer` decides when it publishes.
//!
//! Derivation goes one way: objects → services → workloads → endpoints → targets. Each step compares with
//! what it made before and keeps the old `Arc` where nothing differs; only a difference reaches the next
//! step. Each step is a pure function in a module of its own; `changes` marks where it starts again, and
//! `derive` runs what is marked.

mod allocate;
mod changes;
mod configs;
mod derive;
mod derive_entries;
mod dirty;
mod endpoints;
mod entries;
#[cfg(test)]
mod fixtures;
mod instances;
mod lookup;
mod networks;
pub mod pacer;
mod references;
mod relation;
mod selectors;
mod service;
mod service_entry;
mod targets;
mod workload;
mod workload_entry;
pub mod writer;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::configs::Configs;
use self::dirty::Dirty;
use self::entries::Entries;
use self::networks::Membership;
use self::relation::Relation;
use self::selectors::Selectors;
use crate::api::{Change, Features, Kind, MeshConfig, Object, ObjectKey, Str};
use crate::model::Service;
use crate::snapshot::{NamespaceState, Objects, Snapshot};

/// What a store needs to know of its process.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The id of the cluster that the objects belong to (`--clusterID`).
    pub cluster: Str,
    /// The DNS suffix of Kubernetes services (`--domain`).
    pub domain: Str,
    /// The namespace of the control plane, whose label `topology.istio.io/network` is the network of pods
    /// that have no such label.
    pub system_namespace: Str,
    /// What the operator of the control plane decides for all proxies.
    pub features: Features,
}

/// Names an object of a kind that is known from the context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Id {
    namespace: Str,
    name: Str,
}

/// All objects, and what is derived from them.
#[derive(Debug)]
pub struct Store {
    config: Config,
    mesh: Arc<MeshConfig>,
    /// The objects that snapshots list.
    objects: Objects,
    /// The objects that are only derived from: pods, nodes, endpoints and slices.
    inputs: Objects,

    /// The slices and Endpoints objects of each service.
    slices: HashMap<Id, BTreeSet<(Kind, Str)>>,
    /// The services with a selector, to find those of a pod.
    selectors: Selectors,
    /// The services that each pod is selected by.
    selects: Relation<Id, Id>,
    /// The pods that each service's slices name, whether they exist or not.
    names: Relation<Id, Id>,
    /// The node of each pod.
    runs_on: Relation<Id, Str>,
    /// ExternalName services by the host that they stand for.
    aliases: HashMap<Str, BTreeSet<Id>>,
    /// How many endpoints of each service wait for their pod; services without such are absent.
    withheld: HashMap<Id, usize>,

    services: BTreeMap<Id, Arc<Service>>,
    by_age: Arc<[Arc<Service>]>,
    namespaces: Arc<BTreeMap<Str, Arc<NamespaceState>>>,
    configs: Configs,
    /// The network of what does not say it.
    membership: Arc<Membership>,
    /// The Services that are gateways to networks by their labels.
    gateways: BTreeSet<Id>,
    entries: Entries,

    dirty: Dirty,
    /// Something that a snapshot shows differs from `published`.
    changed: bool,
    published: Arc<Snapshot>,
}

impl Store {
    /// A store without objects.
    pub fn new(config: Config) -> Store {
        Store {
            config,
            mesh: Arc::default(),
            objects: Objects::default(),
            inputs: Objects::default(),
            slices: HashMap::new(),
            selectors: Selectors::default(),
            selects: Relation::default(),
            names: Relation::default(),
            runs_on: Relation::default(),
            aliases: HashMap::new(),
            withheld: HashMap::new(),
            services: BTreeMap::new(),
            by_age: Arc::default(),
            namespaces: Arc::default(),
            configs: Configs::default(),
            membership: Arc::default(),
            gateways: BTreeSet::new(),
            entries: Entries::default(),
            dirty: Dirty::default(),
            changed: true,
            published: Arc::default(),
        }
    }

    /// Takes changes in. What follows from them is computed by the next `snapshot`, once for all of them.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Apply(object) => self.put(object),
                Change::Remove(key) => self.take(&key),
            }
        }
    }

    /// Takes a new mesh configuration in.
    pub fn set_mesh(&mut self, mesh: Arc<MeshConfig>) {
        if self.mesh == mesh {
            return;
        }
        let identities = self.mesh.trust_domain != mesh.trust_domain;
        if identities {
            self.dirty.pods.extend(ids(self.inputs.of_kind(Kind::Pod)));
            self.mark_all_entries();
        }
        if self.mesh.default_service_export_to != mesh.default_service_export_to {
            self.entries.dirty.services.extend(ids(self.objects.of_kind(Kind::ServiceEntry)));
        }
        if identities || self.mesh.default_service_export_to != mesh.default_service_export_to {
            self.dirty.services.extend(ids(self.objects.of_kind(Kind::Service)));
        }
        let networks = self.mesh.networks != mesh.networks;
        self.mesh = mesh;
        if networks {
            self.dirty.networks = true;
            self.find_membership();
        }
        self.dirty.kinds.extend([Kind::VirtualService, Kind::DestinationRule]);
        self.changed = true;
    }

    /// The state after all changes so far: the snapshot before, if nothing that it shows has changed, else
    /// one of the next generation.
    pub fn snapshot(&mut self) -> Arc<Snapshot> {
        self.settle();
        if std::mem::take(&mut self.changed) {
            self.published = Arc::new(Snapshot {
                generation: self.published.generation + 1,
                cluster: self.config.cluster.clone(),
                domain: self.config.domain.clone(),
                mesh: self.mesh.clone(),
                features: self.config.features,
                services: self.by_age.clone(),
                namespaces: self.namespaces.clone(),
                virtual_services: self.configs.virtual_services.clone(),
                destination_rules: self.configs.destination_rules.clone(),
                gateways: self.configs.gateways.clone(),
                sidecars: self.configs.sidecars.clone(),
                networks: self.configs.networks.clone(),
                diagnostics: self.configs.diagnostics.clone(),
                objects: self.objects.clone(),
            });
        }
        self.published.clone()
    }

    /// How many endpoints are not served because the pod that they name is not known, or has finished.
    pub fn withheld_endpoints(&self) -> usize {
        self.withheld.values().sum()
    }

    /// Whether there is an object with this key.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        self.objects.get(key).or_else(|| self.inputs.get(key)).is_some()
    }

    fn put(&mut self, object: Object) {
        let old = self.table(object.kind()).insert(object.clone());
        if old.as_ref() != Some(&object) {
            self.note(old.as_ref(), Some(&object));
        }
    }

    fn take(&mut self, key: &ObjectKey) {
        if let Some(old) = self.table(key.kind).remove(key) {
            self.note(Some(&old), None);
        }
    }

    fn table(&mut self, kind: Kind) -> &mut Objects {
        match kind {
            Kind::Pod | Kind::Node | Kind::EndpointSlice | Kind::Endpoints => &mut self.inputs,
            _ => &mut self.objects,
        }
    }
}

/// The ids of objects.
fn ids<'a>(objects: impl Iterator<Item = &'a Object>) -> impl Iterator<Item = Id> {
    objects.map(Id::of)
}

impl Id {
    fn of(object: &Object) -> Id {
        let meta = object.meta();
        Id { namespace: meta.namespace.clone(), name: meta.name.clone() }
    }

    /// Another object of the same namespace.
    fn sibling(&self, name: &Str) -> Id {
        Id { namespace: self.namespace.clone(), name: name.clone() }
    }
}

#[cfg(test)]
mod tests;
