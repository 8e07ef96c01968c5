//! A generated mesh of any size, for benchmarks and for tests that need many objects.
//!
//! Everything follows from the numbers given: no randomness, so that two runs measure the same.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use istiod::api::core::{
    EndpointSlice, Namespace, Node, Owner, Pod, Service, ServicePort, SliceEndpoint, SlicePort,
    TargetPort,
};
use istiod::api::{Change, Labels, Meta, Object, Str};
use istiod::model::{Locality, Proxy, ProxyKind};

/// How large the mesh is.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// Services, each with one HTTP port, spread over the namespaces.
    pub services: usize,
    /// Pods of each service.
    pub pods: usize,
    /// Namespaces.
    pub namespaces: usize,
}

impl World {
    /// Every object, as one source would tell it.
    pub fn changes(self) -> Vec<Change> {
        let namespaces = (0..self.namespaces).map(|n| {
            let meta = Meta { name: name("ns", n), ..Meta::default() };
            Object::Namespace(Arc::new(Namespace { meta, ..Namespace::default() }))
        });
        let nodes = (0..3).map(|n| {
            let labels = labels([
                ("topology.kubernetes.io/region", "region".to_owned()),
                ("topology.kubernetes.io/zone", format!("zone-{n}")),
            ]);
            let meta = Meta { name: name("node", n), labels, ..Meta::default() };
            Object::Node(Arc::new(Node { meta, ..Node::default() }))
        });
        let services = (0..self.services).flat_map(move |s| {
            let pods = (0..self.pods).map(move |p| Object::Pod(Arc::new(self.pod(s, p))));
            [
                Object::Service(Arc::new(self.service(s))),
                Object::EndpointSlice(Arc::new(self.slice(s, self.pods))),
            ]
            .into_iter()
            .chain(pods)
        });
        namespaces.chain(nodes).chain(services).map(Change::Apply).collect()
    }

    /// Service `s`.
    pub fn service(self, s: usize) -> Service {
        Service {
            meta: self.meta(s, name("service", s)),
            cluster_ips: vec![IpAddr::from(Ipv4Addr::from(0x0a60_0000 + s as u32 + 1))],
            ports: vec![ServicePort {
                name: "http".into(),
                port: 80,
                target: TargetPort::Number(8080),
                ..ServicePort::default()
            }],
            selector: labels([("app", format!("service-{s}"))]),
            ..Service::default()
        }
    }

    /// The slice of service `s` with the first `count` of its pods.
    pub fn slice(self, s: usize, count: usize) -> EndpointSlice {
        let service = name("service", s);
        EndpointSlice {
            meta: self.meta(s, format!("service-{s}-slice").into()),
            service,
            endpoints: (0..count)
                .map(|p| SliceEndpoint {
                    addresses: vec![self.pod_ip(s, p)],
                    ready: Some(true),
                    node_name: name("node", p % 3),
                    pod: self.pod_name(s, p),
                    ..SliceEndpoint::default()
                })
                .collect(),
            ports: vec![SlicePort { name: "http".into(), port: 8080, ..SlicePort::default() }],
            ..EndpointSlice::default()
        }
    }

    /// The proxy beside pod 0 of service `s`.
    pub fn proxy(self, s: usize) -> Proxy {
        let pod = self.pod(s, 0);
        let (name, namespace) = (pod.meta.name.clone(), pod.meta.namespace.clone());
        let ip = self.pod_ip(s, 0);
        Proxy {
            id: format!("sidecar~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local").into(),
            kind: ProxyKind::Sidecar,
            ips: vec![ip],
            workload_id: format!("{name}.{namespace}").into(),
            dns_domain: format!("{namespace}.svc.cluster.local").into(),
            cluster: "Kubernetes".into(),
            network: "".into(),
            locality: Locality::parse("region/zone-0"),
            labels: pod.meta.labels.clone(),
            service_account: "default".into(),
            node_name: pod.node_name.clone(),
            istio_version: "1.30.3".into(),
            envoy_version: "".into(),
            metadata: serde_json::Value::Object(serde_json::Map::new()),
            extensions: None,
            name,
            namespace,
        }
    }

    fn pod(self, s: usize, p: usize) -> Pod {
        let mut meta = self.meta(s, self.pod_name(s, p));
        meta.labels = labels([
            ("app", format!("service-{s}")),
            ("security.istio.io/tlsMode", "istio".to_owned()),
            ("service.istio.io/canonical-name", format!("service-{s}")),
            ("service.istio.io/canonical-revision", "v1".to_owned()),
        ]);
        Pod {
            meta,
            owner: Some(Owner {
                api_version: "apps/v1".into(),
                kind: "ReplicaSet".into(),
                name: format!("service-{s}-5d4f8c7b9").into(),
            }),
            node_name: name("node", p % 3),
            service_account: "default".into(),
            ips: vec![self.pod_ip(s, p)],
            ready: true,
            ..Pod::default()
        }
    }

    fn pod_name(self, s: usize, p: usize) -> Str {
        format!("service-{s}-5d4f8c7b9-{p:05}").into()
    }

    fn pod_ip(self, s: usize, p: usize) -> IpAddr {
        Ipv4Addr::from(0x0b00_0000 + (s * self.pods.max(1) + p) as u32 + 1).into()
    }

    fn meta(self, s: usize, name: Str) -> Meta {
        let namespace = self::name("ns", s % self.namespaces);
        Meta { name, namespace, ..Meta::default() }
    }
}

fn name(prefix: &str, n: usize) -> Str {
    format!("{prefix}-{n}").into()
}

fn labels<const N: usize>(pairs: [(&str, String); N]) -> Labels {
    pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect()
}
