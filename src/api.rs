//! The leaf band: what an object is, how it is named, and what is said of it.
//!
//! Owns the object types that sources emit, their keys, and diagnostics. Must not know where objects come
//! from (files, an API server), nor Envoy. Every type here is plain data, projected to the fields that the
//! project reads: two objects that project equally are the same object.

pub mod block;
pub mod change;
pub mod cidr;
pub mod cluster;
pub mod concealed;
pub mod config;
pub mod core;
pub mod crd;
pub mod diagnostic;
pub mod duration;
pub(crate) mod enumeration;
pub mod extensions;
pub mod features;
pub mod field_path;
#[cfg(test)]
pub(crate) mod fixture;
pub mod host;
pub mod issue;
pub mod jwks;
pub mod key;
pub mod label_selector;
pub mod list;
pub mod mesh;
pub mod mesh_networks;
pub mod meta;
pub mod networking;
pub mod object;
pub mod pem;
pub mod proto_json;
pub mod protocol;
pub mod re2;
mod rules;
pub mod schema;
pub mod security;
pub mod spelling;
pub mod target;
pub mod telemetry;
pub mod wanted;

pub use self::block::Block;
pub use self::change::{Batch, Change, Remote};
pub use self::cluster::{ClusterPhase, ClusterState, SyncStatus};
pub use self::diagnostic::{Code, Diagnostic, Location, Severity};
pub use self::features::Features;
pub use self::key::{Kind, ObjectKey};
pub use self::label_selector::LabelSelector;
pub use self::mesh::MeshConfig;
pub use self::mesh_networks::MeshNetworks;
pub use self::meta::{Labels, Meta};
pub use self::object::Object;
pub use self::protocol::Protocol;
pub use self::wanted::Wanted;

/// The string of names, labels and addresses: shared, because the same few thousand strings recur in
/// every object, snapshot and scope.
pub type Str = std::sync::Arc<str>;
