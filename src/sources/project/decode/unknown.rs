//! What is said of a field that nobody knows: which one may be meant, by the schema of the type.

use serde_json::{Map, Value};

use crate::api::field_path::{FieldPath, Step};
use crate::api::spelling;

/// What to say of the unknown field at `path` below `base`, of a type that has this schema.
pub(super) fn message(path: &FieldPath, base: &FieldPath, schema: Option<&Value>) -> String {
    let remedy = schema.and_then(|schema| remedy(path, base, schema));
    let remedy = remedy.unwrap_or_else(|| "check its spelling and its place".to_owned());
    format!("unknown field, which has no effect: {remedy}")
}

fn remedy(path: &FieldPath, base: &FieldPath, schema: &Value) -> Option<String> {
    let (Step::Key(name), parents) = path.steps().split_last()? else { return None };
    // The schema of each object on the way, the outermost first.
    let mut at = Some(schema);
    let mut around = vec![(base.clone(), schema)];
    let mut place = base.clone();
    for step in parents {
        at = at.and_then(|schema| below(schema, step));
        place = match step {
            Step::Key(key) => place.key(key),
            Step::Index(index) => place.index(*index),
        };
        around.push((place.clone(), at?));
    }
    let (_, own) = around.pop()?;
    let own = fields(own)?;
    // Right where it is, a little misspelt; or spelt right in another place.
    if let Some(meant) = spelling::nearest(name, own.keys().map(String::as_str)) {
        return Some(format!("{meant} may be meant"));
    }
    let inside = own.iter().find(|(_, schema)| fields_of_items(schema).contains_key(name));
    if let Some((field, _)) = inside {
        return Some(format!("it is a field of {field}: move it there"));
    }
    let outside = around.into_iter().rev();
    let mut outside =
        outside.filter(|(_, schema)| fields(schema).is_some_and(|f| f.contains_key(name)));
    outside.next().map(|(place, _)| format!("it is a field of {place}: move it there"))
}

/// The schema behind a step.
fn below<'a>(schema: &'a Value, step: &Step) -> Option<&'a Value> {
    match step {
        Step::Index(_) => schema.get("items"),
        Step::Key(key) => match fields(schema) {
            Some(fields) => fields.get(key),
            None => schema.get("additionalProperties"),
        },
    }
}

fn fields(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// The fields of an object, or of the objects of a list.
fn fields_of_items(schema: &Value) -> Map<String, Value> {
    let items = schema.get("items").unwrap_or(schema);
    fields(items).cloned().unwrap_or_default()
}
