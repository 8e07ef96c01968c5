//! Endpoint assignments (EDS).
//!
//! One for each port that has a cluster with EDS, memoised on the port's own list of endpoints: a pod that
//! comes or goes touches the assignments of its services and nothing else. Of the proxy only that counts which
//! the service depends on, so that most assignments are shared by all proxies of the mesh.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/endpoint/v3/endpoint.proto>

pub mod assignment;
pub mod preference;
pub mod select;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::preference::Preference;
use self::select::{Audience, Mesh, Reach};
use super::cluster::discovery::Discovery;
use super::cluster::ports;
use super::memo::{Counts, Recent, ResourceMemo, Same};
use super::resource::Resource;
use super::translator::{Built, Context};
use crate::api::{MeshConfig, ObjectKey, Str};
use crate::model::Service;
use crate::proto::encode;
use crate::proto::envoy::envoy::config::endpoint::v3::ClusterLoadAssignment;
use crate::snapshot::{NamespaceState, Snapshot};

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {
    lists: Recent<ListKey, Vec<Arc<Resource>>>,
    assignments: ResourceMemo<assignment::Key>,
    /// The origins of services without endpoints.
    no_origins: Arc<[ObjectKey]>,
}

/// What the assignments of all services depend on. Scopes of different namespaces mostly agree in it, so
/// that only the first of them looks at every service after a change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ListKey {
    services: Same<[Arc<Service>]>,
    /// Stands for the endpoints of all services.
    namespaces: Same<BTreeMap<Str, Arc<NamespaceState>>>,
    /// Tells which services are local to a cluster.
    mesh: Same<MeshConfig>,
    audience: Audience,
}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {
        self.lists.sweep();
        self.assignments.sweep();
    }

    /// How many assignments were built, and how many were found.
    pub fn counts(&self) -> Counts {
        self.assignments.counts()
    }
}

/// The assignment of every cluster that finds its endpoints by EDS.
pub fn assignments(context: &Context<'_>, memos: &mut Memos) -> Built {
    let Context { snapshot, scope, services, .. } = *context;
    let mesh = Mesh::of(snapshot);
    let key = ListKey {
        services: Same(services.clone()),
        namespaces: Same(snapshot.namespaces.clone()),
        mesh: Same(snapshot.mesh.clone()),
        audience: Audience::of(scope, &mesh),
    };
    let Memos { lists, assignments, no_origins } = memos;
    let built = lists.get(key, |key| of_services(snapshot, key, &mesh, no_origins, assignments));
    Built { resources: built.to_vec(), diagnostics: Vec::new() }
}

/// The assignments of services, sorted by name.
fn of_services(
    snapshot: &Snapshot,
    list: &ListKey,
    mesh: &Mesh<'_>,
    no_origins: &Arc<[ObjectKey]>,
    memo: &mut ResourceMemo<assignment::Key>,
) -> Vec<Arc<Resource>> {
    let audience = &list.audience;
    let mut built = Vec::new();
    for service in list.services.0.iter() {
        let endpoints = snapshot.endpoints(&service.key);
        let reach = Reach::of(audience, service, mesh);
        let preference = Preference::of(service).map(|p| (p, audience.place_for(p)));
        for (index, port, discovery) in ports(service, audience.kind, &snapshot.features) {
            if discovery != Discovery::Eds {
                continue;
            }
            let key = assignment::Key {
                service: Same(service.clone()),
                port: index,
                endpoints: endpoints.and_then(|e| e.by_port.get(&port.name)).cloned().map(Same),
                origins: endpoints.map_or(no_origins, |e| &e.origins).clone(),
                reach: reach.clone(),
                preference: preference.clone(),
                home: snapshot.cluster.clone(),
                telemetry: snapshot.features.telemetry && snapshot.features.endpoint_telemetry,
            };
            built.push(memo.get(key, |key| assignment::resource(key, port)));
        }
    }
    built.sort_by(|a, b| a.name.cmp(&b.name));
    built
}

/// The assignment of a cluster that does not exist: it ends the wait of an Envoy that asked for it.
pub fn absent(name: &str) -> Resource {
    let assignment =
        ClusterLoadAssignment { cluster_name: name.into(), ..ClusterLoadAssignment::default() };
    Resource::new(name.into(), encode::encode(&assignment), [])
}
