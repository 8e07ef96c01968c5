//! What has to be derived again.

use std::collections::BTreeSet;

use super::{ClusterRef, Id};
use crate::api::Kind;

/// The work that changes left behind, by step. Sorted, so that work is done in an order that does not depend
/// on the order of events.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    /// Istio's kinds whose index is to be made again.
    pub(super) kinds: BTreeSet<Kind>,
    /// What is to be said of Secrets and ConfigMaps may be something else.
    pub(super) credentials: bool,
    /// The clusters of which nodes or namespaces changed.
    pub(super) platforms: BTreeSet<ClusterRef>,
    /// The gateways of networks are to be found again.
    pub(super) networks: bool,
    /// Services whose selector changed: the pods that they select now are yet to be found.
    pub(super) selectors: BTreeSet<Id>,
    /// Services to derive again.
    pub(super) services: BTreeSet<Id>,
    /// Pods whose workload, and the services that select them, are to be derived again.
    pub(super) pods: BTreeSet<Id>,
    /// Services whose endpoints are to be derived again.
    pub(super) endpoints: BTreeSet<Id>,
    /// Pods whose targets are to be derived again.
    pub(super) targets: BTreeSet<Id>,
}
