//! A small world for the tests of builders: services, endpoints and scopes in a line each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::capability::Capabilities;
use super::scope::{Families, Interception, Scope};
use super::translator::Context;
use crate::api::core::TargetPort;
use crate::api::mesh::OutboundPolicy;
use crate::api::{Kind, MeshConfig, ObjectKey};
use crate::model::proxy::Extension;
use crate::model::service::sort_by_age;
use crate::model::{
    Endpoint, Health, Port, Protocol, Proxy, ProxyKind, Registry, Resolution, Service,
    ServiceEndpoints, ServiceKey, Visibility, Workload,
};
use crate::snapshot::{NamespaceState, Snapshot};

/// The cluster of everything in the world.
pub(super) const CLUSTER: &str = "Kubernetes";

/// A service `NAME.NAMESPACE` as old as `age` seconds make it (the smallest is the oldest). `addresses` are
/// its virtual ones, `None` for a headless service, none at all for one that has none yet. Protocols follow
/// from the names of its ports.
pub(super) fn service(age: i64, host: &str, addresses: &[&str], ports: &[(&str, u16)]) -> Service {
    let (name, namespace) = host.split_once('.').unwrap();
    let headless = addresses == ["None"];
    let ips: Vec<IpAddr> =
        addresses.iter().filter(|_| !headless).map(|ip| ip.parse().unwrap()).collect();
    let port = |(name, number): &(&str, u16)| Port {
        name: (*name).into(),
        number: *number,
        protocol: match *name {
            name if name.starts_with("udp") => Protocol::Udp,
            name => Protocol::of_port(Default::default(), "", name, *number),
        },
        target: TargetPort::Number(*number),
    };
    Service {
        key: ServiceKey {
            hostname: format!("{name}.{namespace}.svc.cluster.local").into(),
            namespace: namespace.into(),
        },
        name: name.into(),
        registry: Registry::Kubernetes,
        resolution: if headless { Resolution::Passthrough } else { Resolution::ClientSideLb },
        ports: ports.iter().map(port).collect(),
        addresses: if ips.is_empty() {
            BTreeMap::new()
        } else {
            BTreeMap::from([(CLUSTER.into(), ips)])
        },
        visibility: Visibility::Public,
        mesh_external: false,
        service_accounts: Vec::new(),
        labels: BTreeMap::new(),
        selector: BTreeMap::new(),
        created: Some(jiff::Timestamp::from_second(age).unwrap()),
        aliases: Vec::new(),
        external_name: "".into(),
        node_local: false,
        traffic_distribution: "".into(),
        publish_not_ready: false,
        external_addresses: Vec::new(),
        origin: ObjectKey::new(Kind::Service, namespace, name),
    }
}

/// A healthy endpoint.
pub(super) fn endpoint(address: &str, hostname: &str) -> Endpoint {
    Endpoint {
        address: address.parse().unwrap(),
        additional: Vec::new(),
        port: 1,
        health: Health::Healthy,
        weight: 1,
        node_name: "".into(),
        hostname: hostname.into(),
        workload: None,
    }
}

/// A snapshot of these services, without endpoints.
pub(super) fn snapshot(services: impl IntoIterator<Item = Service>) -> Snapshot {
    let mut services: Vec<Arc<Service>> = services.into_iter().map(Arc::new).collect();
    sort_by_age(&mut services);
    Snapshot {
        generation: 1,
        cluster: CLUSTER.into(),
        domain: "cluster.local".into(),
        mesh: Arc::new(MeshConfig {
            metrics_providers: vec!["prometheus".into()],
            ..MeshConfig::default()
        }),
        services: services.into(),
        ..Snapshot::default()
    }
}

/// The snapshot with endpoints behind all ports of the service `NAME.NAMESPACE`.
pub(super) fn with_endpoints(snapshot: Snapshot, host: &str, endpoints: &[Endpoint]) -> Snapshot {
    let (name, namespace) = host.split_once('.').unwrap();
    let service = snapshot
        .services
        .iter()
        .find(|s| *s.name == *name && *s.key.namespace == *namespace)
        .unwrap()
        .clone();
    let by_port = service.ports.iter().map(|port| (port.name.clone(), endpoints.into())).collect();
    let mut namespaces = (*snapshot.namespaces).clone();
    let old = namespaces.get(namespace).map(|state| (**state).clone());
    let mut state: NamespaceState = old.unwrap_or_default();
    Arc::make_mut(&mut state.endpoints).insert(
        service.key.hostname.clone(),
        Arc::new(ServiceEndpoints { by_port, ..ServiceEndpoints::default() }),
    );
    namespaces.insert(namespace.into(), Arc::new(state));
    Snapshot { namespaces: Arc::new(namespaces), ..snapshot }
}

/// The scope of sidecars in a namespace that intercept IPv4 traffic and have everything.
pub(super) fn scope(namespace: &str) -> Scope {
    Scope {
        kind: ProxyKind::Sidecar,
        namespace: namespace.into(),
        dns_domain: format!("{namespace}.svc.cluster.local").into(),
        cluster: CLUSTER.into(),
        network: "".into(),
        families: Families { v4: true, v6: false },
        capabilities: Capabilities::ALL,
        interception: Interception::Redirect,
        place: None,
        node: None,
        dns_capture: false,
        outbound_policy: OutboundPolicy::AllowAny,
        http_proxy: false,
    }
}

/// What builders read of a snapshot for a scope.
pub(super) fn context<'a>(snapshot: &'a Snapshot, scope: &'a Scope) -> Context<'a> {
    Context { snapshot, scope, services: &snapshot.services }
}

/// A sidecar whose Envoy lists these extensions.
pub(super) fn proxy_with_extensions(names: &[&str]) -> Proxy {
    Proxy {
        id: "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local".into(),
        kind: ProxyKind::Sidecar,
        ips: Vec::new(),
        workload_id: "web.shop".into(),
        name: "web".into(),
        namespace: "shop".into(),
        dns_domain: "shop.svc.cluster.local".into(),
        cluster: CLUSTER.into(),
        network: "".into(),
        locality: Default::default(),
        labels: BTreeMap::new(),
        service_account: "".into(),
        node_name: "".into(),
        istio_version: "".into(),
        envoy_version: "".into(),
        metadata: serde_json::Value::Null,
        extensions: Some(
            names.iter().map(|n| Extension { name: (*n).into(), type_urls: Vec::new() }).collect(),
        ),
    }
}

/// A workload `NAME.NAMESPACE`.
pub(super) fn workload(name: &str) -> Workload {
    let (name, namespace) = name.split_once('.').unwrap();
    Workload {
        name: name.into(),
        namespace: namespace.into(),
        labels: BTreeMap::new(),
        all_labels: BTreeMap::new(),
        ips: Vec::new(),
        locality: Default::default(),
        node_name: "".into(),
        network: "".into(),
        cluster: CLUSTER.into(),
        identity: "".into(),
        service_account: "".into(),
        workload_name: name.into(),
        canonical_name: name.into(),
        canonical_revision: "".into(),
        hostname: "".into(),
        subdomain: "".into(),
        tls_mode: Default::default(),
        origin: ObjectKey::new(Kind::Pod, namespace, name),
    }
}
