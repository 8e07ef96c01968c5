//! The WorkloadEntry of a proxy that registers itself: what its group and its node say.

use std::sync::Arc;

use serde_json::{Value, json};

use super::entry::{CONNECTED, GROUP, REPLICA};
use crate::api::config::Config;
use crate::api::networking::{WorkloadEntry, WorkloadGroup};
use crate::api::{Kind, Labels, Meta, ObjectKey, Str};
use crate::model::Proxy;
use crate::model::report::HEALTH_CHECKED;

/// The label by which a workload tells its locality, which is no value that a label may have.
const LOCALITY: &str = "istio-locality";

/// An entry that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Its key.
    pub key: ObjectKey,
    labels: Labels,
    annotations: Labels,
    spec: WorkloadEntry,
    /// Name and UID of the group, with which it goes.
    owner: (Str, Str),
}

impl Made {
    /// That of a proxy in its group. Labels of the node count before those of the group's metadata, and these before
    /// those of its template.
    pub fn of(key: ObjectKey, proxy: &Proxy, group: &Config<WorkloadGroup>) -> Made {
        let mut spec = group.spec.template.clone().unwrap_or_default();
        let metadata = group.spec.metadata.clone().unwrap_or_default();
        spec.address = proxy.ips.first().map(|ip| ip.to_string().into()).unwrap_or_default();
        spec.labels.extend(metadata.labels);
        spec.labels.extend(proxy.labels.clone());
        spec.labels.remove(LOCALITY);
        if !proxy.network.is_empty() {
            spec.network = proxy.network.clone();
        }
        if let Some(locality) = locality(proxy) {
            spec.locality = locality;
        }
        let mut annotations = Labels::from([(GROUP.into(), group.meta.name.clone())]);
        annotations.extend(metadata.annotations);
        let probe = proxy.metadata.pointer("/PROXY_CONFIG/readinessProbe");
        if probe.is_some_and(|probe| !probe.is_null()) {
            annotations.insert(HEALTH_CHECKED.into(), "true".into());
        }
        let owner = (group.meta.name.clone(), group.meta.uid.clone());
        Made { key, labels: spec.labels.clone(), annotations, spec, owner }
    }

    /// The same, connected to a replica since a moment.
    #[must_use]
    pub fn connected(mut self, replica: &str, since: &str) -> Made {
        self.annotations.insert(REPLICA.into(), replica.into());
        self.annotations.insert(CONNECTED.into(), since.into());
        self
    }

    /// As the API server takes it.
    pub fn object(&self) -> Value {
        let (kind, group) = (Kind::WorkloadEntry, Kind::WorkloadGroup);
        let (name, uid) = &self.owner;
        json!({
            "apiVersion": kind.api_version(),
            "kind": kind.name(),
            "metadata": {
                "name": self.key.name,
                "namespace": self.key.namespace,
                "labels": self.labels,
                "annotations": self.annotations,
                "ownerReferences": [{
                    "apiVersion": group.api_version(), "kind": group.name(),
                    "name": name, "uid": uid, "controller": true,
                }],
            },
            "spec": self.spec,
        })
    }

    /// As the store takes it.
    pub fn config(&self) -> Config<WorkloadEntry> {
        let ObjectKey { namespace, name, .. } = self.key.clone();
        let (labels, annotations) = (self.labels.clone(), self.annotations.clone());
        let meta = Meta { name, namespace, labels, annotations, ..Meta::default() };
        Config { meta, spec: self.spec.clone(), ..Config::default() }
    }
}

/// Where the node is, as far as it says; what follows an unknown part is not said.
fn locality(proxy: &Proxy) -> Option<Str> {
    let locality = &proxy.locality;
    let parts = [&locality.region, &locality.zone, &locality.subzone];
    let known = 1 + parts.iter().skip(1).take_while(|part| !part.is_empty()).count();
    let text: Vec<&str> = parts.iter().take(known).map(|part| &***part).collect();
    Some(text.join("/").into()).filter(|text: &Str| !text.is_empty())
}

/// The group in which a proxy registers itself, of these objects.
pub fn group<'a>(
    objects: &'a crate::snapshot::Objects,
    proxy: &Proxy,
) -> Option<&'a Arc<Config<WorkloadGroup>>> {
    use crate::api::config::Spec;
    let found = objects.find(Kind::WorkloadGroup, &proxy.namespace, proxy.group()?);
    found.and_then(WorkloadGroup::of)
}

#[cfg(test)]
mod tests;
