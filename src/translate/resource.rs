//! Resources: encoded once, shared by every proxy that needs them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::api::{ObjectKey, Str};

/// The types of resources that are built, in the order in which they are sent: a type stands behind those
/// that it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// CDS.
    Cluster,
    /// EDS.
    Endpoint,
    /// LDS.
    Listener,
    /// RDS.
    Route,
    /// SDS. Of views that builders make there are none: what a proxy may have of them depends on who it is.
    Secret,
    /// ECDS.
    Extension,
    /// NDS, istio-agent's name table.
    NameTable,
    /// PCDS, the roots of the mesh for agents.
    ProxyConfig,
}

impl ResourceType {
    /// Every type, in sending order.
    pub const ALL: [ResourceType; 8] = [
        ResourceType::Cluster,
        ResourceType::Endpoint,
        ResourceType::Listener,
        ResourceType::Route,
        ResourceType::Secret,
        ResourceType::Extension,
        ResourceType::NameTable,
        ResourceType::ProxyConfig,
    ];

    /// The URL that requests and resources carry.
    pub fn type_url(self) -> &'static str {
        match self {
            ResourceType::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            ResourceType::Endpoint => {
                "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
            }
            ResourceType::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            ResourceType::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            ResourceType::Secret => {
                "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
            }
            ResourceType::Extension => {
                "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
            }
            ResourceType::NameTable => "type.googleapis.com/istio.networking.nds.v1.NameTable",
            ResourceType::ProxyConfig => "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig",
        }
    }

    /// The type that a URL names.
    pub fn of_url(url: &str) -> Option<ResourceType> {
        ResourceType::ALL.into_iter().find(|t| t.type_url() == url)
    }

    /// The short name of metrics and debug output.
    pub fn short_name(self) -> &'static str {
        match self {
            ResourceType::Cluster => "cds",
            ResourceType::Endpoint => "eds",
            ResourceType::Listener => "lds",
            ResourceType::Route => "rds",
            ResourceType::Secret => "sds",
            ResourceType::Extension => "ecds",
            ResourceType::NameTable => "nds",
            ResourceType::ProxyConfig => "pcds",
        }
    }

    /// A proxy gets all resources of the type, whatever names it asks for.
    pub fn is_wildcard(self) -> bool {
        matches!(
            self,
            ResourceType::Cluster
                | ResourceType::Listener
                | ResourceType::NameTable
                | ResourceType::ProxyConfig
        )
    }

    /// Where there is nothing of the type nothing is said, not even that: of secrets nobody hears whom they are not for,
    /// and a proxy goes on with the roots that it has.
    pub fn is_silent_about_nothing(self) -> bool {
        matches!(self, ResourceType::Secret | ResourceType::ProxyConfig)
    }
}

/// One resource, encoded. What it says is not shown by its debug output: it may be a secret.
#[derive(PartialEq)]
pub struct Resource {
    /// Its name, unique in its type.
    pub name: Str,
    /// The encoded message, without `Any` around it.
    pub body: Bytes,
    /// Of `body`: equal resources have equal hashes, in every process of the same version.
    pub hash: u64,
    /// The objects that it was made from, sorted. What a proxy refuses is traced to them.
    pub origins: Arc<[ObjectKey]>,
}

impl Resource {
    /// From its encoded message. Origins are sorted here.
    pub fn new(name: Str, body: Bytes, origins: impl IntoIterator<Item = ObjectKey>) -> Resource {
        let mut origins: Vec<ObjectKey> = origins.into_iter().collect();
        origins.sort();
        origins.dedup();
        Resource { name, hash: rapidhash::v3::rapidhash_v3(&body), body, origins: origins.into() }
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resource { name, body, hash, origins } = self;
        let mut shown = f.debug_struct("Resource");
        shown.field("name", name).field("bytes", &body.len()).field("hash", hash);
        shown.field("origins", origins).finish()
    }
}

/// Resources of one type, sorted by name. Compared by pointer: [`memo`](super::memo) gives equal sets one
/// `Arc`.
pub struct ResourceSet {
    kind: ResourceType,
    items: Arc<[Arc<Resource>]>,
    sotw: OnceLock<Bytes>,
    delta: OnceLock<Bytes>,
}

impl fmt::Debug for ResourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResourceSet { kind, items, .. } = self;
        f.debug_struct("ResourceSet").field("kind", kind).field("items", items).finish()
    }
}

impl ResourceSet {
    /// From resources in any order. Of two with one name the first stays; builders report such conflicts
    /// before.
    pub fn new(kind: ResourceType, items: Vec<Arc<Resource>>) -> ResourceSet {
        ResourceSet::of_sorted(kind, sorted(items))
    }

    /// From resources as [`sorted`] leaves them.
    pub(super) fn of_sorted(kind: ResourceType, items: Arc<[Arc<Resource>]>) -> ResourceSet {
        ResourceSet { kind, items, sotw: OnceLock::new(), delta: OnceLock::new() }
    }

    /// The type of all of them.
    pub fn kind(&self) -> ResourceType {
        self.kind
    }

    /// All of them, sorted by name.
    pub fn items(&self) -> &[Arc<Resource>] {
        &self.items
    }

    /// One by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<Resource>> {
        let at = self.items.binary_search_by(|r| (*r.name).cmp(name)).ok()?;
        self.items.get(at)
    }

    /// All of them as the `resources` entries of a DiscoveryResponse, encoded once.
    pub fn sotw_entries(&self) -> &Bytes {
        self.sotw.get_or_init(|| sotw_entries(self.kind, self.items.iter()))
    }

    /// All of them as the `resources` entries of a DeltaDiscoveryResponse, encoded once.
    pub fn delta_entries(&self) -> &Bytes {
        self.delta.get_or_init(|| delta_entries(self.kind, self.items.iter()))
    }
}

/// Resources sorted by name, each name once: of two the first stays. Most lists are so already.
pub(super) fn sorted(mut items: Vec<Arc<Resource>>) -> Arc<[Arc<Resource>]> {
    if !items.is_sorted_by(|a, b| a.name < b.name) {
        items.sort_by(|a, b| a.name.cmp(&b.name));
        items.dedup_by(|b, a| a.name == b.name);
    }
    items.into()
}

/// The field number of `resources` in both kinds of response.
const RESOURCES: u32 = 2;

/// Resources as the `resources` entries of a DiscoveryResponse.
pub fn sotw_entries<'a>(
    kind: ResourceType,
    items: impl Iterator<Item = &'a Arc<Resource>> + Clone,
) -> Bytes {
    let size = items
        .clone()
        .map(|r| {
            let any = any_len(kind, r);
            key_len(RESOURCES) + encoded_len_varint(any as u64) + any
        })
        .sum();
    let mut out = BytesMut::with_capacity(size);
    for resource in items {
        put_header(&mut out, RESOURCES, any_len(kind, resource));
        put_any(&mut out, kind, resource);
    }
    out.freeze()
}

/// Resources as the `resources` entries of a DeltaDiscoveryResponse: each an encoded `Resource` with name,
/// version and `Any`.
pub fn delta_entries<'a>(
    kind: ResourceType,
    items: impl Iterator<Item = &'a Arc<Resource>> + Clone,
) -> Bytes {
    let entry_len = |r: &Resource| {
        let any = any_len(kind, r);
        bytes_len(1, VERSION_LEN) + bytes_len(2, any) + bytes_len(3, r.name.len())
    };
    let size = items.clone().map(|r| bytes_len(RESOURCES, entry_len(r))).sum();
    let mut out = BytesMut::with_capacity(size);
    for resource in items {
        put_header(&mut out, RESOURCES, entry_len(resource));
        put_bytes(&mut out, 1, resource.version().as_bytes());
        put_header(&mut out, 2, any_len(kind, resource));
        put_any(&mut out, kind, resource);
        put_bytes(&mut out, 3, resource.name.as_bytes());
    }
    out.freeze()
}

/// The length of [`Resource::version`].
const VERSION_LEN: usize = 16;

impl Resource {
    /// The version that delta streams carry: the hash in hexadecimal.
    pub fn version(&self) -> String {
        format!("{:016x}", self.hash)
    }
}

fn bytes_len(field: u32, len: usize) -> usize {
    key_len(field) + encoded_len_varint(len as u64) + len
}

fn any_len(kind: ResourceType, resource: &Resource) -> usize {
    bytes_len(1, kind.type_url().len()) + bytes_len(2, resource.body.len())
}

fn put_any(out: &mut BytesMut, kind: ResourceType, resource: &Resource) {
    put_bytes(out, 1, kind.type_url().as_bytes());
    put_bytes(out, 2, &resource.body);
}

fn put_header(out: &mut BytesMut, field: u32, len: usize) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

fn put_bytes(out: &mut BytesMut, field: u32, bytes: &[u8]) {
    put_header(out, field, bytes.len());
    out.put_slice(bytes);
}

/// One set for each type.
#[derive(Clone, Debug)]
pub struct Resources {
    sets: [Arc<ResourceSet>; ResourceType::ALL.len()],
}

impl Resources {
    /// Empty sets, but for those given. One set for a type; the last wins.
    pub fn new(sets: impl IntoIterator<Item = Arc<ResourceSet>>) -> Resources {
        let mut all = ResourceType::ALL.map(|kind| Arc::new(ResourceSet::new(kind, Vec::new())));
        for set in sets {
            if let Some(slot) = all.iter_mut().find(|s| s.kind() == set.kind()) {
                *slot = set;
            }
        }
        Resources { sets: all }
    }

    /// The set of a type.
    pub fn get(&self, kind: ResourceType) -> &Arc<ResourceSet> {
        let [cluster, endpoint, listener, route, secret, extension, name_table, proxy_config] =
            &self.sets;
        match kind {
            ResourceType::Cluster => cluster,
            ResourceType::Endpoint => endpoint,
            ResourceType::Listener => listener,
            ResourceType::Route => route,
            ResourceType::Secret => secret,
            ResourceType::Extension => extension,
            ResourceType::NameTable => name_table,
            ResourceType::ProxyConfig => proxy_config,
        }
    }
}

#[cfg(test)]
mod tests;
