//! Kubernetes' strategic merge patch: what a template says, laid over a pod.
//!
//! Owns the rules of maps; those of lists are [`lists`]. What is merged by which key comes from the types. An object
//! that the types do not know is merged as any map, a list of it is replaced.

mod lists;

use serde_json::{Map, Value as Json};

use super::schema::{Field, Shape, Type};

/// What tells how a map is to be merged.
const DIRECTIVE: &str = "$patch";
/// Which keys of a map may stay.
const RETAIN_KEYS: &str = "$retainKeys";
/// In which order items of a list shall be.
const ELEMENT_ORDER: &str = "$setElementOrder/";
/// What goes from a list of scalars.
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// How deep a patch may be.
const MAX_DEPTH: usize = 100;

/// The patch laid over the original, both of this type.
///
/// # Errors
/// When the patch says what cannot be merged.
pub fn merge(original: Json, patch: Json, of: &Type) -> Result<Json, String> {
    merge_at(original, patch, of, 0)
}

fn merge_at(original: Json, patch: Json, of: &Type, depth: usize) -> Result<Json, String> {
    if depth > MAX_DEPTH {
        return Err(format!("more than {MAX_DEPTH} levels"));
    }
    match (original, patch) {
        (Json::Object(original), Json::Object(patch)) => {
            maps(original, patch, shape_of(of), depth).map(Json::Object)
        }
        (Json::Object(original), Json::Null) => Ok(Json::Object(original)),
        (_, patch) => Ok(without_directives(patch)),
    }
}

fn maps(
    mut original: Map<String, Json>,
    mut patch: Map<String, Json>,
    shape: Option<&Shape>,
    depth: usize,
) -> Result<Map<String, Json>, String> {
    match patch.remove(DIRECTIVE).as_ref().and_then(Json::as_str) {
        None => {}
        Some("merge") => {}
        Some("replace") => return Ok(patch),
        Some("delete") => return Ok(Map::new()),
        Some(other) => {
            return Err(format!("{DIRECTIVE}: {other:?} is not replace, merge or delete"));
        }
    }
    if let Some(Json::Array(kept)) = patch.remove(RETAIN_KEYS) {
        original.retain(|key, _| kept.iter().any(|name| name.as_str() == Some(key)));
    }
    for (key, value) in patch {
        if key.starts_with(ELEMENT_ORDER) {
            continue;
        }
        if let Some(name) = key.strip_prefix(DELETE_FROM) {
            if let (Some(Json::Array(items)), Json::Array(gone)) = (original.get_mut(name), &value)
            {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if value.is_null() {
            original.remove(&key);
            continue;
        }
        let merged = match (original.remove(&key), value) {
            (None, value) => without_directives(value),
            (Some(Json::Object(old)), value @ Json::Object(_)) => {
                let of = shape.and_then(|shape| shape.in_json(&key)).map(|field| &field.of);
                merge_at(Json::Object(old), value, of.unwrap_or(&Type::Any), depth + 1)?
            }
            (Some(Json::Array(old)), Json::Array(new)) => {
                let field = shape.and_then(|shape| shape.in_json(&key));
                let merged = match field {
                    Some(Field { merge: Some(by), of, .. }) => {
                        lists::merge(old, new, by, of, depth)
                    }
                    _ => Ok(new.into_iter().map(without_directives).collect()),
                };
                Json::Array(merged.map_err(|message| format!("{key}: {message}"))?)
            }
            (Some(_), value) => without_directives(value),
        };
        original.insert(key, merged);
    }
    Ok(original)
}

/// What was never there takes the patch as it is, without what was meant for merging.
fn without_directives(value: Json) -> Json {
    match value {
        Json::Object(mut entries) => {
            entries.remove(DIRECTIVE);
            entries.remove(RETAIN_KEYS);
            entries
                .retain(|key, _| !key.starts_with(ELEMENT_ORDER) && !key.starts_with(DELETE_FROM));
            let cleaned = entries.into_iter().map(|(key, value)| (key, without_directives(value)));
            Json::Object(cleaned.collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_directives).collect()),
        other => other,
    }
}

/// The struct that a type is, or points to.
fn shape_of(of: &Type) -> Option<&'static Shape> {
    match of {
        Type::Pointer(to) | Type::List(to) => shape_of(to),
        Type::Struct(name) => Shape::named(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
