//! Services: host names with ports that endpoints serve.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use super::Protocol;
use crate::api::core::TargetPort;
use crate::api::features::SessionLabels;
use crate::api::{Block, Labels, ObjectKey, Str};

/// Names a service. The same host name may exist in several namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// Fully qualified, such as `reviews.default.svc.cluster.local`.
    pub hostname: Str,
    /// The namespace of the object that defines it.
    pub namespace: Str,
}

/// A service of the mesh, whatever object defines it. Endpoints are not part of it: they change far more
/// often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its host name and namespace.
    pub key: ServiceKey,
    /// The defining object's name; for a Kubernetes Service its short name.
    pub name: Str,
    /// Who defines it.
    pub registry: Registry,
    /// How endpoints are found.
    pub resolution: Resolution,
    /// The ports, in the object's order.
    pub ports: Vec<Port>,
    /// Its virtual addresses in each cluster that has it, that first which decides how it is: none where it is
    /// headless. A ServiceEntry's are no cluster's.
    pub addresses: Vec<(Str, Vec<IpAddr>)>,
    /// Its addresses, and blocks of addresses, as its ServiceEntry names them: the same in all clusters.
    pub blocks: Vec<Block>,
    /// Addresses that were allocated for it because it has none, one of each family. They mean something only
    /// to clients that resolve names by our table.
    pub allocated: Vec<IpAddr>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Outside the mesh: no mTLS, no sidecar.
    pub mesh_external: bool,
    /// Identities that its endpoints are known by beside those of its pods: sorted, but those that a ServiceEntry
    /// names (`subjectAltNames`) as it names them.
    pub service_accounts: Vec<Str>,
    /// The labels of the object.
    pub labels: Labels,
    /// The pods behind it.
    pub selector: Labels,
    /// When the object was created: the oldest wins conflicts.
    pub created: Option<jiff::Timestamp>,
    /// Further host names that lead to it (ExternalName services), sorted.
    pub aliases: Vec<ServiceKey>,
    /// An alias's target; empty for others.
    pub external_name: Str,
    /// Only endpoints on the client's own node.
    pub node_local: bool,
    /// `PreferClose`, `PreferSameZone`, `PreferSameNode`, `Any`; empty when unset.
    pub traffic_distribution: Str,
    /// Endpoints that are not ready count as ready.
    pub publish_not_ready: bool,
    /// A ServiceEntry without an address of its own that has endpoints: clients find it there.
    pub at_endpoints: bool,
    /// Connections are tried to several addresses that DNS tells, and the first that opens is used.
    pub race_addresses: bool,
    /// Addresses that reach it from outside the cluster.
    pub external_addresses: Vec<Str>,
    /// The object that defines it.
    pub origin: ObjectKey,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Unique in the service; empty when it is the only one and unnamed.
    pub name: Str,
    /// The number that clients use.
    pub number: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Where it leads in a pod; 0 where a ServiceEntry does not say.
    pub target: TargetPort,
}

/// Who defines a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Registry {
    /// A Kubernetes Service.
    Kubernetes,
    /// A ServiceEntry.
    External,
}

impl Registry {
    /// The name that the name table and debug output show.
    pub fn name(self) -> &'static str {
        match self {
            Registry::Kubernetes => "Kubernetes",
            Registry::External => "External",
        }
    }
}

/// How the endpoints of a service are found. The order is that of Istio's numbers in debug output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// The control plane tells them (EDS).
    ClientSideLb,
    /// By DNS, all addresses.
    Dns,
    /// The client already chose the address.
    Passthrough,
    /// By DNS, the first address.
    DnsRoundRobin,
    /// Another name for a service.
    Alias,
    /// By DNS at request time, for wildcard hosts.
    DynamicDns,
}

/// The namespaces that see a service (`exportTo`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// All.
    Public,
    /// These, sorted; none when empty.
    Namespaces(Vec<Str>),
}

impl Visibility {
    /// From `exportTo` values (`*`, `.`, `~`, or a namespace) of an object in `namespace`. `*` means all whatever
    /// else is there, and `~` nobody but for that.
    pub fn of<'a>(export_to: impl IntoIterator<Item = &'a str>, namespace: &str) -> Visibility {
        let mut namespaces = Vec::new();
        let mut nobody = false;
        for value in export_to {
            match value {
                "*" => return Visibility::Public,
                "~" => nobody = true,
                "." => namespaces.push(namespace.into()),
                other => namespaces.push(other.into()),
            }
        }
        if nobody {
            namespaces.clear();
        }
        namespaces.sort();
        namespaces.dedup();
        Visibility::Namespaces(namespaces)
    }

    /// Whether every client sees it.
    pub fn is_public(&self) -> bool {
        *self == Visibility::Public
    }

    /// Whether a client in `namespace` sees it.
    pub fn includes(&self, namespace: &str) -> bool {
        match self {
            Visibility::Public => true,
            Visibility::Namespaces(list) => list.iter().any(|n| &**n == namespace),
        }
    }

    /// Whether there is a namespace that sees both.
    pub fn meets(&self, other: &Visibility) -> bool {
        match (self, other) {
            (Visibility::Public, Visibility::Public) => true,
            (Visibility::Public, Visibility::Namespaces(list))
            | (Visibility::Namespaces(list), Visibility::Public) => !list.is_empty(),
            (Visibility::Namespaces(list), _) => list.iter().any(|name| other.includes(name)),
        }
    }
}

impl Service {
    /// A service of which no more is known than who it is: it has nothing, and all see it.
    pub fn new(key: ServiceKey, registry: Registry, origin: ObjectKey) -> Service {
        Service {
            key,
            name: origin.name.clone(),
            registry,
            resolution: Resolution::ClientSideLb,
            ports: Vec::new(),
            addresses: Vec::new(),
            blocks: Vec::new(),
            allocated: Vec::new(),
            visibility: Visibility::Public,
            mesh_external: false,
            service_accounts: Vec::new(),
            labels: Labels::default(),
            selector: Labels::default(),
            created: None,
            aliases: Vec::new(),
            external_name: Str::default(),
            node_local: false,
            traffic_distribution: Str::default(),
            publish_not_ready: false,
            at_endpoints: false,
            race_addresses: false,
            external_addresses: Vec::new(),
            origin,
        }
    }

    /// The port with this number.
    pub fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|p| p.number == number)
    }

    /// Defined by Kubernetes without a virtual address.
    pub fn is_headless(&self) -> bool {
        self.registry == Registry::Kubernetes && self.resolution == Resolution::Passthrough
    }

    /// Without a virtual address, clients connect to its endpoints.
    pub fn is_at_endpoints(&self) -> bool {
        self.at_endpoints || self.is_headless()
    }

    /// It stands for hosts that proxies resolve when they are asked for.
    pub fn forwards_by_name(&self) -> bool {
        self.resolution == Resolution::DynamicDns && self.key.hostname.starts_with('*')
    }

    /// The value of a label; None without one, and if it is empty.
    pub fn label(&self, name: &str) -> Option<&Str> {
        self.labels.get(name).filter(|value| !value.is_empty() && !name.is_empty())
    }

    /// Whether the sessions of its clients stay with an endpoint, even while it goes.
    pub fn has_sessions(&self, labels: &SessionLabels) -> bool {
        self.label(labels.cookie).or_else(|| self.label(labels.header)).is_some()
    }

    /// The virtual addresses that a client in `cluster` uses: those of its own cluster, or where that does not have
    /// the service the first of the cluster that decides.
    pub fn addresses_in(&self, cluster: &str) -> &[IpAddr] {
        let own = self.addresses.iter().find(|(other, _)| **other == *cluster);
        let decides = || self.addresses.first().and_then(|(_, list)| list.first());
        match own {
            Some((_, list)) => list,
            None => decides().map_or(&[], std::slice::from_ref),
        }
    }
}

/// Istio's order of services: by creation time, then name, then namespace; the older one wins conflicts.
pub fn by_age(a: &Service, b: &Service) -> Ordering {
    a.created
        .cmp(&b.created)
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.key.namespace.cmp(&b.key.namespace))
        .then_with(|| a.key.hostname.cmp(&b.key.hostname))
        .then_with(|| a.origin.cmp(&b.origin))
}

/// Sorts by [`by_age`].
pub fn sort_by_age(services: &mut [Arc<Service>]) {
    services.sort_by(|a, b| by_age(a, b));
}
