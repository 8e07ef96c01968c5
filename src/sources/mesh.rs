//! The mesh configuration and the mesh networks: from YAML to `api::MeshConfig`.
//!
//! Owns parsing, the defaults and the rules of merging, and where the configuration comes from: a file, which is
//! followed, or a ConfigMap that another source reads, laid over one that meshes share. Whatever is wrong in an
//! update, the last good configuration stays.

mod config_map;
mod fields;
mod file;
mod layers;
mod merge;
mod networks;
mod schema;
mod typed;

use serde_json::{Map, Value};

pub use self::config_map::FromConfigMap;
pub use self::file::{MeshFile, run};
pub use self::layers::Layers;
use super::project::Issue;
use super::value::{self, SyntaxError};
use crate::api::field_path::FieldPath;
use crate::api::{MeshConfig, MeshNetworks, mesh};

/// The fields of a configuration that are given, in canonical form.
type Given = Map<String, Value>;

/// The documents that configure a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// MeshConfig.
    Mesh,
    /// MeshNetworks.
    Networks,
}

/// What a document says.
#[derive(Clone, Debug, PartialEq)]
enum Content {
    Mesh(Given),
    Networks(MeshNetworks),
}

/// A configuration, and what has no effect in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// Laid over the defaults.
    pub mesh: MeshConfig,
    /// Unknown fields.
    pub warnings: Vec<Issue>,
}

/// Why a text is no mesh configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The line of the text, counted from 1, when only the syntax is wrong and the parser tells it.
    pub line: Option<usize>,
    /// What is wrong where.
    pub issue: Issue,
}

/// istiod's defaults, with `raw` filled in.
pub fn defaults() -> MeshConfig {
    parse("").map(|parsed| parsed.mesh).unwrap_or_default()
}

/// Reads a configuration and lays it over the defaults. An empty text gives the defaults.
///
/// # Errors
/// When it is no YAML, or a known field has a value that cannot be used.
pub fn parse(text: &str) -> Result<Parsed, Invalid> {
    let (given, warnings) = given(Document::Mesh.fields(text)?);
    let mesh = given.and_then(|given| lay([given]));
    let mesh = mesh.map_err(|issue| Invalid { line: None, issue })?;
    Ok(Parsed { mesh, warnings })
}

/// What a text says, and what has no effect in it.
struct Reading {
    content: Content,
    warnings: Vec<Issue>,
}

impl Document {
    /// What a message adds where an update cannot be used.
    fn stays(self) -> &'static str {
        match self {
            Document::Mesh => "; the mesh configuration stays as it was",
            Document::Networks => "; the mesh networks stay as they were",
        }
    }

    /// Its type.
    fn message(self) -> &'static str {
        match self {
            Document::Mesh => "MeshConfig",
            Document::Networks => "MeshNetworks",
        }
    }

    /// Reads a text without laying it over anything.
    fn read(self, text: &str) -> Result<Reading, Invalid> {
        let fields = self.fields(text)?;
        let invalid = |issue| Invalid { line: None, issue };
        match self {
            Document::Mesh => {
                let (given, warnings) = given(fields);
                Ok(Reading { content: Content::Mesh(given.map_err(invalid)?), warnings })
            }
            Document::Networks => {
                let (networks, warnings) = networks::read(fields).map_err(invalid)?;
                Ok(Reading { content: Content::Networks(networks), warnings })
            }
        }
    }

    fn fields(self, text: &str) -> Result<Map<String, Value>, Invalid> {
        match value::from_yaml(text) {
            Ok(Value::Null) => Ok(Map::new()),
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => {
                let message = format!("must be an object: fields of {}", self.message());
                Err(Invalid { line: None, issue: Issue::error(FieldPath::root(), message) })
            }
            Err(SyntaxError { line, message }) => {
                Err(Invalid { line, issue: Issue::error(FieldPath::root(), message) })
            }
        }
    }
}

/// The fields of a MeshConfig in canonical form, and what has no effect among them.
fn given(fields: Map<String, Value>) -> (Result<Given, Issue>, Vec<Issue>) {
    let mut warnings = Vec::new();
    let given = schema::message(fields::MESH_CONFIG, fields, &FieldPath::root(), &mut warnings);
    (given, warnings)
}

/// Lays configurations over the defaults, the later over the earlier.
fn lay(layers: impl IntoIterator<Item = Given>) -> Result<MeshConfig, Issue> {
    let mut merged = mesh::defaults::mesh();
    layers.into_iter().for_each(|layer| merge::merge(&mut merged, layer));
    let mut mesh = typed::typed(&merged)?;
    schema::prune(fields::MESH_CONFIG, &mut merged);
    mesh.raw = Value::Object(merged);
    Ok(mesh)
}

#[cfg(test)]
mod tests;
