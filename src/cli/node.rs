//! The node that a pod's proxy would present: what the sidecar injector and the agent derive from a pod.
//!
//! Pure: a snapshot and its pods in, Envoy's `node` as JSON out. What a workload is called, where it runs and which service
//! it counts as was decided by the store; here it is only written in the words of node metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::api::core::Pod;
use crate::api::{Kind, ObjectKey, Str};
use crate::model::Workload;
use crate::snapshot::{Snapshot, WorkloadState};

/// The port on which a proxy tells that it is ready.
pub const STATUS_PORT: u16 = 15021;
/// The port on which a proxy serves its statistics.
pub const STATS_PORT: u16 = 15090;

/// Why there is no node for a name.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing is called so.
    #[error("no pod or workload is called {0:?}; pods: {1}")]
    Name(String, String),
    /// More than one namespace has it.
    #[error("{0:?} is in several namespaces ({1}): write {0}.NAMESPACE")]
    Ambiguous(String, String),
    /// The pod has no address yet.
    #[error("pod {0} has no address (status.podIP)")]
    NoAddress(String),
}

/// Pods by key: snapshots do not keep them.
pub type Pods = BTreeMap<ObjectKey, Arc<Pod>>;

/// Finds the pod that `NAME[.NAMESPACE]` means, and describes its proxy. NAME is a pod's name or else that of a
/// workload, such as a Deployment, which stands for the first of its pods.
pub fn find(snapshot: &Snapshot, pods: &Pods, name: &str) -> Result<Value, Unknown> {
    let (pod_name, namespace) = match name.rsplit_once('.') {
        Some((pod, namespace)) if snapshot.namespaces.contains_key(namespace) => {
            (pod, Some(namespace))
        }
        _ => (name, None),
    };
    let mut found = Vec::new();
    for (candidate, state) in snapshot.namespaces.iter() {
        if namespace.is_none_or(|n| n == &**candidate) {
            let by_workload = |w: &&WorkloadState| &*w.workload.workload_name == pod_name;
            let exact = state.workloads.get(pod_name);
            found.extend(exact.or_else(|| state.workloads.values().find(by_workload)));
        }
    }
    match found.as_slice() {
        [one] => describe(snapshot, pods, &one.workload),
        [] => Err(Unknown::Name(name.to_owned(), names(snapshot))),
        several => {
            let namespaces: Vec<&str> = several.iter().map(|w| &*w.workload.namespace).collect();
            Err(Unknown::Ambiguous(pod_name.to_owned(), namespaces.join(", ")))
        }
    }
}

fn names(snapshot: &Snapshot) -> String {
    let names = snapshot.namespaces.iter().flat_map(|(namespace, state)| {
        state.workloads.keys().map(move |name| format!("{name}.{namespace}"))
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The node of a workload's proxy.
fn describe(snapshot: &Snapshot, pods: &Pods, workload: &Workload) -> Result<Value, Unknown> {
    let Workload { name, namespace, .. } = workload;
    let ip =
        workload.ips.first().ok_or_else(|| Unknown::NoAddress(format!("{name}.{namespace}")))?;
    let pod = pods.get(&ObjectKey::new(Kind::Pod, namespace, name)).map(|pod| &**pod);
    let router = pod.is_some_and(is_gateway);
    let kind = if router { "router" } else { "sidecar" };
    let domain = &snapshot.domain;
    let locality = &workload.locality;
    Ok(json!({
        "id": format!("{kind}~{ip}~{name}.{namespace}~{namespace}.svc.{domain}"),
        "cluster": format!("{}.{namespace}", workload.canonical_name),
        "locality": {
            "region": locality.region,
            "zone": locality.zone,
            "sub_zone": locality.subzone,
        },
        "metadata": metadata(snapshot, workload, pod, router),
    }))
}

fn metadata(snapshot: &Snapshot, workload: &Workload, pod: Option<&Pod>, router: bool) -> Value {
    let mesh = &snapshot.mesh;
    let config = mesh.raw.get("defaultConfig").cloned().unwrap_or_else(|| json!({}));
    let mesh_id = config.get("meshId").and_then(Value::as_str).unwrap_or(&mesh.trust_domain);
    let ips: Vec<String> = workload.ips.iter().map(ToString::to_string).collect();
    let mut metadata = Map::new();
    let mut set = |key: &str, value: Value| metadata.insert(key.to_owned(), value);
    set("NAME", json!(workload.name));
    set("NAMESPACE", json!(workload.namespace));
    set("CLUSTER_ID", json!(workload.cluster));
    set("MESH_ID", json!(mesh_id));
    set("ISTIO_VERSION", json!(crate::version::VERSION));
    set("INSTANCE_IPS", json!(ips.join(",")));
    set("SERVICE_ACCOUNT", json!(workload.service_account));
    set("WORKLOAD_NAME", json!(workload.workload_name));
    set("LABELS", labels(workload));
    set("OWNER", json!(owner(workload, pod)));
    set("ENVOY_STATUS_PORT", json!(STATUS_PORT));
    set("ENVOY_PROMETHEUS_PORT", json!(STATS_PORT));
    if let Some(address) = config.get("discoveryAddress").and_then(Value::as_str) {
        set("PILOT_SAN", json!([address.rsplit_once(':').map_or(address, |(host, _)| host)]));
    }
    set("PROXY_CONFIG", config);
    if !workload.node_name.is_empty() {
        set("NODE_NAME", json!(workload.node_name));
    }
    if !workload.network.is_empty() {
        set("NETWORK", json!(workload.network));
    }
    if let Some(pod) = pod {
        set("POD_PORTS", json!(ports(pod)));
        if !pod.meta.annotations.is_empty() {
            set("ANNOTATIONS", json!(pod.meta.annotations));
        }
        if !router {
            let mode = pod.meta.annotation("sidecar.istio.io/interceptionMode");
            set("INTERCEPTION_MODE", json!(mode.map_or("REDIRECT", |mode| mode)));
        }
    }
    Value::Object(metadata)
}

/// The pod's labels with those that the injector adds.
fn labels(workload: &Workload) -> Value {
    let mut labels = workload.labels.clone();
    let mut add = |key: &str, value: &Str| {
        if !value.is_empty() {
            labels.entry(key.into()).or_insert_with(|| value.clone());
        }
    };
    add("security.istio.io/tlsMode", &"istio".into());
    add("service.istio.io/canonical-name", &workload.canonical_name);
    add("service.istio.io/canonical-revision", &workload.canonical_revision);
    json!(labels)
}

/// `kubernetes://apis/VERSION/namespaces/NAMESPACE/KINDS/NAME`. A ReplicaSet whose name the store reduced to that
/// of its Deployment counts as the Deployment.
fn owner(workload: &Workload, pod: Option<&Pod>) -> String {
    let (version, kind, name) = match pod.and_then(|pod| pod.owner.as_ref()) {
        Some(owner) if &*owner.kind == "ReplicaSet" && owner.name != workload.workload_name => {
            (&*owner.api_version, "Deployment", &workload.workload_name)
        }
        Some(owner) => (&*owner.api_version, &*owner.kind, &owner.name),
        None => ("v1", "Pod", &workload.name),
    };
    let kinds = format!("{}s", kind.to_lowercase());
    format!("kubernetes://apis/{version}/namespaces/{}/{kinds}/{name}", workload.namespace)
}

/// As text, because that is how the agent passes it on.
fn ports(pod: &Pod) -> String {
    let port = |port: &crate::api::core::ContainerPort| {
        let protocol = format!("{:?}", port.protocol).to_uppercase();
        json!({ "name": port.name, "containerPort": port.port, "protocol": protocol })
    };
    Value::Array(pod.ports.iter().map(port).collect()).to_string()
}

/// Gateways are injected with a template of their own.
fn is_gateway(pod: &Pod) -> bool {
    let templates = pod.meta.annotation("inject.istio.io/templates");
    templates.is_some_and(|t| t.split(',').any(|template| template.trim() == "gateway"))
}

#[cfg(test)]
mod tests;
