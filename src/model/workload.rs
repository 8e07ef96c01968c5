//! Workloads: the running instances, pods for instance, that serve endpoints and carry proxies.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Locality, Service};
use crate::api::{Labels, ObjectKey, Str};

/// A running instance. All endpoints that it serves share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name (the pod's).
    pub name: Str,
    /// Its namespace.
    pub namespace: Str,
    /// Its own labels.
    pub labels: Labels,
    /// `labels` with locality, cluster, network and host name added: what subsets select on.
    pub all_labels: Labels,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
    /// Where it runs.
    pub locality: Locality,
    /// The node; empty when unknown.
    pub node_name: Str,
    /// The network; empty for the default one.
    pub network: Str,
    /// The cluster that it belongs to.
    pub cluster: Str,
    /// Its SPIFFE identity; empty when it has none.
    pub identity: Str,
    /// The account behind the identity.
    pub service_account: Str,
    /// The name of the Deployment, StatefulSet and so on that owns it.
    pub workload_name: Str,
    /// `service.istio.io/canonical-name` or its fallbacks.
    pub canonical_name: Str,
    /// `service.istio.io/canonical-revision` or its fallbacks; empty when there is none, or `latest`, which
    /// says the same.
    pub canonical_revision: Str,
    /// `spec.hostname` and `spec.subdomain` of the pod: its name in a headless service.
    pub hostname: Str,
    /// See `hostname`.
    pub subdomain: Str,
    /// Whether it takes mTLS.
    pub tls_mode: TlsMode,
    /// The object that it was made from.
    pub origin: ObjectKey,
}

/// The label `security.istio.io/tlsMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsMode {
    /// No sidecar takes mTLS.
    #[default]
    Disabled,
    /// A sidecar does.
    Istio,
}

/// A service that a workload is behind, through one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTarget {
    /// The service.
    pub service: Arc<Service>,
    /// Index of the port in `service.ports`.
    pub port: usize,
    /// The number on which the workload serves it.
    pub target_port: u16,
}
