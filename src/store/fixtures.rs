//! Objects for tests, as short as they can be told.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::Config;
use super::cluster::Cluster;
use crate::api::config::{self, Spec};
use crate::api::core::{
    ContainerPort, EndpointSlice, Namespace, Node, Owner, Pod, Service, ServicePort, SliceEndpoint,
    SlicePort, TargetPort, Transport,
};
use crate::api::{Change, Labels, Meta, Object};

pub(super) fn meta(namespace: &str, name: &str) -> Meta {
    Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() }
}

/// From `key=value` words.
pub(super) fn labels(words: &str) -> Labels {
    let pairs = words.split_whitespace().filter_map(|word| word.split_once('='));
    pairs.map(|(key, value)| (key.into(), value.into())).collect()
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// With a virtual address and one port, `http` 80 to 8080.
pub(super) fn service(namespace: &str, name: &str, selector: &str) -> Service {
    Service {
        meta: meta(namespace, name),
        cluster_ips: vec![ip("10.96.0.1")],
        ports: vec![service_port("http", 80, TargetPort::Number(8080))],
        selector: labels(selector),
        ..Service::default()
    }
}

pub(super) fn service_port(name: &str, port: u16, target: TargetPort) -> ServicePort {
    ServicePort { name: name.into(), port, target, ..ServicePort::default() }
}

/// Ready, with one address and a container port `web` 8080.
pub(super) fn pod(namespace: &str, name: &str, address: &str, own_labels: &str) -> Pod {
    Pod {
        meta: Meta { labels: labels(own_labels), ..meta(namespace, name) },
        node_name: "node-a".into(),
        ips: vec![ip(address)],
        ready: true,
        ports: vec![ContainerPort { name: "web".into(), port: 8080, protocol: Transport::Tcp }],
        ..Pod::default()
    }
}

pub(super) fn owner(kind: &str, name: &str) -> Option<Owner> {
    Some(Owner { api_version: "apps/v1".into(), kind: kind.into(), name: name.into() })
}

/// Of the service's only port `http`, 8080 in the pods.
pub(super) fn slice(
    namespace: &str,
    name: &str,
    service: &str,
    endpoints: Vec<SliceEndpoint>,
) -> EndpointSlice {
    EndpointSlice {
        meta: meta(namespace, name),
        service: service.into(),
        endpoints,
        ports: vec![SlicePort { name: "http".into(), port: 8080, transport: Transport::Tcp }],
        ..EndpointSlice::default()
    }
}

/// Of a pod; of none when `pod` is empty.
pub(super) fn endpoint(address: &str, pod: &str) -> SliceEndpoint {
    SliceEndpoint { addresses: vec![ip(address)], pod: pod.into(), ..SliceEndpoint::default() }
}

pub(super) fn node(name: &str, own_labels: &str) -> Node {
    Node { meta: Meta { labels: labels(own_labels), ..meta("", name) }, ..Node::default() }
}

pub(super) fn namespace(name: &str, own_labels: &str) -> Namespace {
    Namespace {
        meta: Meta { labels: labels(own_labels), ..meta("", name) },
        ..Namespace::default()
    }
}

pub(super) fn config() -> Config {
    Config {
        cluster: "Kubernetes".into(),
        domain: "cluster.local".into(),
        system_namespace: "istio-system".into(),
        ..Config::default()
    }
}

/// The own cluster, without objects.
pub(super) fn cluster() -> Cluster {
    Cluster { name: config().cluster, ..Cluster::default() }
}

/// The object `NAMESPACE/NAME` of one of Istio's kinds.
pub(super) fn put<S: Spec>(name: &str, spec: Value) -> Change {
    let (namespace, name) = name.split_once('/').expect("NAMESPACE/NAME");
    let spec = serde_json::from_value(spec).expect("a spec");
    let config = config::Config { meta: meta(namespace, name), spec, ..config::Config::default() };
    apply(S::object(Arc::new(config)))
}

pub(super) fn apply(object: impl Into<Object>) -> Change {
    Change::Apply(object.into())
}

pub(super) fn remove(object: impl Into<Object>) -> Change {
    Change::Remove(object.into().key())
}

macro_rules! objects {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Object {
            fn from(object: $kind) -> Object {
                Object::$kind(Arc::new(object))
            }
        })*
    };
}

objects!(Namespace, Node, Pod, Service, EndpointSlice);
