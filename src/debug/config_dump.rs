//! `/debug/config_dump`: what a connected proxy is served, in the format of Envoy's admin interface; and the
//! lists of single types (`edsz`, `ndsz`, `ecdsz`).
//!
//! Written resource by resource: at no time more than one of them is there as JSON values, which take ten
//! times the room of the text.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::access::Reader;
use super::answer::{Parameters, Refusal};
use super::connections::find;
use super::{Context, State as Sources};
use crate::api::Str;
use crate::proto::json::{Names, any_to_json};
use crate::serve::connections::Connection;
use crate::translate::{Resource, ResourceType, secret};

/// `/debug/config_dump?proxyID=`, with `types=` the resources of these types only, with `include_eds` the
/// assignments too.
pub(super) async fn config_dump(
    State(context): State<Context>,
    Extension(reader): Extension<Reader>,
    parameters: Parameters,
) -> Response {
    match parameters.get("types").filter(|types| !types.is_empty()) {
        Some(types) => {
            let kinds = types.split(',').map(|name| {
                let kind = ResourceType::ALL.into_iter().find(|kind| kind.short_name() == name);
                kind.ok_or_else(|| Refusal::bad_request(format!("unknown type {name:?} in types")))
            });
            let kinds = kinds.collect::<Result<Vec<_>, _>>();
            list(context, reader, parameters, kinds).await
        }
        None => {
            let pretty = parameters.contains_key("pretty");
            let make = move || {
                let connection = find(&context.state, &reader, &parameters)?;
                let include_eds = parameters.contains_key("include_eds");
                Ok(Configs(sections(&connection, include_eds, &version(&context.state))))
            };
            context.gate.json_or_error(pretty, make).await
        }
    }
}

/// What a proxy is served, section by section, without its assignments.
pub(super) fn sections_as_json(
    state: &Sources,
    connection: &Connection,
) -> Result<Vec<Value>, Refusal> {
    let sections = sections(connection, false, &version(state));
    let values = sections.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    values.map_err(|error| Refusal::internal(error.to_string()))
}

/// The version of what is served.
fn version(state: &Sources) -> Str {
    state.snapshots.load().generation.to_string().into()
}

/// `/debug/edsz?proxyID=`.
pub(super) async fn edsz(
    State(context): State<Context>,
    Extension(reader): Extension<Reader>,
    parameters: Parameters,
) -> Response {
    list(context, reader, parameters, Ok(vec![ResourceType::Endpoint])).await
}

/// `/debug/ndsz?proxyID=`.
pub(super) async fn ndsz(
    State(context): State<Context>,
    Extension(reader): Extension<Reader>,
    parameters: Parameters,
) -> Response {
    list(context, reader, parameters, Ok(vec![ResourceType::NameTable])).await
}

/// `/debug/ecdsz?proxyID=`.
pub(super) async fn ecdsz(
    State(context): State<Context>,
    Extension(reader): Extension<Reader>,
    parameters: Parameters,
) -> Response {
    list(context, reader, parameters, Ok(vec![ResourceType::Extension])).await
}

async fn list(
    context: Context,
    reader: Reader,
    parameters: Parameters,
    kinds: Result<Vec<ResourceType>, Refusal>,
) -> Response {
    let pretty = parameters.contains_key("pretty");
    let make = move || {
        let connection = find(&context.state, &reader, &parameters)?;
        let kinds = kinds?;
        let entries = kinds.into_iter().flat_map(|kind| {
            resources(&connection, kind).into_iter().map(move |resource| Packed { kind, resource })
        });
        Ok(Configs(entries.collect::<Vec<_>>()))
    };
    context.gate.json_or_error(pretty, make).await
}

/// The resources of a type that a proxy is served, sorted by name: all that there are, or those of the names
/// that it asked for, or none when it never asked for the type.
fn resources(connection: &Connection, kind: ResourceType) -> Vec<Arc<Resource>> {
    let watched = connection.watched().into_iter().find(|watched| watched.kind == kind);
    let Some(watched) = watched else { return Vec::new() };
    let view = connection.view();
    let named = |name: &Str| {
        view.get(kind, name).cloned().or_else(|| view.absent(kind, name).map(Arc::new))
    };
    let mut found: Vec<_> = if watched.wildcard {
        view.items(kind).cloned().collect()
    } else {
        watched.names.iter().filter_map(named).collect()
    };
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// `{"configs": […]}`; nothing in it when there are none.
struct Configs<T>(Vec<T>);

impl<T: Serialize> Serialize for Configs<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.0.is_empty() {
            map.serialize_entry("configs", &self.0)?;
        }
        map.end()
    }
}

/// A resource as an `Any`.
struct Packed {
    kind: ResourceType,
    resource: Arc<Resource>,
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Packed { kind, resource } = self;
        let body = match kind {
            ResourceType::Secret => &secret::redacted(&resource.body),
            _ => &resource.body,
        };
        any_to_json(kind.type_url(), body, Names::Camel).serialize(serializer)
    }
}

/// One message of Envoy's dump.
struct Section {
    type_name: &'static str,
    /// The version of all of it.
    version: Option<Str>,
    /// The field that holds the entries, and these.
    entries: Option<(&'static str, Vec<Entry>)>,
}

/// The sections in the order of Envoy's dump. Those of what is not served have nothing in them.
fn sections(connection: &Connection, include_eds: bool, version: &Str) -> Vec<Section> {
    let entries = |kind: ResourceType| {
        let entry =
            |resource| Entry { version: version.clone(), packed: Packed { kind, resource } };
        resources(connection, kind).into_iter().map(entry).collect::<Vec<_>>()
    };
    let empty = |type_name| Section { type_name, version: None, entries: None };
    let section = |type_name, version, field, kind| {
        let entries = Some((field, entries(kind))).filter(|(_, list)| !list.is_empty());
        Section { type_name, version, entries }
    };
    let own = || Some(version.clone());
    let clusters = ("ClustersConfigDump", "dynamicActiveClusters", ResourceType::Cluster);
    let endpoints = ("EndpointsConfigDump", "dynamicEndpointConfigs", ResourceType::Endpoint);
    let listeners = ("ListenersConfigDump", "dynamicListeners", ResourceType::Listener);
    let routes = ("RoutesConfigDump", "dynamicRouteConfigs", ResourceType::Route);
    let secrets = ("SecretsConfigDump", "dynamicActiveSecrets", ResourceType::Secret);
    let extensions = ("EcdsConfigDump", "ecdsFilters", ResourceType::Extension);
    let mut all =
        vec![empty("BootstrapConfigDump"), section(clusters.0, own(), clusters.1, clusters.2)];
    if include_eds {
        all.push(section(endpoints.0, None, endpoints.1, endpoints.2));
    }
    all.extend([
        section(listeners.0, own(), listeners.1, listeners.2),
        empty("ScopedRoutesConfigDump"),
        section(routes.0, None, routes.1, routes.2),
        section(secrets.0, None, secrets.1, secrets.2),
        section(extensions.0, None, extensions.1, extensions.2),
    ]);
    all
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let type_url = format!("type.googleapis.com/envoy.admin.v3.{}", self.type_name);
        map.serialize_entry("@type", &type_url)?;
        if let Some(version) = &self.version {
            map.serialize_entry("versionInfo", version)?;
        }
        if let Some((field, entries)) = &self.entries {
            map.serialize_entry(field, entries)?;
        }
        map.end()
    }
}

/// A resource as its section wraps it.
struct Entry {
    version: Str,
    packed: Packed,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.packed.kind {
            ResourceType::Cluster => map.serialize_entry("cluster", &self.packed)?,
            ResourceType::Listener => {
                map.serialize_entry("name", &self.packed.resource.name)?;
                map.serialize_entry("activeState", &ActiveListener(self))?;
            }
            ResourceType::Endpoint | ResourceType::Route | ResourceType::Extension => {
                map.serialize_entry("versionInfo", &self.version)?;
                let field = match self.packed.kind {
                    ResourceType::Endpoint => "endpointConfig",
                    ResourceType::Route => "routeConfig",
                    _ => "ecdsFilter",
                };
                map.serialize_entry(field, &self.packed)?;
            }
            ResourceType::Secret => {
                map.serialize_entry("name", &self.packed.resource.name)?;
                map.serialize_entry("versionInfo", &self.version)?;
                map.serialize_entry("secret", &self.packed)?;
            }
            // Envoy's dump has no place for it.
            ResourceType::NameTable | ResourceType::ProxyConfig => {}
        }
        map.end()
    }
}

struct ActiveListener<'a>(&'a Entry);

impl Serialize for ActiveListener<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("versionInfo", &self.0.version)?;
        map.serialize_entry("listener", &self.0.packed)?;
        map.end()
    }
}
