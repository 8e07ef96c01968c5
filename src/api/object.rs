//! One object of any kind that the project reads.

use std::sync::Arc;

use super::config::Config;
use super::core::{
    ConfigMap, EndpointSlice, Namespace, Node, Pod, Secret, Service, ServiceAccount,
};
use super::{Kind, Meta, ObjectKey};

/// An object. Cloning shares it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant is the kind of its name")]
pub enum Object {
    Namespace(Arc<Namespace>),
    Node(Arc<Node>),
    Pod(Arc<Pod>),
    Service(Arc<Service>),
    /// Of kind Endpoints, in the form of a slice.
    Endpoints(Arc<EndpointSlice>),
    EndpointSlice(Arc<EndpointSlice>),
    ServiceAccount(Arc<ServiceAccount>),
    Secret(Arc<Secret>),
    ConfigMap(Arc<ConfigMap>),
    /// Any of Istio's kinds.
    Config(Arc<Config>),
}

impl Object {
    /// Its metadata.
    pub fn meta(&self) -> &Meta {
        match self {
            Object::Namespace(o) => &o.meta,
            Object::Node(o) => &o.meta,
            Object::Pod(o) => &o.meta,
            Object::Service(o) => &o.meta,
            Object::Endpoints(o) | Object::EndpointSlice(o) => &o.meta,
            Object::ServiceAccount(o) => &o.meta,
            Object::Secret(o) => &o.meta,
            Object::ConfigMap(o) => &o.meta,
            Object::Config(o) => &o.meta,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Object::Namespace(_) => Kind::Namespace,
            Object::Node(_) => Kind::Node,
            Object::Pod(_) => Kind::Pod,
            Object::Service(_) => Kind::Service,
            Object::Endpoints(_) => Kind::Endpoints,
            Object::EndpointSlice(_) => Kind::EndpointSlice,
            Object::ServiceAccount(_) => Kind::ServiceAccount,
            Object::Secret(_) => Kind::Secret,
            Object::ConfigMap(_) => Kind::ConfigMap,
            Object::Config(o) => o.kind,
        }
    }

    /// Its key.
    pub fn key(&self) -> ObjectKey {
        let meta = self.meta();
        ObjectKey { kind: self.kind(), namespace: meta.namespace.clone(), name: meta.name.clone() }
    }
}
