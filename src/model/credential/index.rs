//! All credentials, by cluster and object.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Credential;
use crate::api::{ObjectKey, Str};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    own: Objects,
    remotes: BTreeMap<Str, Objects>,
}

type Objects = BTreeMap<ObjectKey, Arc<Credential>>;

impl Credentials {
    /// What an object holds; of the own cluster where none is named.
    pub fn find(&self, cluster: Option<&str>, object: &ObjectKey) -> Option<&Arc<Credential>> {
        let objects = cluster.map_or(Some(&self.own), |cluster| self.remotes.get(cluster));
        objects?.get(object)
    }

    /// All of the own cluster.
    pub fn own(&self) -> impl Iterator<Item = &Arc<Credential>> {
        self.own.values()
    }

    /// Puts what an object holds in the place of what it held.
    pub fn insert(&mut self, cluster: Option<&Str>, credential: Arc<Credential>) {
        let objects = match cluster {
            None => &mut self.own,
            Some(cluster) => self.remotes.entry(cluster.clone()).or_default(),
        };
        objects.insert(credential.object.clone(), credential);
    }

    /// Forgets an object.
    pub fn remove(&mut self, cluster: Option<&Str>, object: &ObjectKey) {
        let Some(cluster) = cluster else {
            self.own.remove(object);
            return;
        };
        let Some(objects) = self.remotes.get_mut(cluster) else { return };
        objects.remove(object);
        if objects.is_empty() {
            self.remotes.remove(cluster);
        }
    }

    /// All of them, with the cluster of those that are not of the own one.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&Str>, &Arc<Credential>)> {
        let own = self.own.values().map(|credential| (None, credential));
        let remotes = self.remotes.iter().flat_map(|(cluster, objects)| {
            objects.values().map(move |credential| (Some(cluster), credential))
        });
        own.chain(remotes)
    }
}
