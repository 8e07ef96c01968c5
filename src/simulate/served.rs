//! The resources that a proxy is served, decoded when they are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;

use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::endpoint::v3::ClusterLoadAssignment;
use crate::proto::envoy::envoy::config::listener::v3::Listener;
use crate::proto::envoy::envoy::config::route::v3::RouteConfiguration;
use crate::translate::{Resource, ResourceType, View};

/// A resource, decoded.
#[derive(Clone, Debug)]
pub struct Part<M> {
    /// As it is served.
    pub resource: Arc<Resource>,
    /// What it says.
    pub message: M,
}

/// All that a proxy is served.
#[derive(Debug, Default)]
pub struct Served {
    listeners: Vec<Part<Listener>>,
    others: BTreeMap<ResourceType, BTreeMap<String, Arc<Resource>>>,
    view: Option<View>,
}

impl Served {
    /// What a view has, names that do not exist included: those are answered too.
    pub fn of(view: &View) -> Served {
        let all = ResourceType::ALL.into_iter();
        let resources = all.flat_map(|kind| view.items(kind).map(move |r| (kind, r.clone())));
        Served { view: Some(view.clone()), ..Served::new(resources) }
    }

    /// These resources. One that is no message of its type is left out, as a proxy would refuse it.
    pub fn new(resources: impl IntoIterator<Item = (ResourceType, Arc<Resource>)>) -> Served {
        let mut served = Served::default();
        for (kind, resource) in resources {
            if kind == ResourceType::Listener {
                served.listeners.extend(decode(resource));
            } else {
                let name = resource.name.to_string();
                served.others.entry(kind).or_default().entry(name).or_insert(resource);
            }
        }
        served
    }

    /// The listeners, by name.
    pub fn listeners(&self) -> &[Part<Listener>] {
        &self.listeners
    }

    /// A route configuration by name.
    pub fn route(&self, name: &str) -> Option<Part<RouteConfiguration>> {
        self.get(ResourceType::Route, name)
    }

    /// A cluster by name.
    pub fn cluster(&self, name: &str) -> Option<Part<Cluster>> {
        self.get(ResourceType::Cluster, name)
    }

    /// The assignment of a name.
    pub fn assignment(&self, name: &str) -> Option<Part<ClusterLoadAssignment>> {
        self.get(ResourceType::Endpoint, name)
    }

    /// The resource itself, as it would be asked for.
    pub(super) fn raw(&self, kind: ResourceType, name: &str) -> Option<Arc<Resource>> {
        let known = self.others.get(&kind).and_then(|names| names.get(name));
        known.cloned().or_else(|| self.view.as_ref()?.absent(kind, name).map(Arc::new))
    }

    fn get<M: Message + Default>(&self, kind: ResourceType, name: &str) -> Option<Part<M>> {
        self.raw(kind, name).and_then(decode)
    }
}

fn decode<M: Message + Default>(resource: Arc<Resource>) -> Option<Part<M>> {
    let message = M::decode(resource.body.clone()).ok()?;
    Some(Part { resource, message })
}
