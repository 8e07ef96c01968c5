//! The locks: one for each duty that only one replica may have at a time.
//!
//! Names and kinds of objects are istiod's, so that replicas of both programs never do the same work at once.
//! Most are annotations of ConfigMaps, for the sake of versions before Leases; those of a revision, of which
//! there are more, are Leases.

use crate::api::Str;

/// A lock, as one revision of the control plane uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The name of its object.
    pub name: Str,
    /// The kind of its object.
    pub kind: LockKind,
    /// Some revisions take it from others. A lock that each revision has of its own needs that not.
    pub prioritised: bool,
}

/// What kind of object a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// An annotation of a ConfigMap.
    ConfigMap,
    /// A Lease.
    Lease,
}

/// What only one replica may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Gives each namespace, or the cluster, the root certificate.
    RootCertificates,
    /// Exports services to other clusters.
    ServiceExports,
    /// Writes the status of Ingresses.
    IngressStatus,
    /// Writes what analysis finds to objects.
    Analysis,
    /// Takes the taint from nodes whose CNI plugin is ready.
    NodeUntaint,
    /// Writes the addresses of ServiceEntries.
    Addresses,
    /// Writes the status of objects of ambient meshes.
    AmbientStatus,
    /// Writes the status of the Gateway API's objects.
    GatewayStatus,
    /// Deploys Gateways.
    GatewayDeployment,
}

impl Duty {
    /// Its lock.
    pub fn lock(self, revision: &str) -> Lock {
        use LockKind::{ConfigMap, Lease};
        let (name, kind, own) = match self {
            Duty::RootCertificates => ("istio-namespace-controller-election", ConfigMap, false),
            Duty::ServiceExports => ("istio-serviceexport-controller-election", ConfigMap, false),
            Duty::IngressStatus => ("istio-leader", ConfigMap, false),
            Duty::Analysis => ("istio-analyze-leader", ConfigMap, false),
            Duty::NodeUntaint => ("istio-node-untaint", ConfigMap, false),
            Duty::Addresses => ("istio-ip-autoallocate", ConfigMap, false),
            Duty::AmbientStatus => ("istio-status-leader", Lease, false),
            Duty::GatewayStatus => ("istio-gateway-status-leader", Lease, true),
            Duty::GatewayDeployment => ("istio-gateway-deployment", Lease, true),
        };
        let name = if own { format!("{name}-{}", named(revision)).into() } else { name.into() };
        Lock { name, kind, prioritised: !own }
    }
}

/// The revision as locks and keys spell it: one that is not named is `default`.
pub fn named(revision: &str) -> &str {
    if revision.is_empty() { "default" } else { revision }
}

#[cfg(test)]
mod tests;
