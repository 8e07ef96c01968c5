//! What a client sees of the mesh, and which of its traits that makes matter.
//!
//! Computed once for a namespace, the Sidecar that applies there, and a snapshot: the scope of a connection is found
//! again with every snapshot, and must not look at every service each time. Lists that are as they were keep their
//! `Arc`, as builders look their results up by it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::endpoint::preference::Preference;
use super::memo::Same;
use crate::api::Str;
use crate::api::config::Config;
use crate::api::networking::Sidecar;
use crate::model::{Routing, Rules, Service, VirtualServices};
use crate::snapshot::Snapshot;

/// See the module.
#[derive(Clone, Debug)]
pub struct Visible {
    inputs: Inputs,
    /// All services that it imports, oldest first.
    pub services: Arc<[Arc<Service>]>,
    /// How it reaches them: the egress listeners of its Sidecar, or one for everything.
    pub egress: Arc<[Egress]>,
    /// The labels of a client by which something that it sees may tell it from others.
    pub label_keys: Arc<BTreeSet<Str>>,
    /// One of the services prefers near endpoints: the place of a client matters.
    pub near: bool,
    /// One of those asks for the client's node.
    pub near_node: bool,
    /// One of the services is served on the client's own node only.
    pub node_local: bool,
}

/// What is reached through one egress listener of a Sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Egress {
    /// Its place in the Sidecar; None for everything that no Sidecar narrows.
    pub listener: Option<usize>,
    /// The services, oldest first.
    pub services: Same<[Arc<Service>]>,
    /// The VirtualServices that sidecars follow, oldest first.
    pub routing: Same<[Arc<Routing>]>,
}

/// All that a `Visible` was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inputs {
    namespace: Str,
    sidecar: Option<Same<Config<Sidecar>>>,
    services: Same<[Arc<Service>]>,
    virtual_services: Same<VirtualServices>,
    rules: Same<Rules>,
}

impl Visible {
    /// By a client in `namespace` to which `sidecar` applies. `before` is what such a client saw last.
    pub fn of(
        snapshot: &Snapshot,
        namespace: &Str,
        sidecar: Option<&Arc<Config<Sidecar>>>,
        before: Option<&Visible>,
    ) -> Visible {
        let inputs = Inputs {
            namespace: namespace.clone(),
            sidecar: sidecar.cloned().map(Same),
            services: Same(snapshot.services.clone()),
            virtual_services: Same(snapshot.virtual_services.clone()),
            rules: Same(snapshot.destination_rules.clone()),
        };
        if let Some(same) = before.filter(|before| before.inputs == inputs) {
            return same.clone();
        }
        let services = snapshot.visible_services(namespace);
        let services = kept(services, before.map(|b| &b.services));
        let routing = snapshot.virtual_services.visible(namespace);
        let old = before.and_then(|b| b.egress.first()).map(|egress| &egress.routing.0);
        let routing = kept(routing, old);
        let preferences = || services.iter().filter_map(|s| Preference::of(s));
        let keys =
            [snapshot.virtual_services.label_keys(), snapshot.destination_rules.label_keys()];
        Visible {
            inputs,
            near: preferences().next().is_some(),
            near_node: preferences().any(Preference::needs_node),
            node_local: services.iter().any(|s| s.node_local),
            label_keys: Arc::new(keys.into_iter().flatten().cloned().collect()),
            egress: [Egress {
                listener: None,
                services: Same(services.clone()),
                routing: Same(routing),
            }]
            .into(),
            services,
        }
    }
}

/// The list before, if the new one has the same elements.
fn kept<T>(new: Arc<[Arc<T>]>, before: Option<&Arc<[Arc<T>]>>) -> Arc<[Arc<T>]> {
    match before {
        Some(old)
            if old.len() == new.len() && old.iter().zip(&*new).all(|(a, b)| Arc::ptr_eq(a, b)) =>
        {
            old.clone()
        }
        _ => new,
    }
}
