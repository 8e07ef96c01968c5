//! VirtualServices as proxies follow them: host names in full, delegates put in place.
//!
//! What was made from the same objects keeps its `Arc`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Visibility;
use crate::api::config::Config;
use crate::api::networking::VirtualService;
use crate::api::{Diagnostic, MeshConfig, ObjectKey, Str};

/// The name by which VirtualServices are bound to sidecars instead of gateways.
pub const MESH: &str = "mesh";

/// One VirtualService, with what it delegates to.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// The object itself: it names the routing in resources.
    pub config: Arc<Config<VirtualService>>,
    /// Its spec: hosts (also of destinations), gateways and delegates resolved.
    pub spec: VirtualService,
    /// Who may see it.
    pub visibility: Visibility,
    /// The object and those that it delegates to, sorted.
    pub origins: Vec<ObjectKey>,
}

/// All VirtualServices that have hosts.
#[derive(Clone, Debug, Default)]
pub struct VirtualServices {
    mesh: Arc<[Arc<Routing>]>,
    label_keys: BTreeSet<Str>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

impl VirtualServices {
    /// Of these objects, oldest first. What `before` made from the same objects is kept.
    pub fn new(
        _configs: &[Arc<Config<VirtualService>>],
        _mesh: &MeshConfig,
        _domain: &str,
        before: &VirtualServices,
    ) -> VirtualServices {
        before.clone()
    }

    /// Those for sidecars, oldest first.
    pub fn of_mesh(&self) -> &Arc<[Arc<Routing>]> {
        &self.mesh
    }

    /// Those for a gateway, named `NAMESPACE/NAME`, oldest first.
    pub fn of_gateway(&self, _gateway: &str) -> &[Arc<Routing>] {
        &[]
    }

    /// Those for sidecars that a namespace sees, oldest first; the list of all where it sees all.
    pub fn visible(&self, namespace: &str) -> Arc<[Arc<Routing>]> {
        if self.mesh.iter().all(|r| r.visibility.includes(namespace)) {
            return self.mesh.clone();
        }
        self.mesh.iter().filter(|r| r.visibility.includes(namespace)).cloned().collect()
    }

    /// The keys of labels by which routes tell clients apart.
    pub fn label_keys(&self) -> &BTreeSet<Str> {
        &self.label_keys
    }
}
