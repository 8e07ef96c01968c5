//! `/debug/registryz`: all services; `/debug/instancesz`: which of them each connected proxy is behind.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::Context;
use super::answer::Parameters;
use super::connections::sorted;
use crate::api::core::{ServiceType, TargetPort};
use crate::api::{Block, Kind, Labels, Object, ObjectKey, Str};
use crate::model::service::{Port, Resolution, Visibility};
use crate::model::{Service, ServiceTarget};
use crate::snapshot::Snapshot;

/// `/debug/registryz`.
pub(super) async fn registryz(State(context): State<Context>, parameters: Parameters) -> Response {
    let snapshots = context.state.snapshots;
    context.gate.json(&parameters, move || Registry(snapshots.load())).await
}

/// `/debug/instancesz`.
pub(super) async fn instancesz(State(context): State<Context>, parameters: Parameters) -> Response {
    let sources = context.state;
    let make = move || {
        let snapshot = sources.snapshots.load();
        let instances = sorted(&sources).into_iter().map(|connection| {
            let proxy = &connection.proxy;
            let state = snapshot.workload_of(proxy);
            let targets = state.map(|state| state.targets.clone()).unwrap_or_default();
            let instances: Vec<_> = targets.iter().map(|t| instance(&snapshot, t)).collect();
            (proxy.workload_id.clone(), instances)
        });
        instances.collect::<BTreeMap<_, _>>()
    };
    context.gate.json(&parameters, make).await
}

/// The time of what was never created, as Go writes it.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// What stands for no address in debug output.
const UNSPECIFIED: &str = "0.0.0.0";

struct Registry(Arc<Snapshot>);

impl Serialize for Registry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut services: Vec<&Arc<Service>> = self.0.services.iter().collect();
        services.sort_by(|a, b| a.key.cmp(&b.key));
        serializer
            .collect_seq(services.into_iter().flat_map(|service| Entry::all(&self.0, service)))
    }
}

/// A service under the names that istiod's own type has.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "Attributes")]
    attributes: Attributes<'a>,
    ports: Vec<PortEntry<'a>>,
    #[serde(rename = "creationTime")]
    created: String,
    hostname: &'a Str,
    #[serde(rename = "clusterVIPs")]
    cluster_vips: Addresses,
    #[serde(rename = "defaultAddress")]
    default_address: String,
    #[serde(rename = "autoAllocatedIPv4Address", skip_serializing_if = "Option::is_none")]
    allocated_v4: Option<&'a IpAddr>,
    #[serde(rename = "autoAllocatedIPv6Address", skip_serializing_if = "Option::is_none")]
    allocated_v6: Option<&'a IpAddr>,
    #[serde(rename = "Resolution")]
    resolution: u8,
    #[serde(rename = "MeshExternal")]
    mesh_external: bool,
    /// Objects have none here.
    #[serde(rename = "ResourceVersion")]
    resource_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes<'a> {
    service_registry: &'static str,
    name: &'a Str,
    namespace: &'a Str,
    labels: Option<&'a Labels>,
    export_to: Option<BTreeMap<&'a str, Value>>,
    label_selectors: Option<&'a Labels>,
    aliases: Option<Vec<Value>>,
    cluster_external_addresses: Addresses,
    cluster_external_ports: Value,
    passthrough_target_ports: Option<BTreeMap<String, u16>>,
    r#type: &'static str,
    external_name: &'a Str,
    node_local: bool,
    traffic_distribution: u8,
    object_name: &'a str,
    #[serde(rename = "DNSConnectStrategy")]
    dns_connect_strategy: u8,
    publish_not_ready_addresses: bool,
}

/// Addresses by cluster; null when there are none.
#[derive(Serialize)]
struct Addresses {
    #[serde(rename = "Addresses")]
    by_cluster: Option<BTreeMap<Str, Vec<String>>>,
}

#[derive(Serialize)]
struct PortEntry<'a> {
    name: &'a Str,
    port: u16,
    protocol: &'static str,
}

impl<'a> PortEntry<'a> {
    fn of(port: &'a Port) -> PortEntry<'a> {
        PortEntry { name: &port.name, port: port.number, protocol: port.protocol.name() }
    }
}

impl<'a> Entry<'a> {
    /// What istiod keeps for a service: one for each address or block of a ServiceEntry.
    fn all(snapshot: &Snapshot, service: &'a Service) -> Vec<Entry<'a>> {
        let of_block = |block: &Block| Entry {
            default_address: block.to_string(),
            ..Entry::of(snapshot, service)
        };
        match service.blocks.as_slice() {
            [] => vec![Entry::of(snapshot, service)],
            blocks => blocks.iter().map(of_block).collect(),
        }
    }

    fn of(snapshot: &Snapshot, service: &'a Service) -> Entry<'a> {
        let addresses = |list: &[IpAddr]| match list {
            [] => vec![UNSPECIFIED.to_owned()],
            list => list.iter().map(ToString::to_string).collect(),
        };
        let vips = (!service.addresses.is_empty()).then(|| {
            service.addresses.iter().map(|(c, list)| (c.clone(), addresses(list))).collect()
        });
        let default = service.addresses.first().map_or(&[][..], |(_, list)| list);
        let default_address = match service.blocks.first() {
            Some(block) => block.to_string(),
            None => addresses(default).into_iter().next().unwrap_or_default(),
        };
        Entry {
            attributes: Attributes::of(snapshot, service),
            ports: service.ports.iter().map(PortEntry::of).collect(),
            created: service.created.map_or(NEVER.to_owned(), |created| created.to_string()),
            hostname: &service.key.hostname,
            default_address,
            allocated_v4: service.allocated.iter().find(|address| address.is_ipv4()),
            allocated_v6: service.allocated.iter().find(|address| address.is_ipv6()),
            cluster_vips: Addresses { by_cluster: vips },
            resolution: match service.resolution {
                Resolution::ClientSideLb => 0,
                Resolution::Dns => 1,
                Resolution::Passthrough => 2,
                Resolution::DnsRoundRobin => 3,
                Resolution::Alias => 4,
                Resolution::DynamicDns => 5,
            },
            mesh_external: service.mesh_external,
            resource_version: "",
        }
    }
}

impl<'a> Attributes<'a> {
    fn of(snapshot: &Snapshot, service: &'a Service) -> Attributes<'a> {
        let cluster = service.addresses.first().map_or(&snapshot.cluster, |(c, _)| c).clone();
        let external: Vec<_> = service.external_addresses.iter().map(ToString::to_string).collect();
        let external = (!external.is_empty()).then(|| BTreeMap::from([(cluster, external)]));
        let aliases = service.aliases.iter();
        let aliases: Vec<_> =
            aliases.map(|a| json!({ "Hostname": a.hostname, "Namespace": a.namespace })).collect();
        Attributes {
            service_registry: service.registry.name(),
            name: &service.name,
            namespace: &service.key.namespace,
            labels: present(&service.labels),
            export_to: match &service.visibility {
                Visibility::Public => None,
                Visibility::Namespaces(list) if list.is_empty() => {
                    Some(BTreeMap::from([("~", json!({}))]))
                }
                Visibility::Namespaces(list) => {
                    Some(list.iter().map(|n| (&**n, json!({}))).collect())
                }
            },
            label_selectors: present(&service.selector),
            aliases: (!aliases.is_empty()).then_some(aliases),
            cluster_external_addresses: Addresses { by_cluster: external },
            cluster_external_ports: Value::Null,
            passthrough_target_ports: passthrough_target_ports(service),
            r#type: service_type(snapshot, &service.origin),
            external_name: &service.external_name,
            node_local: service.node_local,
            traffic_distribution: match &*service.traffic_distribution {
                "PreferClose" | "PreferSameZone" => 1,
                "PreferSameNode" => 2,
                _ => 0,
            },
            object_name: match service.origin.kind {
                Kind::ServiceEntry => &service.origin.name,
                _ => "",
            },
            dns_connect_strategy: service.race_addresses.into(),
            publish_not_ready_addresses: service.publish_not_ready,
        }
    }
}

fn present(labels: &Labels) -> Option<&Labels> {
    Some(labels).filter(|labels| !labels.is_empty())
}

/// Where the ports of a ServiceEntry lead whose clients know the addresses, as far as it says so.
fn passthrough_target_ports(service: &Service) -> Option<BTreeMap<String, u16>> {
    let external = service.origin.kind == Kind::ServiceEntry;
    if !external || service.resolution != Resolution::Passthrough {
        return None;
    }
    let named = service.ports.iter().filter_map(|port| match port.target {
        TargetPort::Number(number) if number != 0 => Some((port.number.to_string(), number)),
        _ => None,
    });
    let named: BTreeMap<String, u16> = named.collect();
    (!named.is_empty()).then_some(named)
}

/// `spec.type` of the object behind a service; empty for what is no Kubernetes Service.
fn service_type(snapshot: &Snapshot, origin: &ObjectKey) -> &'static str {
    match snapshot.objects.find(Kind::Service, &origin.namespace, &origin.name) {
        Some(Object::Service(service)) if origin.kind == Kind::Service => match service.kind {
            ServiceType::ClusterIp => "ClusterIP",
            ServiceType::NodePort => "NodePort",
            ServiceType::LoadBalancer => "LoadBalancer",
            ServiceType::ExternalName => "ExternalName",
        },
        _ => "",
    }
}

/// A port of a service that a proxy is behind. Made into a value, as it outlives the snapshot that it is
/// read from.
fn instance(snapshot: &Snapshot, target: &ServiceTarget) -> Value {
    let port = target.service.ports.get(target.port).map(|port| {
        json!({
            "name": port.name,
            "port": port.number,
            "protocol": port.protocol.name(),
            "TargetPort": target.target_port,
        })
    });
    json!({ "Service": Entry::of(snapshot, &target.service), "Port": port })
}

#[cfg(test)]
mod tests;
