//! One object of any kind that the project reads.

use std::sync::Arc;

use super::config::Config;
use super::core::{
    ConfigMap, EndpointSlice, Namespace, Node, Pod, Secret, Service, ServiceAccount,
};
use super::extensions::{TrafficExtension, WasmPlugin};
use super::networking::{
    DestinationRule, EnvoyFilter, Gateway, ProxyConfig, ServiceEntry, Sidecar, VirtualService,
    WorkloadEntry, WorkloadGroup,
};
use super::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use super::telemetry::Telemetry;
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
    VirtualService(Arc<Config<VirtualService>>),
    DestinationRule(Arc<Config<DestinationRule>>),
    Gateway(Arc<Config<Gateway>>),
    ServiceEntry(Arc<Config<ServiceEntry>>),
    WorkloadEntry(Arc<Config<WorkloadEntry>>),
    WorkloadGroup(Arc<Config<WorkloadGroup>>),
    Sidecar(Arc<Config<Sidecar>>),
    PeerAuthentication(Arc<Config<PeerAuthentication>>),
    RequestAuthentication(Arc<Config<RequestAuthentication>>),
    AuthorizationPolicy(Arc<Config<AuthorizationPolicy>>),
    EnvoyFilter(Arc<Config<EnvoyFilter>>),
    ProxyConfig(Arc<Config<ProxyConfig>>),
    Telemetry(Arc<Config<Telemetry>>),
    WasmPlugin(Arc<Config<WasmPlugin>>),
    TrafficExtension(Arc<Config<TrafficExtension>>),
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
            Object::VirtualService(o) => &o.meta,
            Object::DestinationRule(o) => &o.meta,
            Object::Gateway(o) => &o.meta,
            Object::ServiceEntry(o) => &o.meta,
            Object::WorkloadEntry(o) => &o.meta,
            Object::WorkloadGroup(o) => &o.meta,
            Object::Sidecar(o) => &o.meta,
            Object::PeerAuthentication(o) => &o.meta,
            Object::RequestAuthentication(o) => &o.meta,
            Object::AuthorizationPolicy(o) => &o.meta,
            Object::EnvoyFilter(o) => &o.meta,
            Object::ProxyConfig(o) => &o.meta,
            Object::Telemetry(o) => &o.meta,
            Object::WasmPlugin(o) => &o.meta,
            Object::TrafficExtension(o) => &o.meta,
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
            Object::VirtualService(_) => Kind::VirtualService,
            Object::DestinationRule(_) => Kind::DestinationRule,
            Object::Gateway(_) => Kind::Gateway,
            Object::ServiceEntry(_) => Kind::ServiceEntry,
            Object::WorkloadEntry(_) => Kind::WorkloadEntry,
            Object::WorkloadGroup(_) => Kind::WorkloadGroup,
            Object::Sidecar(_) => Kind::Sidecar,
            Object::PeerAuthentication(_) => Kind::PeerAuthentication,
            Object::RequestAuthentication(_) => Kind::RequestAuthentication,
            Object::AuthorizationPolicy(_) => Kind::AuthorizationPolicy,
            Object::EnvoyFilter(_) => Kind::EnvoyFilter,
            Object::ProxyConfig(_) => Kind::ProxyConfig,
            Object::Telemetry(_) => Kind::Telemetry,
            Object::WasmPlugin(_) => Kind::WasmPlugin,
            Object::TrafficExtension(_) => Kind::TrafficExtension,
        }
    }

    /// Its key.
    pub fn key(&self) -> ObjectKey {
        let meta = self.meta();
        ObjectKey { kind: self.kind(), namespace: meta.namespace.clone(), name: meta.name.clone() }
    }

    /// The spec of an object of one of Istio's kinds, as protobuf writes JSON; None for other objects.
    pub fn spec(&self) -> Option<serde_json::Value> {
        let spec = match self {
            Object::VirtualService(o) => serde_json::to_value(&o.spec),
            Object::DestinationRule(o) => serde_json::to_value(&o.spec),
            Object::Gateway(o) => serde_json::to_value(&o.spec),
            Object::ServiceEntry(o) => serde_json::to_value(&o.spec),
            Object::WorkloadEntry(o) => serde_json::to_value(&o.spec),
            Object::WorkloadGroup(o) => serde_json::to_value(&o.spec),
            Object::Sidecar(o) => serde_json::to_value(&o.spec),
            Object::PeerAuthentication(o) => serde_json::to_value(&o.spec),
            Object::RequestAuthentication(o) => serde_json::to_value(&o.spec),
            Object::AuthorizationPolicy(o) => serde_json::to_value(&o.spec),
            Object::EnvoyFilter(o) => serde_json::to_value(&o.spec),
            Object::ProxyConfig(o) => serde_json::to_value(&o.spec),
            Object::Telemetry(o) => serde_json::to_value(&o.spec),
            Object::WasmPlugin(o) => serde_json::to_value(&o.spec),
            Object::TrafficExtension(o) => serde_json::to_value(&o.spec),
            _ => return None,
        };
        spec.ok()
    }
}
