//! What the lab needs to know of the objects: which pods there are, and under which addresses services answer.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// A pod that the lab brings to life.
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// The pod's name.
    pub name: String,
    /// The name without what its ReplicaSet appended.
    pub workload: String,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its address.
    pub ip: Ipv4Addr,
    /// The account of its identity.
    pub service_account: String,
    /// It has a sidecar: the label that the injector sets says so.
    pub sidecar: bool,
    /// It is an Envoy and nothing else: the annotation that the injector reads says so.
    pub gateway: bool,
    /// Name and number of each port of its containers.
    pub ports: Vec<(String, u16)>,
}

/// A service.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its own address, if it has one.
    pub vip: Option<IpAddr>,
    /// Labels of the pods behind it.
    pub selector: BTreeMap<String, String>,
}

impl ServiceSpec {
    /// Whether a pod is behind it.
    pub fn selects(&self, pod: &PodSpec) -> bool {
        let matches = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
        self.namespace == pod.namespace
            && !self.selector.is_empty()
            && self.selector.iter().all(matches)
    }
}

/// The pods and services in all YAML files of a directory, in the order of the files' names.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// The pods.
    pub pods: Vec<PodSpec>,
    /// The services.
    pub services: Vec<ServiceSpec>,
}

impl Objects {
    /// Reads a directory.
    pub fn read(directory: &Path) -> Result<Objects> {
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .with_context(|| format!("cannot read {}", directory.display()))?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        files.sort();
        let mut objects = Objects::default();
        for file in files {
            objects
                .add(&std::fs::read_to_string(&file)?)
                .with_context(|| file.display().to_string())?;
        }
        Ok(objects)
    }

    /// Adds the documents of a text.
    pub fn add(&mut self, text: &str) -> Result<()> {
        for document in serde_yaml::Deserializer::from_str(text) {
            let object = Value::deserialize(document)?;
            match object.get("kind").and_then(Value::as_str) {
                Some("Pod") => self.pods.push(pod(&object)?),
                Some("Service") => self.services.push(service(&object)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Where a client finds a port of a service that has an address.
    pub fn address(&self, name: &str, namespace: &str, port: u16) -> Result<SocketAddr> {
        let service = self.services.iter().find(|s| s.name == name && s.namespace == namespace);
        let vip = service.and_then(|s| s.vip);
        Ok((vip.with_context(|| format!("{name}.{namespace} has no address"))?, port).into())
    }
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let map = object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn pod(object: &Value) -> Result<PodSpec> {
    let name = text(object, "/metadata/name");
    let labels = texts(object, "/metadata/labels");
    let hash = labels.get("pod-template-hash").map(|hash| format!("-{hash}-"));
    let workload = hash.and_then(|hash| Some(name.split_once(&hash)?.0.to_owned()));
    let containers = object.pointer("/spec/containers").and_then(Value::as_array);
    let ports = containers
        .into_iter()
        .flatten()
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten()
        .map(|port| {
            let number = port.get("containerPort").and_then(Value::as_u64).unwrap_or_default();
            Ok((text(port, "/name"), u16::try_from(number)?))
        })
        .collect::<Result<_>>()?;
    let annotations = texts(object, "/metadata/annotations");
    Ok(PodSpec {
        gateway: annotations.get("inject.istio.io/templates").is_some_and(|t| t == "gateway"),
        namespace: text(object, "/metadata/namespace"),
        ip: text(object, "/status/podIP").parse().with_context(|| format!("podIP of {name}"))?,
        service_account: text(object, "/spec/serviceAccountName"),
        sidecar: labels.get("security.istio.io/tlsMode").is_some_and(|mode| mode == "istio"),
        workload: workload.unwrap_or_else(|| name.clone()),
        labels,
        ports,
        name,
    })
}

fn service(object: &Value) -> ServiceSpec {
    ServiceSpec {
        name: text(object, "/metadata/name"),
        namespace: text(object, "/metadata/namespace"),
        vip: text(object, "/spec/clusterIP").parse().ok(),
        selector: texts(object, "/spec/selector"),
    }
}
