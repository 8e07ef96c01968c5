//! Kubernetes' own kinds, reduced to the fields that the project reads.
//!
//! A field that is not here cannot cause work: two versions of a Pod that differ elsewhere are equal.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::concealed::Concealed;
use super::{Labels, Meta, Str};

/// A namespace; only its metadata is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Labels and annotations carry networks, traffic distribution, revisions.
    pub meta: Meta,
    /// The annotations by which OpenShift gives users and groups to its pods.
    pub platform: Labels,
}

/// A node; its labels tell region, zone and subzone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Labels with `topology.kubernetes.io/region` and so on.
    pub meta: Meta,
    /// Addresses of type ExternalIP.
    pub external_ips: Vec<IpAddr>,
    /// The version of its kubelet, such as `v1.33.1`; empty when unknown.
    pub kubelet: Str,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its metadata.
    pub meta: Meta,
    /// `kind` and `name` of the controlling owner.
    pub owner: Option<Owner>,
    /// `metadata.generateName`; empty when unset.
    pub generate_name: Str,
    /// The node it runs on; empty until scheduled.
    pub node_name: Str,
    /// `spec.serviceAccountName`; empty means `default`.
    pub service_account: Str,
    /// `spec.hostname` and `spec.subdomain`; empty when unset.
    pub hostname: Str,
    /// See `hostname`.
    pub subdomain: Str,
    /// Shares the node's network.
    pub host_network: bool,
    /// All addresses; `status.podIP` first.
    pub ips: Vec<IpAddr>,
    /// Succeeded or Failed: it will never serve again.
    pub finished: bool,
    /// The condition Ready is True.
    pub ready: bool,
    /// It has a deletion timestamp.
    pub terminating: bool,
    /// The ports of all containers (native sidecars included), in order.
    pub ports: Vec<ContainerPort>,
}

/// The owner that controls an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its `apiVersion`.
    pub api_version: Str,
    /// Its kind, such as `ReplicaSet`.
    pub kind: Str,
    /// Its name.
    pub name: Str,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// Empty when unnamed.
    pub name: Str,
    /// The number.
    pub port: u16,
    /// Its transport.
    pub protocol: Transport,
}

/// The transport protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// The default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its metadata.
    pub meta: Meta,
    /// How it is reached.
    pub kind: ServiceType,
    /// `spec.clusterIPs`, else `[spec.clusterIP]`; empty for headless and ExternalName services and for
    /// services that have none yet.
    pub cluster_ips: Vec<IpAddr>,
    /// `clusterIP: None`.
    pub headless: bool,
    /// The ports, in order.
    pub ports: Vec<ServicePort>,
    /// Labels of the pods behind it; empty selects none.
    pub selector: Labels,
    /// The target of an ExternalName service.
    pub external_name: Str,
    /// Unready endpoints are used too.
    pub publish_not_ready: bool,
    /// `internalTrafficPolicy: Local`.
    pub node_local: bool,
    /// `spec.trafficDistribution`; empty when unset.
    pub traffic_distribution: Str,
    /// `spec.externalIPs`, then IPs and hostnames of the load balancer.
    pub external_addresses: Vec<Str>,
}

/// The type of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceType {
    /// The default.
    #[default]
    ClusterIp,
    /// Also on a port of every node.
    NodePort,
    /// Also through a load balancer.
    LoadBalancer,
    /// An alias for a host name.
    ExternalName,
}

/// A port of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty when unnamed.
    pub name: Str,
    /// The number that clients use.
    pub port: u16,
    /// Its transport.
    pub transport: Transport,
    /// `appProtocol`; empty when unset.
    pub app_protocol: Str,
    /// Where it leads in the pod; `port` itself when unset.
    pub target: TargetPort,
    /// The port on every node; 0 when none.
    pub node_port: u16,
}

/// Where a service port leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A number.
    Number(u16),
    /// The name of a container's port, which may differ between pods.
    Name(Str),
}

impl Default for TargetPort {
    fn default() -> Self {
        TargetPort::Number(0)
    }
}

/// A part of a service's endpoints; an object of kind Endpoints projects to one too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Its metadata.
    pub meta: Meta,
    /// The service it belongs to (label `kubernetes.io/service-name`); empty when none.
    pub service: Str,
    /// What its addresses are.
    pub address_type: AddressType,
    /// The endpoints, in order.
    pub endpoints: Vec<SliceEndpoint>,
    /// The ports that all endpoints serve which name none of their own; see `ports_of`.
    pub ports: Vec<SlicePort>,
}

impl EndpointSlice {
    /// The ports that one of its endpoints serves.
    pub fn ports_of<'a>(&'a self, endpoint: &'a SliceEndpoint) -> &'a [SlicePort] {
        endpoint.ports.as_deref().unwrap_or(&self.ports)
    }
}

/// The type of a slice's addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressType {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
    /// Host names, which are not used.
    Fqdn,
}

/// One endpoint of a slice. Conditions are None when the object does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// Its addresses; the first is used.
    pub addresses: Vec<IpAddr>,
    /// May take new connections.
    pub ready: Option<bool>,
    /// Serves, be it terminating or not.
    pub serving: Option<bool>,
    /// Is going away.
    pub terminating: Option<bool>,
    /// The pod's host name, for headless services; empty when unset.
    pub hostname: Str,
    /// The node; empty when unset.
    pub node_name: Str,
    /// The pod it stands for, in the namespace of the slice; empty when it stands for none.
    pub pod: Str,
    /// Ports of its own, shared by the endpoints of one subset: an object of kind Endpoints may have
    /// several. None for those of the slice.
    pub ports: Option<Arc<[SlicePort]>>,
}

/// A port of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlicePort {
    /// The name of the service's port; empty when unnamed.
    pub name: Str,
    /// The number on the endpoint.
    pub port: u16,
    /// Its transport.
    pub transport: Transport,
}

/// A service account; only its metadata is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its metadata.
    pub meta: Meta,
}

/// A secret. Its debug output never shows a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secret {
    /// Its metadata.
    pub meta: Meta,
    /// `type`, such as `kubernetes.io/tls`.
    pub kind: Str,
    /// The decoded values: those of [`Secret::TLS_KEYS`], and all that a secret has which tells of a cluster.
    pub data: BTreeMap<Str, Concealed>,
}

impl Secret {
    /// The keys of what is for TLS: certificate, private key, roots, revoked certificates, OCSP response.
    pub const TLS_KEYS: [&str; 9] = [
        "cert",
        "key",
        "cacert",
        "crl",
        "tls.crt",
        "tls.key",
        "tls.ocsp-staple",
        "ca.crt",
        "ca.crl",
    ];

    /// The label of secrets that tell of clusters, and its value.
    pub const OF_CLUSTERS: (&str, &str) = ("istio/multiCluster", "true");

    /// Whether metadata are those of a secret that tells of clusters.
    pub fn tells_of_clusters(meta: &Meta) -> bool {
        let (label, value) = Secret::OF_CLUSTERS;
        meta.label(label).is_some_and(|told| **told == *value)
    }
}

/// A config map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigMap {
    /// Its metadata.
    pub meta: Meta,
    /// The text values; binary ones are not read.
    pub data: BTreeMap<Str, Str>,
}
