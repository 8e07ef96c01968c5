//! The kinds of `networking.istio.io`: what users write to route traffic.
//!
//! One file a kind: its types as the CRD spells them, and in a module below it what its objects must satisfy.
//! Fields are named and defaulted as in Istio's reference (<https://istio.io/latest/docs/reference/config/networking/>).
//! A protobuf `oneof` is one `Option` for each of its fields; that only one is set is validated, and types say
//! which counts. Unset numbers, texts and lists are their defaults; what tells unset from a default is an `Option`.

pub mod cipher;
pub mod common;
pub mod destination_rule;
pub mod envoy_filter;
pub mod gateway;
pub mod proxy_config;
pub mod service_entry;
pub mod sidecar;
pub mod virtual_service;
pub mod workload_entry;
pub mod workload_group;

pub use self::destination_rule::DestinationRule;
pub use self::envoy_filter::EnvoyFilter;
pub use self::gateway::Gateway;
pub use self::proxy_config::ProxyConfig;
pub use self::service_entry::ServiceEntry;
pub use self::sidecar::Sidecar;
pub use self::virtual_service::VirtualService;
pub use self::workload_entry::WorkloadEntry;
pub use self::workload_group::WorkloadGroup;
