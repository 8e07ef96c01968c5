//! A small mesh for tests of builders: snapshots that share what did not change, as the store's do.

pub mod plain;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::capability::Capabilities;
use super::hosts::Hosts;
use super::proxy_config::ProxyConfig;
use super::resource::{Resource, ResourceType};
use super::rules;
use super::scope::Scope;
use super::translator::{Built, Context};
use super::visible::{self, Viewpoint, Visible};
use crate::api::config::Config;
use crate::api::core::TargetPort;
use crate::api::networking::DestinationRule;
use crate::api::proto_json::ProtoJson;
use crate::api::security::PeerAuthentication;
use crate::api::{Features, Kind, MeshConfig, Meta, ObjectKey, Str};
use crate::model::identity::spiffe;
use crate::model::service::sort_by_age;
use crate::model::{
    Address, Bare, Endpoint, EndpointTraits, Health, Locality, Networks, Peers, Port, Protocol,
    Proxy, ProxyKind, Registry, Rules, Service, ServiceEndpoints, ServiceKey, ServiceTarget,
    TlsMode, Workload,
};
use crate::proto::json::{Names, to_json};
use crate::snapshot::{NamespaceState, Snapshot, WorkloadState};

/// A mesh that can be changed. Each [`World::snapshot`] is one generation.
#[derive(Debug, Default)]
pub struct World {
    /// In the order in which they were added.
    pub services: Vec<Arc<Service>>,
    /// The mesh configuration.
    pub mesh: Arc<MeshConfig>,
    /// How networks reach each other.
    pub networks: Arc<Networks>,
    endpoints: BTreeMap<ServiceKey, Arc<ServiceEndpoints>>,
    workloads: BTreeMap<(Str, Str), WorkloadState>,
    configs: Vec<Arc<Config<DestinationRule>>>,
    rules: Arc<Rules>,
    policies: Vec<Arc<Config<PeerAuthentication>>>,
    peers: Arc<Peers>,
    generation: u64,
}

impl World {
    /// An empty mesh with this configuration.
    pub fn new(mesh: MeshConfig) -> World {
        World { mesh: Arc::new(mesh), ..World::default() }
    }

    /// Adds a service, or replaces the one of its key.
    pub fn apply(&mut self, service: Service) {
        self.services.retain(|s| s.key != service.key);
        self.services.push(Arc::new(service));
    }

    /// Adds a DestinationRule, such as `web.default`, or replaces the one of its name. The spec is as users write it.
    pub fn rule(&mut self, name: &str, host: &str, spec: Value) {
        let (name, namespace) = name.split_once('.').expect("NAME.NAMESPACE");
        let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
        let mut spec = DestinationRule::deserialize(ProtoJson(spec)).expect("a spec");
        spec.host = host.into();
        let new = Arc::new(Config { meta, spec, status: () });
        self.configs.retain(|config| config.key() != new.key());
        self.configs.push(new);
        let (mesh, features) = (&self.mesh, Features::default());
        self.rules =
            Arc::new(Rules::new(&self.configs, mesh, "cluster.local", &features, &self.rules));
    }

    /// Adds a PeerAuthentication, such as `default.shop`, or replaces the one of its name. The spec is as users write it.
    pub fn peer(&mut self, name: &str, spec: Value) {
        let (name, namespace) = name.split_once('.').expect("NAME.NAMESPACE");
        let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
        let spec = PeerAuthentication::deserialize(ProtoJson(spec)).expect("a spec");
        let new = Arc::new(Config { meta, spec, status: () });
        self.policies.retain(|config| config.key() != new.key());
        self.policies.push(new);
        self.peers = Arc::new(Peers::new(&self.policies, &self.mesh.root_namespace, &self.peers));
    }

    /// Sets the endpoints of a service: the same on each of its ports.
    pub fn serve(&mut self, service: &Service, endpoints: Vec<Endpoint>) {
        for port in &service.ports {
            self.serve_port(service, &port.name, endpoints.clone());
        }
    }

    /// Sets the endpoints of one port; the lists of other ports stay.
    pub fn serve_port(&mut self, service: &Service, port: &str, endpoints: Vec<Endpoint>) {
        let before = self.endpoints.get(&service.key).cloned().unwrap_or_default();
        let mut by_port = before.by_port.clone();
        by_port.insert(port.into(), endpoints.into());
        let all = || by_port.values().flat_map(|list| list.iter());
        let workloads = || all().filter_map(|e| e.workload.as_ref());
        let mut identities: Vec<Str> = workloads().map(|w| w.identity.clone()).collect();
        identities.sort();
        identities.dedup();
        let traits = EndpointTraits {
            identities: identities.into(),
            all_mtls: all().next().is_some()
                && all().all(|e| e.workload.as_ref().is_some_and(|w| w.tls_mode == TlsMode::Istio)),
        };
        let same = *before.traits == traits;
        let traits = if same { before.traits.clone() } else { Arc::new(traits) };
        let origin = ObjectKey {
            kind: Kind::EndpointSlice,
            namespace: service.key.namespace.clone(),
            name: format!("{}-1", service.name).into(),
        };
        let endpoints = ServiceEndpoints { by_port, traits, origins: [origin].into() };
        self.endpoints.insert(service.key.clone(), Arc::new(endpoints));
    }

    /// Adds a workload that these services lead to, by port index and target port.
    pub fn run(&mut self, workload: &Arc<Workload>, targets: &[(&ServiceKey, usize, u16)]) {
        let find = |key: &ServiceKey| self.services.iter().find(|s| s.key == *key).cloned();
        let targets = targets.iter().map(|(key, port, target_port)| ServiceTarget {
            service: find(key).expect("the service was added before"),
            port: *port,
            target_port: *target_port,
        });
        let state = WorkloadState { workload: workload.clone(), targets: targets.collect() };
        self.workloads.insert((workload.namespace.clone(), workload.name.clone()), state);
    }

    /// The next snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        self.generation += 1;
        let mut services = self.services.clone();
        sort_by_age(&mut services);
        let mut namespaces: BTreeMap<Str, NamespaceState> = BTreeMap::new();
        for service in &services {
            let state = namespaces.entry(service.key.namespace.clone()).or_default();
            state.services = state.services.iter().chain([service]).cloned().collect();
        }
        for (key, endpoints) in &self.endpoints {
            let state = namespaces.entry(key.namespace.clone()).or_default();
            state.endpoints.insert(key.hostname.clone(), endpoints.clone());
        }
        for ((namespace, name), workload) in &self.workloads {
            let state = namespaces.entry(namespace.clone()).or_default();
            state.workloads.insert(name.clone(), workload.clone());
        }
        Snapshot {
            generation: self.generation,
            cluster: "Kubernetes".into(),
            domain: "cluster.local".into(),
            mesh: self.mesh.clone(),
            networks: self.networks.clone(),
            services: services.into(),
            destination_rules: self.rules.clone(),
            peers: self.peers.clone(),
            namespaces: Arc::new(
                namespaces.into_iter().map(|(name, state)| (name, Arc::new(state))).collect(),
            ),
            ..Snapshot::default()
        }
    }
}

/// A Kubernetes service, such as `reviews.default`, with ports by name, number and protocol.
pub fn service(name: &str, ports: &[(&str, u16, Protocol)]) -> Service {
    let (short, namespace) = name.split_once('.').expect("NAME.NAMESPACE");
    let origin = ObjectKey { kind: Kind::Service, namespace: namespace.into(), name: short.into() };
    let port = |&(name, number, protocol): &(&str, u16, Protocol)| Port {
        name: name.into(),
        number,
        protocol,
        target: TargetPort::Number(number),
    };
    let key = ServiceKey {
        hostname: format!("{name}.svc.cluster.local").into(),
        namespace: namespace.into(),
    };
    let ports = ports.iter().map(port).collect();
    Service { ports, ..Service::new(key, Registry::Kubernetes, origin) }
}

/// A pod with a sidecar, such as `reviews-v1.default`, that runs at `region/zone` on `NODE`.
pub fn workload(name: &str, locality: &str, node: &str) -> Workload {
    let (short, namespace) = name.split_once('.').expect("NAME.NAMESPACE");
    let app = short.split('-').next().unwrap_or_default();
    Workload {
        name: short.into(),
        namespace: namespace.into(),
        labels: BTreeMap::new(),
        all_labels: BTreeMap::new(),
        ips: Vec::new(),
        locality: Locality::parse(locality),
        node_name: node.into(),
        network: Str::default(),
        cluster: "Kubernetes".into(),
        identity: spiffe("cluster.local", namespace, app),
        service_account: app.into(),
        workload_name: short.into(),
        canonical_name: app.into(),
        canonical_revision: "v1".into(),
        hostname: Str::default(),
        subdomain: Str::default(),
        tls_mode: TlsMode::Istio,
        origin: ObjectKey { kind: Kind::Pod, namespace: namespace.into(), name: short.into() },
    }
}

/// A healthy endpoint of a workload.
pub fn endpoint(address: &str, port: u16, workload: &Arc<Workload>) -> Endpoint {
    Endpoint {
        address: Address::parse(address),
        additional: Vec::new(),
        port,
        health: Health::Healthy,
        weight: 1,
        node_name: workload.node_name.clone(),
        hostname: Str::default(),
        workload: Some(workload.clone()),
        // Counts for those that a test takes the workload from.
        bare: Some(Arc::new(Bare { cluster: "Kubernetes".into(), network: Str::default() })),
    }
}

/// A proxy beside the pod `NAME.NAMESPACE`, with this address.
pub fn proxy(kind: ProxyKind, name: &str, ip: &str) -> Proxy {
    let (short, namespace) = name.split_once('.').expect("NAME.NAMESPACE");
    let dns_domain = format!("{namespace}.svc.cluster.local");
    Proxy {
        id: format!("{}~{ip}~{name}~{dns_domain}", kind.name()).into(),
        kind,
        ips: vec![ip.parse::<IpAddr>().expect("an address")],
        workload_id: name.into(),
        name: short.into(),
        namespace: namespace.into(),
        dns_domain: dns_domain.into(),
        cluster: "Kubernetes".into(),
        network: Str::default(),
        locality: Locality::default(),
        labels: BTreeMap::new(),
        service_account: Str::default(),
        node_name: Str::default(),
        istio_version: Str::default(),
        envoy_version: Str::default(),
        metadata: serde_json::Value::Null,
        extensions: None,
    }
}

/// The scope of a sidecar of the namespace `default`, after a change.
pub fn scope(snapshot: &Snapshot, change: impl FnOnce(&mut Proxy)) -> Scope {
    let mut proxy = proxy(ProxyKind::Sidecar, "client.default", "10.0.0.1");
    change(&mut proxy);
    let visible = visible(snapshot, Viewpoint::of(&proxy, snapshot));
    let config = ProxyConfig::of(&proxy, &snapshot.mesh);
    Scope::of(&proxy, snapshot, &visible, Capabilities::of(&proxy), &config)
}

/// A resource's message as JSON, fields named as in the proto.
pub fn json(kind: ResourceType, resource: &Resource) -> Value {
    to_json(kind.type_url(), &resource.body, Names::Proto).expect("a message of its type")
}

/// Part of a JSON document, by its JSON pointer; null when there is none.
pub fn at<'a>(json: &'a Value, pointer: &str) -> &'a Value {
    json.pointer(pointer).unwrap_or(&Value::Null)
}

/// What is seen from a viewpoint.
pub fn visible(snapshot: &Snapshot, viewpoint: Viewpoint) -> Visible {
    Visible::of(snapshot, &viewpoint, None, &mut visible::Memos::default())
}

/// From where the proxies of a scope look.
pub fn viewpoint(scope: &Scope) -> Viewpoint {
    Viewpoint {
        namespace: scope.namespace.clone(),
        sidecar: scope.sidecar.clone(),
        gateway: scope.kind != ProxyKind::Sidecar,
    }
}

/// Builds with all that the scope sees.
pub fn build<B: Into<Arc<Built>>>(
    snapshot: &Snapshot,
    scope: &Scope,
    builder: impl FnOnce(&Context<'_>) -> B,
) -> Built {
    let visible = visible(snapshot, viewpoint(scope));
    let rules = rules::Memos::default().find(snapshot, scope, &visible.services);
    let hosts = Arc::new(Hosts::new(&visible.services));
    let services = &visible.services;
    let (visible, hosts, rules) = (&visible, &hosts, &rules);
    let context = Context { snapshot, scope, services, visible, hosts, rules, before: None };
    Arc::unwrap_or_clone(builder(&context).into())
}

/// A built resource by name, as JSON.
pub fn find(built: &Built, kind: ResourceType, name: &str) -> Option<Value> {
    built.resources.iter().find(|r| *r.name == *name).map(|r| json(kind, r))
}
