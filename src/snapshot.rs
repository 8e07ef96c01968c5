//! The immutable state of the mesh at one moment.
//!
//! The store publishes one after each batch of changes; everything right of it reads nothing else. Every
//! value is an `Arc`, and what did not change keeps its `Arc` from snapshot to snapshot: comparing pointers
//! tells what changed. Holds no logic beyond look-ups; knows neither sources nor Envoy.

pub mod objects;
pub mod published;
pub mod shared_ends;
pub mod shared_map;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::objects::Objects;
pub use self::published::{Changed, Publisher, Snapshots};
pub use self::shared_ends::shared_ends;
pub use self::shared_map::SharedMap;
use crate::api::jwks::KeySets;
use crate::api::{Diagnostic, Features, Labels, MeshConfig, Str, core};
use crate::model::policy::request::RequestPolicies;
use crate::model::{
    AuthorizationPolicies, Credentials, Gateways, Networks, Peers, Proxy, Rules, Service,
    ServiceEndpoints, ServiceKey, ServiceTarget, Sidecars, VirtualServices, Workload,
};

/// All that translation reads.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Counts up by one with each snapshot; 0 before the first.
    pub generation: u64,
    /// The id of the cluster that this process belongs to (`--clusterID`).
    pub cluster: Str,
    /// The DNS suffix of Kubernetes services (`--domain`), such as `cluster.local`.
    pub domain: Str,
    /// The mesh configuration.
    pub mesh: Arc<MeshConfig>,
    /// What the operator of the control plane decides for all proxies; the same in every snapshot.
    pub features: Features,
    /// All services, the oldest first (`model::service::sort_by_age`).
    pub services: Arc<[Arc<Service>]>,
    /// What belongs to each namespace: services and their endpoints of all clusters, and the workloads of the own one.
    pub namespaces: Arc<Namespaces>,
    /// The workloads of the other clusters that have any.
    pub remotes: Arc<BTreeMap<Str, Arc<Workloads>>>,
    /// Routes of hosts.
    pub virtual_services: Arc<VirtualServices>,
    /// How clients speak to hosts.
    pub destination_rules: Arc<Rules>,
    /// What gateways listen on.
    pub gateways: Arc<Gateways>,
    /// What sidecars accept and reach.
    pub sidecars: Arc<Sidecars>,
    /// Who may do what.
    pub authorization_policies: Arc<AuthorizationPolicies>,
    /// What clusters are made of, by their ids. Translation does not read it.
    pub platforms: Arc<BTreeMap<Str, Arc<Platform>>>,
    /// What Secrets and ConfigMaps hold for TLS.
    pub credentials: Arc<Credentials>,
    /// How networks reach each other.
    pub networks: Arc<Networks>,
    /// Which connections workloads take.
    pub peers: Arc<Peers>,
    /// Which tokens of requests are believed.
    pub request_policies: Arc<RequestPolicies>,
    /// The keys of issuers that were fetched.
    pub key_sets: Arc<KeySets>,
    /// All roots of the mesh in PEM, sorted; None where agents are not told of them.
    pub trust_anchors: Option<Arc<[Str]>>,
    /// What is to be said of objects, whoever is connected, sorted. Translation adds what only proxies show.
    pub diagnostics: Arc<[Diagnostic]>,
    /// The objects themselves, for those who list them, but not those that are read only to derive what is
    /// in `namespaces` and `credentials`: pods, nodes, endpoints and their slices, Secrets and ConfigMaps. Translation
    /// does not read them.
    pub objects: Objects,
}

/// The derived state of all namespaces, by name.
pub type Namespaces = BTreeMap<Str, Arc<NamespaceState>>;

/// What a cluster is made of, as far as injection asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// The version of each node's kubelet.
    pub kubelets: BTreeMap<Str, Str>,
    /// What the platform wrote on namespaces; those without it are absent.
    pub namespaces: BTreeMap<Str, Labels>,
}

/// The derived state of one namespace.
#[derive(Clone, Debug, Default)]
pub struct NamespaceState {
    /// The namespace object, if there is one.
    pub object: Option<Arc<core::Namespace>>,
    /// Its services, the oldest first.
    pub services: Arc<[Arc<Service>]>,
    /// The endpoints of its services, by host name. A service without endpoints may be absent.
    pub endpoints: SharedMap<Str, Arc<ServiceEndpoints>>,
    /// Its workloads in the own cluster, by name.
    pub workloads: SharedMap<Str, WorkloadState>,
}

/// The workloads of a cluster, by namespace and name.
pub type Workloads = BTreeMap<Str, SharedMap<Str, WorkloadState>>;

/// A workload and the services that it is behind.
#[derive(Clone, Debug)]
pub struct WorkloadState {
    /// The workload.
    pub workload: Arc<Workload>,
    /// The services that select it, oldest first, their ports in order. Ports of UDP are left out, as no
    /// proxy listens on them, and so are ports whose target the workload does not have.
    pub targets: Arc<[ServiceTarget]>,
}

impl Snapshot {
    /// Whether both are the same to translation, by pointer: they differ at most in what only people and controllers
    /// read, such as the status of an object.
    pub fn translates_like(&self, other: &Snapshot) -> bool {
        // All fields are named, so that a new one is put on its side here.
        let Snapshot {
            generation: _,
            diagnostics: _,
            objects: _,
            platforms: _,
            // Who serves secrets follows them.
            credentials: _,
            cluster,
            domain,
            mesh,
            features,
            services,
            namespaces,
            remotes,
            virtual_services,
            destination_rules,
            gateways,
            sidecars,
            authorization_policies,
            networks,
            peers,
            request_policies,
            key_sets,
            trust_anchors,
        } = self;
        (cluster, domain, features) == (&other.cluster, &other.domain, &other.features)
            // Few, and seldom others.
            && *trust_anchors == other.trust_anchors
            && Arc::ptr_eq(mesh, &other.mesh)
            && Arc::ptr_eq(services, &other.services)
            && Arc::ptr_eq(namespaces, &other.namespaces)
            && Arc::ptr_eq(remotes, &other.remotes)
            && Arc::ptr_eq(virtual_services, &other.virtual_services)
            && Arc::ptr_eq(destination_rules, &other.destination_rules)
            && Arc::ptr_eq(gateways, &other.gateways)
            && Arc::ptr_eq(sidecars, &other.sidecars)
            && Arc::ptr_eq(authorization_policies, &other.authorization_policies)
            && Arc::ptr_eq(networks, &other.networks)
            && Arc::ptr_eq(peers, &other.peers)
            && Arc::ptr_eq(request_policies, &other.request_policies)
            && Arc::ptr_eq(key_sets, &other.key_sets)
    }

    /// The endpoints of a service.
    pub fn endpoints(&self, key: &ServiceKey) -> Option<&Arc<ServiceEndpoints>> {
        self.namespaces.get(&key.namespace)?.endpoints.get(&key.hostname)
    }

    /// The services whose endpoints are not those of an earlier snapshot's namespaces. Called for each list of
    /// services that is served, so that what did not change may cost no more than a comparison of pointers.
    pub fn endpoint_changes(&self, before: &Namespaces) -> Vec<ServiceKey> {
        let none = SharedMap::default();
        let mut changes = Vec::new();
        let mut note = |namespace: &Str,
                        new: Option<&NamespaceState>,
                        old: Option<&NamespaceState>| {
            let of = |state: Option<&NamespaceState>| {
                state.map_or_else(|| none.clone(), |state| state.endpoints.clone())
            };
            let hosts =
                of(new).differences(&of(old), Arc::ptr_eq).into_iter().cloned().collect::<Vec<_>>();
            changes.extend(hosts.into_iter().map(|hostname| {
                let namespace = namespace.clone();
                ServiceKey { hostname, namespace }
            }));
        };
        let mut olds = before.iter().peekable();
        for (name, new) in self.namespaces.iter() {
            // A state belongs to one namespace: where it is the same, so is the name.
            if olds.next_if(|(_, old)| Arc::ptr_eq(old, new)).is_some() {
                continue;
            }
            while let Some((gone, old)) = olds.next_if(|(other, _)| *other < name) {
                note(gone, None, Some(old));
            }
            let old = olds.next_if(|(other, _)| *other == name).map(|(_, old)| old);
            if !old.is_some_and(|old| Arc::ptr_eq(old, new)) {
                note(name, Some(new), old.map(|old| &**old));
            }
        }
        olds.for_each(|(gone, old)| note(gone, None, Some(old)));
        changes
    }

    /// A workload of a cluster by the namespace and name of its pod. An empty cluster means the own one.
    pub fn workload(&self, cluster: &str, namespace: &str, name: &str) -> Option<&WorkloadState> {
        if cluster.is_empty() || *cluster == *self.cluster {
            return self.namespaces.get(namespace)?.workloads.get(name);
        }
        self.remotes.get(cluster)?.get(namespace)?.get(name)
    }

    /// Whether a workload of a service account runs on a node of a cluster. An empty cluster means the own one.
    pub fn runs_on(&self, cluster: &str, node: &str, namespace: &str, account: &str) -> bool {
        let workloads = if cluster.is_empty() || *cluster == *self.cluster {
            self.namespaces.get(namespace).map(|state| &state.workloads)
        } else {
            self.remotes.get(cluster).and_then(|workloads| workloads.get(namespace))
        };
        let there = |state: &WorkloadState| {
            *state.workload.node_name == *node && *state.workload.service_account == *account
        };
        workloads.is_some_and(|workloads| workloads.iter().any(|(_, state)| there(state)))
    }

    /// The workload that a proxy runs beside, or in: that of the WorkloadEntry that it stands for, which is where
    /// configuration is, else that of its pod.
    pub fn workload_of(&self, proxy: &Proxy) -> Option<&WorkloadState> {
        let entry = proxy.workload_entry();
        let entry = entry.and_then(|key| self.workload("", &key.namespace, &key.name));
        entry.or_else(|| self.workload(&proxy.cluster, &proxy.namespace, &proxy.name))
    }
}
