//! The node that the agent's Envoy presents, from the environment and the files of a pod.
//!
//! Pure, but for [`addresses`] and [`host_name`], which ask the system. The words are istio-agent's; the control plane
//! reads them in `serve::node`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, ensure};
use nix::ifaddrs::getifaddrs;
use serde_json::{Map, Value, json};

use super::proxy_config::{ControlPlaneAuth, ProxyConfig};
use crate::settings::agent::AgentSettings;
use crate::version::VERSION;

/// What a proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Beside an application.
    Sidecar,
    /// At the edge.
    Router,
}

impl Role {
    /// As nodes name it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Sidecar => "sidecar",
            Role::Router => "router",
        }
    }
}

/// What a node is made of, besides settings.
#[derive(Clone, Debug)]
pub struct Place {
    /// What the proxy is.
    pub role: Role,
    /// Its DNS domain; that of the namespace if empty.
    pub domain: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The machine's name.
    pub host_name: String,
    /// The pod's labels, where a file has them.
    pub labels: Option<BTreeMap<String, String>>,
    /// The pod's annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The hash by which a Deployment tells its pods apart says nothing to anybody else.
const POD_HASH: &str = "pod-template-hash";
const LOCALITY: &str = "istio-locality";

/// Makes the node.
pub fn node(
    settings: &AgentSettings,
    config: &ProxyConfig,
    place: &Place,
) -> anyhow::Result<Value> {
    let variables = &settings.variables;
    let namespace = &variables.pod_namespace;
    ensure!(!namespace.is_empty(), "POD_NAMESPACE is needed: the namespace of the proxy");
    let name = match &*variables.pod_name {
        "" => &place.host_name,
        name => name,
    };
    let mut metadata = metadata(settings, config)?;
    let labels = labels(&metadata, place.labels.as_ref());
    let ips = ips(settings, place)?;
    let domain = match &*place.domain {
        "" => format!("{namespace}.svc.cluster.local"),
        domain => domain.to_owned(),
    };
    let ip = ips.first().map(String::as_str).unwrap_or_default();
    let id = format!("{}~{ip}~{name}.{namespace}~{domain}", place.role.name());
    let cluster = cluster(config, &metadata, &labels, namespace);
    let locality = labels.get(LOCALITY).map(|text| text.replace('.', "/")).unwrap_or_default();

    let mut set = |key: &str, value: Value| metadata.insert(key.to_owned(), value);
    set("NAME", json!(name));
    set("NAMESPACE", json!(namespace));
    set("SERVICE_ACCOUNT", json!(variables.service_account));
    set("INSTANCE_IPS", json!(ips.join(",")));
    set("ISTIO_VERSION", json!(VERSION));
    set("LABELS", json!(labels));
    if !place.annotations.is_empty() {
        set("ANNOTATIONS", json!(place.annotations));
    }
    set("PROXY_CONFIG", Value::Object(config.raw.clone()));
    set("ENVOY_STATUS_PORT", json!(variables.status_port));
    set("ENVOY_PROMETHEUS_PORT", json!(variables.stats_port));
    set("ENVOY_SKIP_DEPRECATED_LOGS", json!(variables.skip_deprecated_logs.to_string()));
    set("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", json!(variables.exit_when_idle.to_string()));
    if config.control_plane_auth_policy == ControlPlaneAuth::MutualTls {
        set("PILOT_SAN", json!([server_name("", host_of(&config.discovery_address))]));
    }
    let mut parts = locality.splitn(3, '/');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    Ok(json!({
        "id": id,
        "cluster": cluster,
        "locality": { "region": part(), "zone": part(), "sub_zone": part() },
        "metadata": metadata,
    }))
}

/// The host of `HOST:PORT`.
pub fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_matches(['[', ']'])
}

/// The name that a control plane's certificate must have: the one that was asked for, or that of its host. On
/// localhost it is reached through a tunnel.
pub fn server_name<'a>(wanted: &'a str, host: &'a str) -> &'a str {
    match (wanted, host) {
        ("", "localhost") => "istiod.istio-system.svc",
        ("", host) => host,
        (wanted, _) => wanted,
    }
}

/// Metadata by name, the environment over the configuration.
fn metadata(settings: &AgentSettings, config: &ProxyConfig) -> anyhow::Result<Map<String, Value>> {
    let mut metadata = Map::new();
    for (name, value) in &config.proxy_metadata {
        if let Some(name) = name.strip_prefix("ISTIO_META_") {
            metadata.insert(name.to_owned(), json!(value));
        }
    }
    for (name, value) in &settings.meta {
        metadata.insert(name.clone(), json!(value));
    }
    for (variable, text) in &settings.meta_json {
        let what = || format!("{variable}={text:?}: a JSON object is needed");
        let object: Map<String, Value> = serde_json::from_str(text).with_context(what)?;
        if variable == "ISTIO_METAJSON_LABELS" {
            metadata.insert("LABELS".to_owned(), Value::Object(object.clone()));
            metadata.insert("STATIC_LABELS".to_owned(), Value::Object(object));
        } else {
            metadata.extend(object);
        }
    }
    Ok(metadata)
}

/// Those of the environment, and over them those of the pod.
fn labels(
    metadata: &Map<String, Value>,
    pod: Option<&BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let fixed = metadata.get("LABELS").and_then(Value::as_object).into_iter().flatten();
    let fixed = fixed.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let pod = pod.into_iter().flatten().filter(|(key, _)| *key != POD_HASH);
    fixed.chain(pod.map(|(key, value)| (key.clone(), value.clone()))).collect()
}

fn ips(settings: &AgentSettings, place: &Place) -> anyhow::Result<Vec<String>> {
    let mut ips = Vec::new();
    let first = &settings.variables.instance_ip;
    if !first.is_empty() {
        let ip: IpAddr = first.parse().with_context(|| format!("INSTANCE_IP={first:?}"))?;
        ips.push(ip);
    }
    ips.extend(&place.addresses);
    if ips.is_empty() {
        ips.push(IpAddr::from([127, 0, 0, 1]));
    }
    let mut texts: Vec<String> = Vec::new();
    for ip in ips.iter().map(ToString::to_string) {
        if !texts.contains(&ip) {
            texts.push(ip);
        }
    }
    Ok(texts)
}

/// What Envoy counts itself to: what the configuration says, the app's label, the workload, in this order.
fn cluster(
    config: &ProxyConfig,
    metadata: &Map<String, Value>,
    labels: &BTreeMap<String, String>,
    namespace: &str,
) -> String {
    let named = Some(&*config.service_cluster).filter(|name| !["", "istio-proxy"].contains(name));
    if let Some(named) = named {
        return named.to_owned();
    }
    let app = labels.get("app").map(String::as_str);
    let workload = || metadata.get("WORKLOAD_NAME").and_then(Value::as_str);
    format!("{}.{namespace}", app.or_else(workload).unwrap_or("istio-proxy"))
}

/// The addresses of this machine that others can reach.
pub fn addresses() -> Vec<IpAddr> {
    let mut found = Vec::new();
    for interface in getifaddrs().into_iter().flatten() {
        let Some(address) = interface.address else { continue };
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        let ip = v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())));
        found.extend(ip.filter(|ip| reachable(*ip) && !found.contains(ip)));
    }
    found
}

fn reachable(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || link_local)
}

/// The name of this machine.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Reads what the downward API writes: a `key="value"` on each line.
pub fn downward(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let pairs = lines.map(|(key, quoted)| {
        // Go's quotation, which for the characters that labels have is JSON's.
        let value: String = serde_json::from_str(quoted).with_context(|| key.to_owned())?;
        Ok((key.to_owned(), value))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests;
