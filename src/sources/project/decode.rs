//! Decoding with paths: from JSON to a typed object, saying which field is wrong or unknown.

mod unknown;

use schemars::JsonSchema;
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Context, FieldPath, Issue};
use crate::api::Kind;
use crate::api::proto_json::ProtoJson;
use crate::api::schema::structural;

/// How many unknown fields of one object are reported; a document of the wrong shape has no more to tell.
const MAX_UNKNOWN_FIELDS: usize = 20;

/// Objects in which Kubernetes takes quantities, each a string or a number.
const QUANTITY_MAPS: &[&str] =
    &["allocatable", "allocatedResources", "capacity", "limits", "overhead", "requests"];

/// Fields that are one quantity.
const QUANTITIES: &[&str] = &["divisor", "sizeLimit"];

/// File modes: numbers, which people write in octal. YAML 1.2 makes a string of `0644`, Kubernetes' YAML a number.
const MODES: &[&str] = &["defaultMode", "mode"];

/// Decodes an object of Kubernetes' own kinds, whichever served version it was written in.
pub(super) fn kubernetes<T: DeserializeOwned>(
    kind: Kind,
    mut value: Value,
    context: &mut Context<'_>,
) -> Result<T, Issue> {
    if let Value::Object(fields) = &mut value {
        fields.insert("apiVersion".to_owned(), Value::String(kind.api_version()));
        for part in ["spec", "status"] {
            if let Some(part) = fields.get_mut(part) {
                normalise(part);
            }
        }
    }
    decode(value, context)
}

/// Decodes any JSON. Unknown fields become warnings; a wrong type is an error at its path.
pub(super) fn decode<T: DeserializeOwned>(
    value: Value,
    context: &mut Context<'_>,
) -> Result<T, Issue> {
    tracked(value, &FieldPath::root(), None, context)
}

/// Decodes the part of an object at `base` as protobuf reads JSON.
pub(super) fn proto<T: DeserializeOwned>(
    value: Value,
    base: &FieldPath,
    context: &mut Context<'_>,
) -> Result<T, Issue> {
    tracked(ProtoJson(value), base, None, context)
}

/// The same of a type with a schema: of an unknown field it is said what may be meant.
pub(super) fn described<T: DeserializeOwned + JsonSchema>(
    value: Value,
    base: &FieldPath,
    context: &mut Context<'_>,
) -> Result<T, Issue> {
    tracked(ProtoJson(value), base, Some(structural::<T>), context)
}

fn tracked<'de, T: DeserializeOwned>(
    deserializer: impl Deserializer<'de, Error = serde_json::Error>,
    base: &FieldPath,
    schema: Option<fn() -> Value>,
    context: &mut Context<'_>,
) -> Result<T, Issue> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    let mut unknown = Vec::new();
    let mut more = 0usize;
    let decoded =
        serde_ignored::deserialize(tracked, |path| match unknown.len() < MAX_UNKNOWN_FIELDS {
            true => unknown.push(FieldPath::of_ignored(&path)),
            false => more += 1,
        });
    if !unknown.is_empty() {
        let schema = schema.map(|schema| schema());
        for path in unknown {
            let message = unknown::message(&path, base, schema.as_ref());
            context.warn(path.below(base), message);
        }
    }
    if more > 0 {
        context.warn(base.clone(), format!("{more} more unknown fields"));
    }
    decoded.map_err(|error: serde_json::Error| {
        Issue::error(FieldPath::of_error(&track.path()).below(base), explain(&error.to_string()))
    })
}

/// Says how to mend the one mistake that YAML invites: `version: 1.0` is a number.
fn explain(error: &str) -> String {
    match error.ends_with("expected a string") && !error.contains("map") && !error.contains("seq") {
        true => format!("{error}: quote it"),
        false => error.to_owned(),
    }
}

/// Gives values the one type that the typed objects take, where Kubernetes takes two: quantities (`cpu: 1`)
/// become strings, octal modes numbers. The depth is bounded by that of the document.
fn normalise(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::Number(number) if QUANTITIES.contains(&name.as_str()) => {
                        *field = Value::String(number.to_string());
                    }
                    Value::String(mode) if MODES.contains(&name.as_str()) => {
                        if let Ok(mode) = i32::from_str_radix(mode, 8) {
                            *field = mode.into();
                        }
                    }
                    Value::Object(map) if QUANTITY_MAPS.contains(&name.as_str()) => quote(map),
                    _ => normalise(field),
                }
            }
        }
        _ => {}
    }
}

fn quote(quantities: &mut Map<String, Value>) {
    for quantity in quantities.values_mut() {
        match quantity {
            Value::Number(number) => *quantity = Value::String(number.to_string()),
            nested => normalise(nested),
        }
    }
}
