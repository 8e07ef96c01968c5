//! What of the mesh concerns a pod that is created: its namespace, the nodes of its cluster, and ProxyConfigs.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::api::config::by_age;
use crate::api::features::NativeSidecars;
use crate::api::{Kind, Object, Str};
use crate::snapshot::{Platform, Snapshot};
use crate::webhooks::inject::ProxyConfigs;
use crate::webhooks::review::Review;

/// The minor version of Kubernetes from which init containers that keep running can be relied on.
const NATIVE_SINCE: u32 = 33;

/// The labels of namespaces and pods by which webhooks select, in the order in which they are told.
const SELECTED_BY: &[&str] = &["istio-injection", "istio.io/rev", "sidecar.istio.io/inject"];

/// The fields of the kind ProxyConfig, and what a mesh's ProxyConfig calls them.
const FIELDS: &[(&str, &str)] = &[
    ("concurrency", "concurrency"),
    ("environmentVariables", "proxyMetadata"),
    ("image", "image"),
];

/// The mesh around one pod.
pub struct Around<'a> {
    snapshot: &'a Snapshot,
    /// The cluster that the pod is of; empty for the own one.
    cluster: &'a str,
    namespace: &'a str,
    review: &'a Review,
}

impl<'a> Around<'a> {
    /// The mesh around the pod of a review that a cluster sent; the own one if it is empty.
    pub fn of(snapshot: &'a Snapshot, cluster: &'a str, review: &'a Review) -> Around<'a> {
        let own = review.object.pointer("/metadata/namespace").and_then(Json::as_str);
        let namespace = own.filter(|own| !own.is_empty()).unwrap_or(&review.namespace);
        Around { snapshot, cluster, namespace, review }
    }

    fn is_own(&self) -> bool {
        self.cluster.is_empty() || *self.cluster == *self.snapshot.cluster
    }

    fn platform(&self) -> Option<&Platform> {
        let cluster = if self.is_own() { &*self.snapshot.cluster } else { self.cluster };
        self.snapshot.platforms.get(cluster).map(|platform| &**platform)
    }

    /// Whether the proxy is to be an init container that keeps running: where it is left to the nodes, if that on which the
    /// pod is to run knows how, or, before that is known, all do.
    pub fn native_sidecars(&self, asked: NativeSidecars) -> bool {
        match asked {
            NativeSidecars::Always => return true,
            NativeSidecars::Never => return false,
            NativeSidecars::Auto => {}
        }
        // Of another cluster that is not known nothing is; that no node is known of the own one says nothing against it.
        let Some(platform) = self.platform() else { return self.is_own() };
        let node = self.review.object.pointer("/spec/nodeName").and_then(Json::as_str);
        match node.and_then(|node| platform.kubelets.get(node)) {
            Some(version) => is_native(version),
            None => platform.kubelets.values().all(is_native),
        }
    }

    /// What a platform wrote on the pod's namespace.
    pub fn namespace_annotations(&self) -> BTreeMap<String, String> {
        let written = self.platform().and_then(|platform| platform.namespaces.get(self.namespace));
        let written = written.into_iter().flatten();
        written.map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    /// The ProxyConfigs that mean the pod.
    pub fn proxy_configs(&self) -> ProxyConfigs {
        let root = &*self.snapshot.mesh.root_namespace;
        let mut general: Vec<Json> = self.of_namespace(root).into_iter().collect();
        if self.namespace != root {
            general.extend(self.of_namespace(self.namespace));
        }
        ProxyConfigs { general, own: self.of_workload() }
    }

    /// The oldest for all of a namespace.
    fn of_namespace(&self, namespace: &str) -> Option<Json> {
        let all = self.oldest_first(namespace);
        let mut general =
            all.into_iter().filter(|spec| spec.get("selector").is_none_or(Json::is_null));
        general.next().map(|spec| renamed(&spec))
    }

    /// The oldest in the pod's namespace that selects it by its labels.
    fn of_workload(&self) -> Option<Json> {
        let labels = self.review.object.pointer("/metadata/labels");
        let selects = |spec: &Json| {
            let selector = spec.pointer("/selector/matchLabels").and_then(Json::as_object);
            selector.is_some_and(|selector| {
                let has = |(key, value): (&String, &Json)| {
                    labels.and_then(|labels| labels.get(key)) == Some(value)
                };
                !selector.is_empty() && selector.iter().all(has)
            })
        };
        let all = self.oldest_first(self.namespace);
        all.iter().find(|spec| selects(spec)).map(renamed)
    }

    fn oldest_first(&self, namespace: &str) -> Vec<Json> {
        let objects = self.snapshot.objects.in_namespace(Kind::ProxyConfig, namespace);
        let mut objects: Vec<&Object> = objects.collect();
        objects.sort_by(|a, b| by_age(a.meta(), b.meta()));
        objects.into_iter().filter_map(Object::spec).collect()
    }

    /// By which labels the API server was told to ask, as far as they are known here; empty if none is.
    pub fn asked_by(&self) -> String {
        let none = BTreeMap::new();
        let of_namespace = self.snapshot.namespaces.get(self.namespace);
        let of_namespace = of_namespace.and_then(|state| state.object.as_ref());
        let of_namespace = of_namespace.filter(|_| self.is_own()).map(|object| &object.meta.labels);
        let of_namespace: &BTreeMap<Str, Str> = of_namespace.unwrap_or(&none);
        let of_pod = self.review.object.pointer("/metadata/labels");
        let mut found = Vec::new();
        for key in SELECTED_BY {
            if let Some(value) = of_namespace.get(*key) {
                found.push(format!("label {key}={value} of its namespace"));
            }
            if let Some(value) = of_pod.and_then(|labels| labels.get(*key)).and_then(Json::as_str) {
                found.push(format!("label {key}={value} of the pod"));
            }
        }
        found.join(", ")
    }
}

/// Whether a kubelet knows init containers that keep running; one whose version cannot be read does not.
fn is_native(version: &Str) -> bool {
    let numbers = version.trim_start_matches('v');
    let minor = numbers.split(|c: char| !c.is_ascii_digit()).nth(1);
    minor.and_then(|minor| minor.parse().ok()).is_some_and(|minor: u32| minor >= NATIVE_SINCE)
}

/// A spec of the kind ProxyConfig as part of the mesh's.
fn renamed(spec: &Json) -> Json {
    let fields = FIELDS.iter().filter_map(|(from, to)| {
        let value = spec.get(from).filter(|value| !value.is_null())?;
        Some(((*to).to_owned(), value.clone()))
    });
    Json::Object(fields.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests;
