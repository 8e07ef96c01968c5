//! The one writer: from changes of objects to immutable snapshots.
//!
//! [`Store`] holds all objects and what is derived from them, and recomputes only what a change touches.
//! Does no IO and knows no clock, so that any order of the same changes gives the same snapshot; the task
//! that owns it is `writer`, and `pacer` decides when it publishes.
//!
//! Derivation goes one way: objects → services → workloads → endpoints → targets. Each step compares with
//! what it made before and keeps the old `Arc` where nothing differs; only a difference reaches the next
//! step. Each step is a pure function in a module of its own; `changes` marks where it starts again, and
//! `derive` runs what is marked. What several clusters have of one service is put together by `merge`.

mod allocate;
mod attached;
mod changes;
mod clashes;
mod cluster;
mod configs;
mod credentials;
mod derive;
mod derive_entries;
mod dirty;
mod endpoints;
mod entries;
#[cfg(test)]
mod fixtures;
mod id;
mod instances;
mod lookup;
mod merge;
mod networks;
pub mod pacer;
mod platforms;
mod references;
mod relation;
mod selected;
mod selectors;
mod service;
mod service_entry;
mod targets;
pub mod trial;
mod workload;
mod workload_entry;
pub mod writer;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::cluster::Cluster;
use self::configs::Configs;
use self::dirty::Dirty;
use self::entries::Entries;
use self::id::{ClusterRef, Id};
use self::merge::Merged;
use self::relation::Relation;
use crate::api::config::Spec;
use crate::api::jwks::{KeySets, Wanted};
use crate::api::security::RequestAuthentication;
use crate::api::{Change, Features, Kind, MeshConfig, Object, ObjectKey, Str};
use crate::model::policy::request::wanted_by;
use crate::model::{Credentials, Service};
use crate::snapshot::{NamespaceState, Objects, Platform, Snapshot};

/// What a store needs to know of its process.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The id of the own cluster (`--clusterID`), from which configuration comes.
    pub cluster: Str,
    /// The DNS suffix of Kubernetes services (`--domain`).
    pub domain: Str,
    /// The namespace of the control plane, whose label `topology.istio.io/network` is the network of pods
    /// that have no such label.
    pub system_namespace: Str,
    /// What the operator of the control plane decides for all proxies.
    pub features: Features,
}

/// All objects, and what is derived from them.
#[derive(Debug)]
pub struct Store {
    config: Config,
    mesh: Arc<MeshConfig>,
    /// The objects that snapshots list.
    objects: Objects,
    own: Cluster,
    /// The other clusters.
    remotes: BTreeMap<ClusterRef, Cluster>,

    /// The slices and Endpoints objects of each service.
    slices: HashMap<Id, BTreeSet<(Kind, Str)>>,
    /// The services that each pod is selected by.
    selects: Relation<Id, Id>,
    /// The pods that each service's slices name, whether they exist or not.
    names: Relation<Id, Id>,
    /// The node of each pod.
    runs_on: Relation<Id, Id>,
    /// ExternalName services by the host that they stand for.
    aliases: HashMap<Str, BTreeSet<Id>>,
    /// How many endpoints of each service wait for their pod; services without such are absent.
    withheld: HashMap<Id, usize>,
    /// How many endpoints came to be withheld since somebody asked.
    newly_withheld: u64,

    /// The service of each object.
    services: BTreeMap<Id, Arc<Service>>,
    merged: Merged,
    by_age: Arc<[Arc<Service>]>,
    namespaces: Arc<BTreeMap<Str, Arc<NamespaceState>>>,
    configs: Configs,
    credentials: Arc<Credentials>,
    platforms: Arc<BTreeMap<Str, Arc<Platform>>>,
    /// The roots of the mesh, where agents are told of them.
    trust_anchors: Option<Arc<[Str]>>,
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
            own: Cluster { name: config.cluster.clone(), ..Cluster::default() },
            remotes: BTreeMap::new(),
            config,
            mesh: Arc::default(),
            objects: Objects::default(),
            slices: HashMap::new(),
            selects: Relation::default(),
            names: Relation::default(),
            runs_on: Relation::default(),
            aliases: HashMap::new(),
            withheld: HashMap::new(),
            newly_withheld: 0,
            services: BTreeMap::new(),
            merged: Merged::default(),
            by_age: Arc::default(),
            namespaces: Arc::default(),
            configs: Configs::default(),
            credentials: Arc::default(),
            platforms: Arc::default(),
            trust_anchors: None,
            gateways: BTreeSet::new(),
            entries: Entries::default(),
            dirty: Dirty::default(),
            changed: true,
            published: Arc::default(),
        }
    }

    /// Takes changes of the own cluster in. What follows from them is computed by the next `snapshot`, once for all
    /// of them.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.take_in(change, &ClusterRef::OWN);
        }
    }

    /// Takes changes of another cluster in. Of kinds that only the own one decides, they do not count.
    pub fn apply_remote(&mut self, cluster: &Str, changes: impl IntoIterator<Item = Change>) {
        let cluster = self.remote_ref(cluster);
        for change in changes {
            if cluster::is_shared(change.kind(), &self.config.features) {
                self.take_in(change, &cluster);
            }
        }
    }

    /// Forgets another cluster.
    pub fn remove_cluster(&mut self, cluster: &Str) {
        let gone = self.remote_keys(cluster);
        self.apply_remote(cluster, gone.into_iter().map(Change::Remove));
    }

    /// Takes a new mesh configuration in.
    pub fn set_mesh(&mut self, mesh: Arc<MeshConfig>) {
        if self.mesh == mesh {
            return;
        }
        let identities = self.mesh.trust_domain != mesh.trust_domain;
        if identities {
            self.dirty.pods.extend(self.ids_of_kind(Kind::Pod));
            self.mark_all_entries();
        }
        if self.mesh.default_service_export_to != mesh.default_service_export_to {
            self.entries.dirty.services.extend(self.ids_of_kind(Kind::ServiceEntry));
        }
        if identities || self.mesh.default_service_export_to != mesh.default_service_export_to {
            self.dirty.services.extend(self.ids_of_kind(Kind::Service));
        }
        let networks = self.mesh.networks != mesh.networks;
        self.mesh = mesh;
        if networks {
            self.dirty.networks = true;
            let clusters: Vec<ClusterRef> = self.clusters().map(|(c, _)| c.clone()).collect();
            for cluster in clusters {
                self.find_membership(&cluster);
            }
        }
        self.dirty.kinds.extend([
            Kind::VirtualService,
            Kind::DestinationRule,
            Kind::PeerAuthentication,
            Kind::RequestAuthentication,
            Kind::AuthorizationPolicy,
        ]);
        self.changed = true;
    }

    /// Takes the state of fetched keys in. Whether it is another one.
    pub fn set_key_sets(&mut self, keys: Arc<KeySets>) -> bool {
        let changed = self.configs.key_sets != keys;
        if changed {
            self.configs.key_sets = keys;
            self.dirty.kinds.insert(Kind::RequestAuthentication);
            self.changed = true;
        }
        changed
    }

    /// Takes the roots of the mesh in. Whether they are others.
    pub fn set_trust_anchors(&mut self, anchors: Option<Arc<[Str]>>) -> bool {
        let changed = self.trust_anchors != anchors;
        if changed {
            self.trust_anchors = anchors;
            self.changed = true;
        }
        changed
    }

    /// The keys that are to be fetched for the objects of the last snapshot.
    pub fn wanted_keys(&self) -> Arc<Wanted> {
        self.configs.request_policies.wanted.clone()
    }

    /// The keys that would be to be fetched for another object.
    pub fn keys_wanted_by(&self, object: &Object) -> Wanted {
        let Some(config) = RequestAuthentication::of(object) else { return Wanted::new() };
        let fetcher = self.config.features.jwks_fetcher;
        wanted_by(&config.spec, fetcher, &self.configs.references.hosts)
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
                remotes: self.remote_workloads(),
                virtual_services: self.configs.virtual_services.clone(),
                destination_rules: self.configs.destination_rules.clone(),
                gateways: self.configs.gateways.clone(),
                sidecars: self.configs.sidecars.clone(),
                authorization_policies: self.configs.authorization_policies.clone(),
                platforms: self.platforms.clone(),
                credentials: self.credentials.clone(),
                networks: self.configs.networks.clone(),
                peers: self.configs.peers.clone(),
                request_policies: self.configs.request_policies.clone(),
                key_sets: self.configs.key_sets.clone(),
                trust_anchors: self.trust_anchors.clone(),
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

    /// How many endpoints there were since the last call that came before the pod that they name.
    pub fn take_newly_withheld(&mut self) -> u64 {
        std::mem::take(&mut self.newly_withheld)
    }

    /// Whether there is an object with this key in the own cluster, or in another one.
    pub fn contains(&self, remote: Option<&Str>, key: &ObjectKey) -> bool {
        let cluster = remote.map_or(ClusterRef::OWN, ClusterRef::remote);
        self.find(key.kind, &cluster.id(&key.namespace, &key.name)).is_some()
    }

    fn take_in(&mut self, change: Change, cluster: &ClusterRef) {
        let objects = self.objects_of_mut(change.kind(), cluster);
        match change {
            Change::Apply(object) => {
                let old = objects.insert(object.clone());
                if old.as_ref() != Some(&object) {
                    self.note(cluster, old.as_ref(), Some(&object));
                }
            }
            Change::Remove(key) => {
                if let Some(old) = objects.remove(&key) {
                    self.note(cluster, Some(&old), None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
