//! Extension providers and the clusters that they are asked through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::mesh::ExtAuthz;
use crate::api::{MeshConfig, ObjectKey, Str};
use crate::model::Service;

/// The usable ones, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Providers(BTreeMap<Str, Provider>);

/// One that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Provider {
    /// What the mesh says of it.
    pub settings: ExtAuthz,
    /// The host of its service.
    pub host: Str,
    /// The object that defines the service.
    pub origin: ObjectKey,
}

impl Providers {
    /// Those of a mesh with these services. Names that come twice are nobody's.
    pub fn of(mesh: &MeshConfig, services: &[Arc<Service>]) -> Providers {
        let (mut usable, mut seen) = (BTreeMap::new(), BTreeSet::new());
        for settings in &mesh.ext_authz {
            let name = settings.name.clone();
            if !seen.insert(name.clone()) {
                usable.remove(&name);
                continue;
            }
            let sound = settings.flaws().is_empty();
            if let Some(service) = service(&settings.service, services).filter(|_| sound) {
                let (host, origin) = (service.key.hostname.clone(), service.origin.clone());
                usable.insert(name, Provider { settings: settings.clone(), host, origin });
            }
        }
        Providers(usable)
    }

    /// By name.
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }
}

/// `NAMESPACE/HOST`, or a host that is of one namespace only.
fn service<'a>(name: &str, services: &'a [Arc<Service>]) -> Option<&'a Arc<Service>> {
    let (namespace, host) = match name.split_once('/') {
        Some((namespace, host)) => (Some(namespace), host),
        None => (None, name),
    };
    let meant = |service: &&Arc<Service>| {
        let key = &service.key;
        *key.hostname == *host && namespace.is_none_or(|namespace| *key.namespace == *namespace)
    };
    let mut found = services.iter().filter(meant);
    let first = found.next()?;
    found.all(|other| other.key.namespace == first.key.namespace).then_some(first)
}
