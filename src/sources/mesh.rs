//! The mesh configuration: from YAML to `api::MeshConfig`.
//!
//! Owns parsing, the defaults and the rules of merging, and where the configuration comes from: a file, which is
//! followed, or a ConfigMap that another source reads, laid over one that meshes share. Whatever is wrong in an
//! update, the last good configuration stays.

mod config_map;
mod fields;
mod file;
mod layers;
mod merge;
mod schema;
mod typed;

use serde_json::{Map, Value};

pub use self::config_map::FromConfigMap;
pub use self::file::{MeshFile, load, run};
pub use self::layers::Layers;
use super::project::Issue;
use super::value::{self, SyntaxError};
use crate::api::MeshConfig;
use crate::api::field_path::FieldPath;

/// The fields of a configuration that are given, in canonical form.
type Given = Map<String, Value>;

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
    let Reading { given, warnings } = read(text)?;
    let mesh = lay([given]).map_err(|issue| Invalid { line: None, issue })?;
    Ok(Parsed { mesh, warnings })
}

/// What a text gives, and what has no effect in it.
struct Reading {
    given: Given,
    warnings: Vec<Issue>,
}

/// Reads a configuration without laying it over anything.
fn read(text: &str) -> Result<Reading, Invalid> {
    let invalid = |issue| Invalid { line: None, issue };
    let given = match value::from_yaml(text) {
        Ok(Value::Null) => Map::new(),
        Ok(Value::Object(given)) => given,
        Ok(_) => {
            let message = "must be an object: fields of MeshConfig";
            return Err(invalid(Issue::error(FieldPath::root(), message)));
        }
        Err(SyntaxError { line, message }) => {
            return Err(Invalid { line, issue: Issue::error(FieldPath::root(), message) });
        }
    };
    let mut warnings = Vec::new();
    let given = schema::message(fields::MESH_CONFIG, given, &FieldPath::root(), &mut warnings);
    Ok(Reading { given: given.map_err(invalid)?, warnings })
}

/// Lays configurations over the defaults, the later over the earlier.
fn lay(layers: impl IntoIterator<Item = Given>) -> Result<MeshConfig, Issue> {
    let mut merged = merge::defaults();
    layers.into_iter().for_each(|layer| merge::merge(&mut merged, layer));
    let mut mesh = typed::typed(&merged)?;
    schema::prune(fields::MESH_CONFIG, &mut merged);
    mesh.raw = Value::Object(merged);
    Ok(mesh)
}

#[cfg(test)]
mod tests;
