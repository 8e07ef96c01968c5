//! Projection: from an object as JSON to the fields that the project reads.
//!
//! Owns the decision whether an object can be used at all, and what is said of it when it cannot. Must not
//! know where the JSON came from: files and an API server project alike. An object is taken whole or not at
//! all: one bad port or address drops it, with the path of the field, since half an object would be served
//! as if it were what the user wrote. Unknown fields never drop anything.

mod checks;
mod config;
mod decode;
mod endpoints;
mod meta;
mod namespaced;
mod node;
mod pod;
mod service;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::intern::Interner;
use crate::api::extensions::{TrafficExtension, WasmPlugin};
use crate::api::field_path::FieldPath;
pub use crate::api::issue::Issue;
use crate::api::networking::{
    DestinationRule, EnvoyFilter, Gateway, ProxyConfig, ServiceEntry, Sidecar, VirtualService,
    WorkloadEntry, WorkloadGroup,
};
use crate::api::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use crate::api::telemetry::Telemetry;
use crate::api::{Kind, Labels, Object, ObjectKey, Str};

/// The namespace of an object of a namespaced kind that names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// What became of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Projected {
    /// The object.
    pub object: Object,
    /// What has no effect in it, such as unknown fields, and what validation says.
    pub issues: Vec<Issue>,
}

/// Why an object could not be projected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It is of a kind, or of a version of a kind, that the project does not read.
    Unread {
        /// As the object writes it.
        api_version: String,
        /// As the object writes it.
        kind: String,
    },
    /// It cannot be used.
    Invalid {
        /// Its key, when it could be told.
        key: Option<ObjectKey>,
        /// What is wrong with it.
        issue: Issue,
    },
}

/// Projects one object of any kind. Its strings are shared through `strings`, one for all objects of a source.
///
/// # Errors
/// When the kind is not read, or the object has a wrong type or an unusable value anywhere.
pub fn project(value: Value, strings: &mut Interner) -> Result<Projected, Rejection> {
    let kind = kind_of(&value)?;
    let key = key_of(kind, &value);
    let mut context = Context { issues: Vec::new(), strings };
    match project_kind(kind, value, &mut context) {
        Ok(object) => Ok(Projected { object, issues: context.issues }),
        Err(issue) => Err(Rejection::Invalid { key, issue }),
    }
}

/// Decodes a document that is no object, as protobuf reads JSON, and tells what has no effect in it.
///
/// # Errors
/// When a field has a wrong type.
pub(super) fn document<T: DeserializeOwned>(value: Value) -> Result<(T, Vec<Issue>), Issue> {
    let mut strings = Interner::default();
    let mut context = Context { issues: Vec::new(), strings: &mut strings };
    let decoded = decode::proto(value, &FieldPath::root(), &mut context)?;
    Ok((decoded, context.issues))
}

/// What the projection of one object gathers and shares.
struct Context<'a> {
    issues: Vec<Issue>,
    strings: &'a mut Interner,
}

impl Context<'_> {
    fn warn(&mut self, path: FieldPath, message: impl Into<String>) {
        self.issues.push(Issue::warning(path, message));
    }

    fn shared(&mut self, text: &str) -> Str {
        self.strings.intern(text)
    }

    /// Kubernetes writes absent strings as null, as nothing and as "": all of them are empty here.
    fn text(&mut self, value: Option<&str>) -> Str {
        self.shared(value.unwrap_or_default())
    }

    /// A sorted map of shared strings, of the keys that pass.
    fn map(
        &mut self,
        map: &Option<BTreeMap<String, String>>,
        keep: impl Fn(&str) -> bool,
    ) -> Labels {
        let kept = map.iter().flatten().filter(|(key, _)| keep(key));
        kept.map(|(key, value)| (self.shared(key), self.shared(value))).collect()
    }
}

fn project_kind(kind: Kind, value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    match kind {
        Kind::Namespace => node::namespace(value, context),
        Kind::Node => node::node(value, context),
        Kind::Pod => pod::pod(value, context),
        Kind::Service => service::service(value, context),
        Kind::Endpoints => endpoints::endpoints(value, context),
        Kind::EndpointSlice => endpoints::endpoint_slice(value, context),
        Kind::ServiceAccount => namespaced::service_account(value, context),
        Kind::Secret => namespaced::secret(value, context),
        Kind::ConfigMap => namespaced::config_map(value, context),
        Kind::VirtualService => config::typed::<VirtualService>(value, context),
        Kind::DestinationRule => config::typed::<DestinationRule>(value, context),
        Kind::Gateway => config::typed::<Gateway>(value, context),
        Kind::ServiceEntry => config::typed::<ServiceEntry>(value, context),
        Kind::WorkloadEntry => config::typed::<WorkloadEntry>(value, context),
        Kind::WorkloadGroup => config::typed::<WorkloadGroup>(value, context),
        Kind::Sidecar => config::typed::<Sidecar>(value, context),
        Kind::PeerAuthentication => config::typed::<PeerAuthentication>(value, context),
        Kind::RequestAuthentication => config::typed::<RequestAuthentication>(value, context),
        Kind::AuthorizationPolicy => config::typed::<AuthorizationPolicy>(value, context),
        Kind::EnvoyFilter => config::typed::<EnvoyFilter>(value, context),
        Kind::ProxyConfig => config::typed::<ProxyConfig>(value, context),
        Kind::Telemetry => config::typed::<Telemetry>(value, context),
        Kind::WasmPlugin => config::typed::<WasmPlugin>(value, context),
        Kind::TrafficExtension => config::typed::<TrafficExtension>(value, context),
    }
}

fn kind_of(value: &Value) -> Result<Kind, Rejection> {
    let field = |name: &str| match value.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.as_str()),
        Some(Value::Null) | Some(Value::String(_)) | None => {
            Err(unidentified(FieldPath::of(name), "missing: every object names it"))
        }
        Some(_) => Err(unidentified(FieldPath::of(name), "must be a string")),
    };
    if !value.is_object() {
        return Err(unidentified(
            FieldPath::root(),
            "not an object: expected apiVersion, kind, metadata",
        ));
    }
    let (api_version, kind) = (field("apiVersion")?, field("kind")?);
    Kind::of(api_version, kind).ok_or_else(|| Rejection::Unread {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    })
}

fn unidentified(path: FieldPath, message: &str) -> Rejection {
    Rejection::Invalid { key: None, issue: Issue::error(path, message) }
}

fn key_of(kind: Kind, value: &Value) -> Option<ObjectKey> {
    let metadata = value.get("metadata")?;
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
    let namespace = match kind.namespaced() {
        true => text("namespace").unwrap_or(DEFAULT_NAMESPACE),
        false => "",
    };
    Some(ObjectKey::new(kind, namespace, text("name")?))
}

#[cfg(test)]
mod tests;
