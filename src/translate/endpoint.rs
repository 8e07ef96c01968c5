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

use std::sync::Arc;

use self::preference::{Place, Preference};
use self::select::{Mesh, Reach};
use super::cluster::discovery::Discovery;
use super::cluster::ports;
use super::memo::{Counts, ResourceMemo, Same};
use super::resource::Resource;
use super::scope::Scope;
use super::translator::{Built, Context};
use crate::api::{ObjectKey, Str};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::endpoint::v3::ClusterLoadAssignment;

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {
    assignments: ResourceMemo<assignment::Key>,
    /// The origins of services without endpoints.
    no_origins: Arc<[ObjectKey]>,
}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {
        self.assignments.sweep();
    }

    /// How many assignments were built, and how many were found.
    pub fn counts(&self) -> Counts {
        self.assignments.counts()
    }
}

/// The assignment of every cluster that finds its endpoints by EDS.
pub fn assignments(context: &Context<'_>, memos: &mut Memos) -> Built {
    let Context { snapshot, scope, services } = *context;
    let mesh = Mesh::of(snapshot);
    let mut built = Built::default();
    for service in services {
        let endpoints = snapshot.endpoints(&service.key);
        let reach = Reach::of(scope, service, &mesh);
        let preference = Preference::of(service).map(|p| (p, place(scope, p)));
        for (index, port, discovery) in ports(service, scope.kind) {
            if discovery != Discovery::Eds {
                continue;
            }
            let key = assignment::Key {
                service: Same(service.clone()),
                port: index,
                endpoints: endpoints.and_then(|e| e.by_port.get(&port.name)).cloned().map(Same),
                origins: endpoints.map_or(&memos.no_origins, |e| &e.origins).clone(),
                reach: reach.clone(),
                preference: preference.clone(),
                home: snapshot.cluster.clone(),
            };
            built.resources.push(memos.assignments.get(key, |key| assignment::resource(key, port)));
        }
    }
    built
}

/// Where the proxies of a scope run, as far as the preference asks.
fn place(scope: &Scope, preference: Preference) -> Place {
    let mut place = scope.place.clone().unwrap_or_default();
    if !preference.needs_node() {
        place.node = Str::default();
    }
    place
}

/// The assignment of a cluster that does not exist: it ends the wait of an Envoy that asked for it.
pub fn absent(name: &str) -> Resource {
    let assignment =
        ClusterLoadAssignment { cluster_name: name.into(), ..ClusterLoadAssignment::default() };
    Resource::new(name.into(), encode::encode(&assignment), [])
}
