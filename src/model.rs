//! What the mesh is made of: services, endpoints, workloads and the proxies that connect.
//!
//! Owns the domain types between the objects of `api` and Envoy's. Knows neither Kubernetes' nor Envoy's
//! wire forms, does no IO and holds no state: the store builds these values, snapshots share them.

pub mod caller;
pub mod credential;
pub mod destination_rule;
pub mod endpoint;
pub mod gateway;
pub mod identity;
pub mod locality;
pub mod network;
pub mod policy;
pub mod proxy;
pub mod references;
pub mod report;
pub mod rivals;
pub mod service;
pub mod sidecar;
pub mod virtual_service;
pub mod workload;

pub use self::caller::Caller;
pub use self::credential::{Credential, Credentials};
pub use self::destination_rule::{MergedRule, Rules};
pub use self::endpoint::{Address, Bare, Endpoint, EndpointTraits, Health, ServiceEndpoints};
pub use self::gateway::Gateways;
pub use self::locality::Locality;
pub use self::network::{NetworkGateway, NetworkGateways, Networks};
pub use self::policy::AuthorizationPolicies;
pub use self::policy::peer::Peers;
pub use self::proxy::{Proxy, ProxyKind};
pub use self::service::{Port, Registry, Resolution, Service, ServiceKey, Visibility};
pub use self::sidecar::Sidecars;
pub use self::virtual_service::{Routing, VirtualServices};
pub use self::workload::{ServiceTarget, TlsMode, Workload};
pub use crate::api::{Block, Protocol};
