//! Sprig's functions between forms of data, and those that ask for types.

use super::{Arity, Entry, any, limited, text};
use crate::webhooks::schema::json;
use crate::webhooks::template::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("toJson", Arity(1, 1), |a| Ok(Value::text(json::escaped(any(a, 0))))),
    ("mustToJson", Arity(1, 1), |a| Ok(Value::text(json::escaped(any(a, 0))))),
    ("toRawJson", Arity(1, 1), |a| Ok(Value::text(json::raw(any(a, 0))))),
    ("mustToRawJson", Arity(1, 1), |a| Ok(Value::text(json::raw(any(a, 0))))),
    ("toPrettyJson", Arity(1, 1), |a| pretty(any(a, 0))),
    ("fromJson", Arity(1, 1), |a| Ok(parsed(text(a, 0)?).unwrap_or(Value::Nil))),
    ("mustFromJson", Arity(1, 1), |a| parsed(text(a, 0)?)),
    ("kindOf", Arity(1, 1), |a| Ok(Value::text(kind(any(a, 0))))),
    ("kindIs", Arity(2, 2), |a| Ok(Value::Bool(kind(any(a, 1)) == &**text(a, 0)?))),
    ("typeOf", Arity(1, 1), |a| Ok(Value::text(any(a, 0).type_name()))),
    ("typeIs", Arity(2, 2), |a| Ok(Value::Bool(any(a, 1).type_name() == **text(a, 0)?))),
    ("deepEqual", Arity(2, 2), |a| Ok(Value::Bool(any(a, 0) == any(a, 1)))),
];

fn parsed(text: &str) -> Result<Value, String> {
    limited(text.len())?;
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(Value::of_json(&json))
}

/// Indented by two spaces, in the order that the plain form has.
fn pretty(value: &Value) -> Result<Value, String> {
    let json: serde_json::Value =
        serde_json::from_str(&json::raw(value)).map_err(|error| error.to_string())?;
    serde_json::to_string_pretty(&json).map(Value::text).map_err(|error| error.to_string())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Missing | Value::Nil => "invalid",
        Value::NilPointer(_) | Value::Pointer(_) => "ptr",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Enum(..) => "int32",
        Value::Float(_) => "float64",
        Value::Text(_) => "string",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Struct(_) => "struct",
    }
}
