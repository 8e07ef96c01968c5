//! The mesh configuration as templates see it, and the ProxyConfig of a pod.

use serde_json::{Map, Value as Json, json};

use super::containers;
use crate::api::mesh::defaults;
use crate::webhooks::schema::Type;
use crate::webhooks::schema::canonical::canonical;
use crate::webhooks::schema::typed::typed;
use crate::webhooks::template::Value;

/// The annotation by which a pod changes its ProxyConfig.
const PROXY_CONFIG: &str = "proxy.istio.io/config";

const MESH: Type = Type::Struct("MeshConfig");
const PROXY: Type = Type::Struct("ProxyConfig");

/// What objects of the kind ProxyConfig say of a pod, each as part of a mesh's ProxyConfig.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyConfigs {
    /// Those for all pods: of the mesh, and over it of the namespace.
    pub general: Vec<Json>,
    /// The one that selects the pod.
    pub own: Option<Json>,
}

/// A mesh configuration over Istio's defaults.
#[derive(Debug)]
pub struct Mesh {
    json: Json,
    /// The same for templates.
    pub(super) value: Value,
}

impl Mesh {
    /// Reads a mesh configuration, YAML or JSON; an empty one is the defaults.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Mesh, String> {
        let given: Json = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        Mesh::of(given)
    }

    /// A mesh configuration over the defaults.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(given: Json) -> Result<Mesh, String> {
        let given = canonical(given, &MESH).map_err(|wrong| wrong.to_string())?;
        let mut fields = defaults();
        if let Json::Object(mut given) = given {
            if let (Some(Json::Object(over)), Some(Json::Object(under))) =
                (given.remove("defaultConfig"), fields.get_mut("defaultConfig"))
            {
                lay(under, over);
            }
            fields.extend(given);
        }
        let json = Json::Object(fields);
        Ok(Mesh { value: typed(&json, &MESH), json })
    }

    /// The value at a place.
    pub(super) fn at(&self, pointer: &str) -> Option<&Json> {
        self.json.pointer(pointer)
    }

    /// The agent's port.
    pub(super) fn status_port(&self) -> i64 {
        self.at("/defaultConfig/statusPort").and_then(Json::as_i64).unwrap_or_default()
    }

    /// The ProxyConfig of a pod: the mesh's, over that objects for all, what the pod says, and the object for it alone.
    ///
    /// # Errors
    /// When what the pod says is none.
    pub(super) fn proxy_config(&self, pod: &Json, objects: &ProxyConfigs) -> Result<Json, String> {
        let mut config = self.at("/defaultConfig").cloned().unwrap_or_else(|| json!({}));
        let mut over = |layer: Json| {
            if let (Json::Object(under), Json::Object(over)) = (&mut config, layer) {
                lay(under, over);
            }
        };
        // What is wrong with objects is told of them, and costs no pod its start.
        let sound = |layer: &Json| explicit(layer.clone()).ok();
        objects.general.iter().filter_map(sound).for_each(&mut over);
        if let Some(text) = containers::annotation(pod, PROXY_CONFIG) {
            over(overlay(text)?);
        }
        objects.own.iter().filter_map(sound).for_each(&mut over);
        Ok(config)
    }
}

/// What an annotation says of the ProxyConfig.
pub(super) fn overlay(text: &str) -> Result<Json, String> {
    let could_not = |message: String| format!("could not parse proxy config: {message}");
    let given: Json = serde_yaml::from_str(text).map_err(|error| could_not(error.to_string()))?;
    match given {
        Json::Null => Ok(json!({})),
        given => explicit(given).map_err(could_not),
    }
}

/// Canonical, but keeping what is set to its default: it may be over something else.
fn explicit(given: Json) -> Result<Json, String> {
    let kept = canonical(given.clone(), &PROXY).map_err(|wrong| wrong.to_string())?;
    let (Json::Object(mut kept), Json::Object(given)) = (kept, given) else {
        return Err("it is no object".into());
    };
    let shape = crate::webhooks::schema::Shape::named("ProxyConfig");
    for (key, value) in given {
        let field = shape.and_then(|shape| shape.in_json(&key));
        if let Some(field) = field.filter(|field| !kept.contains_key(field.json)) {
            kept.insert(field.json.to_owned(), value);
        }
    }
    Ok(Json::Object(kept))
}

/// Lays one ProxyConfig over another: fields whole, entries of the metadata each by itself.
fn lay(under: &mut Map<String, Json>, over: Map<String, Json>) {
    for (key, value) in over {
        match (key.as_str(), under.get_mut(&key), value) {
            ("proxyMetadata", Some(Json::Object(kept)), Json::Object(given)) => kept.extend(given),
            (_, _, Json::Null) => {
                under.remove(&key);
            }
            (_, _, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Istio's defaults, as templates see them.
fn defaults() -> Map<String, Json> {
    let mut fields = defaults::mesh();
    fields.insert("inboundTrafficPolicy".to_owned(), json!({"mode": "PASSTHROUGH"}));
    fields
}

#[cfg(test)]
mod tests;
