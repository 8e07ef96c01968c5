//! The services that a namespace sees, and which traits of a proxy they make matter.
//!
//! Computed once for a namespace and snapshot: the scope of a connection is found again with every snapshot,
//! and must not look at every service each time.

use std::sync::Arc;

use super::endpoint::preference::Preference;
use crate::model::Service;
use crate::snapshot::Snapshot;

/// What a namespace sees.
#[derive(Clone, Debug)]
pub struct Visible {
    /// The services, oldest first.
    pub services: Arc<[Arc<Service>]>,
    /// One of them prefers near endpoints: the place of a client matters.
    pub near: bool,
    /// One of those asks for the client's node.
    pub near_node: bool,
    /// One of them is served on the client's own node only.
    pub node_local: bool,
}

impl Visible {
    /// By a client in `namespace`.
    pub fn of(snapshot: &Snapshot, namespace: &str) -> Visible {
        let services = snapshot.visible_services(namespace);
        let preferences = || services.iter().filter_map(|s| Preference::of(s));
        Visible {
            near: preferences().next().is_some(),
            near_node: preferences().any(Preference::needs_node),
            node_local: services.iter().any(|s| s.node_local),
            services,
        }
    }
}
