//! Who connects: Envoy's `node` becomes a [`Proxy`].
//!
//! Owns the rules of node ids and of the metadata that is read here. The node is a stranger's: it is bounded
//! before it is decoded, values of metadata may be typed or strings, and what cannot be read ends the stream
//! with a reason. Knows neither streams nor snapshots.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prost::Message;
use serde_json::{Map, Value as Json};
use tonic::Status;

use crate::api::{Labels, Str};
use crate::model::proxy::Extension;
use crate::model::{Locality, Proxy, ProxyKind};
use crate::proto::envoy::envoy::config::core::v3 as core;
use crate::proto::envoy::google::protobuf::value::Kind;
use crate::proto::envoy::google::protobuf::{Struct, Value};

/// The largest node that is decoded, in bytes. A stock Envoy lists 60 kB of extensions, and a pod has at most
/// 256 kB of annotations.
const MAX_NODE: usize = 1 << 20;

/// The label by which a workload tells its own locality.
const LOCALITY_LABEL: &str = "istio-locality";

/// Reads nodes, and gives proxies of the same Envoy build one list of extensions.
#[derive(Debug, Default)]
pub struct Nodes {
    /// Other names of clusters, each with the cluster's id.
    aliases: Vec<(Str, Str)>,
    extensions: Mutex<Vec<Weak<[Extension]>>>,
}

impl Nodes {
    /// Takes these names, first, for the clusters with these ids.
    pub fn new(aliases: Vec<(Str, Str)>) -> Nodes {
        Nodes { aliases, ..Nodes::default() }
    }

    /// The id of a cluster that a proxy names.
    fn cluster(&self, told: Str) -> Str {
        let alias = self.aliases.iter().find(|(alias, _)| *alias == told);
        alias.map_or(told, |(_, cluster)| cluster.clone())
    }

    /// The proxy that an encoded node describes. None stands for a first request without one. Errors are
    /// `INVALID_ARGUMENT`, worded as istiod does.
    pub fn proxy(&self, node: Option<&[u8]>) -> Result<Proxy, Status> {
        let bytes = node.ok_or_else(|| Status::invalid_argument("missing node information"))?;
        if bytes.len() > MAX_NODE {
            let text = format!("node information of {} bytes; {MAX_NODE} are allowed", bytes.len());
            return Err(Status::invalid_argument(text));
        }
        let node = core::Node::decode(bytes)
            .map_err(|e| Status::invalid_argument(format!("node information: {e}")))?;
        if node.id.is_empty() {
            return Err(Status::invalid_argument("missing node ID"));
        }
        self.read(node)
    }

    fn read(&self, node: core::Node) -> Result<Proxy, Status> {
        let invalid = |what: &str| Status::invalid_argument(format!("{what} {:?}", node.id));
        let parts: Vec<&str> = node.id.split('~').collect();
        let [kind, ip, workload_id, dns_domain] = *parts.as_slice() else {
            return Err(invalid("missing parts in the service node"));
        };
        let kind = ProxyKind::parse(kind).ok_or_else(|| {
            invalid("unknown kind (not sidecar, router, waypoint or ztunnel) in the service node")
        })?;
        let metadata = Metadata(node.metadata.map(object).unwrap_or_default());
        let ips = addresses(&metadata.text("INSTANCE_IPS"), ip);
        if ips.is_empty() {
            return Err(invalid("no valid IP address in proxy"));
        }
        let namespace = match metadata.text("NAMESPACE") {
            told if !told.is_empty() => told,
            _ => dns_domain.split_once('.').map_or("", |(namespace, _)| namespace).into(),
        };
        let name = match metadata.text("NAME") {
            told if !told.is_empty() => told,
            _ => workload_id.rsplit_once('.').map_or(workload_id, |(name, _)| name).into(),
        };
        let labels = metadata.labels();
        Ok(Proxy {
            id: node.id.as_str().into(),
            kind,
            ips,
            workload_id: workload_id.into(),
            name,
            namespace,
            dns_domain: dns_domain.into(),
            cluster: self.cluster(metadata.text("CLUSTER_ID")),
            network: metadata.text("NETWORK"),
            locality: locality(&labels, node.locality),
            labels,
            service_account: metadata.text("SERVICE_ACCOUNT"),
            node_name: metadata.text("NODE_NAME"),
            istio_version: metadata.text("ISTIO_VERSION"),
            envoy_version: node.user_agent_version_type.map(version).unwrap_or_default(),
            metadata: Json::Object(metadata.0),
            extensions: self.extensions(node.extensions),
        })
    }

    /// One list for all proxies that list the same.
    fn extensions(&self, listed: Vec<core::Extension>) -> Option<Arc<[Extension]>> {
        if listed.is_empty() {
            return None;
        }
        let list: Arc<[Extension]> = listed
            .into_iter()
            .filter(|extension| !extension.disabled)
            .map(|extension| Extension {
                name: extension.name.into(),
                type_urls: extension.type_urls.into_iter().map(Str::from).collect(),
            })
            .collect();
        let mut known = self.extensions.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|list| list.strong_count() > 0);
        if let Some(same) = known.iter().filter_map(Weak::upgrade).find(|known| **known == *list) {
            return Some(same);
        }
        known.push(Arc::downgrade(&list));
        Some(list)
    }
}

/// The metadata of a node: what agents of all ages write.
struct Metadata(Map<String, Json>);

impl Metadata {
    /// A value as text; empty when it is absent or has parts.
    fn text(&self, key: &str) -> Str {
        self.0.get(key).and_then(text).unwrap_or_default().into()
    }

    fn labels(&self) -> Labels {
        let Some(Json::Object(labels)) = self.0.get("LABELS") else { return Labels::new() };
        labels
            .iter()
            .filter_map(|(key, value)| Some((key.as_str().into(), text(value)?.into())))
            .collect()
    }
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(text).collect();
            Some(items?.join(","))
        }
        Json::Null | Json::Object(_) => None,
    }
}

/// The addresses that the metadata tells, else the one in the id.
fn addresses(told: &str, id: &str) -> Vec<IpAddr> {
    let ips: Vec<IpAddr> = told.split(',').filter_map(|ip| ip.trim().parse().ok()).collect();
    if ips.is_empty() { id.parse().into_iter().collect() } else { ips }
}

fn locality(labels: &Labels, told: Option<core::Locality>) -> Locality {
    match labels.get(LOCALITY_LABEL) {
        Some(label) if !label.is_empty() => Locality::parse(label),
        _ => told.map(|l| Locality::of(&l.region, &l.zone, &l.sub_zone)).unwrap_or_default(),
    }
}

fn version(told: core::node::UserAgentVersionType) -> Str {
    use core::node::UserAgentVersionType::{UserAgentBuildVersion, UserAgentVersion};
    match told {
        UserAgentVersion(text) => text.into(),
        UserAgentBuildVersion(build) => build
            .version
            .map(|v| format!("{}.{}.{}", v.major_number, v.minor_number, v.patch))
            .unwrap_or_default()
            .into(),
    }
}

fn object(fields: Struct) -> Map<String, Json> {
    fields.fields.into_iter().map(|(key, value)| (key, json(value))).collect()
}

/// Whole numbers become integers: JSON that is shown again reads `15021`, not `15021.0`.
fn json(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(flag)) => flag.into(),
        Some(Kind::NumberValue(number)) => whole(number).map_or_else(|| number.into(), Json::from),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json).collect(),
        Some(Kind::StructValue(fields)) => Json::Object(object(fields)),
    }
}

/// The integer that a number is, if doubles tell it from its neighbours.
fn whole(number: f64) -> Option<i64> {
    /// 2^53.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "the number is whole and in range")]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests;
