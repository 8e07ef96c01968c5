//! Proto JSON by schema: names, types and defaults of messages, without the messages.
//!
//! Owns the rules of proto JSON that users meet: fields in camelCase or snake_case, enums by name, numbers as
//! text, null for unset; and Go's durations beside those of protobuf. Canonical values have camelCase names,
//! durations in seconds, and no field of which the message would not keep track.

use std::time::Duration as StdDuration;

use serde_json::{Map as Object, Value};

use super::super::project::Issue;
use crate::api::duration;
use crate::api::field_path::FieldPath;

/// The fields of a message, by name.
pub(super) type Fields = &'static [(&'static str, Type)];

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Type {
    /// A boolean.
    Bool,
    /// A signed number of 32 bits.
    Int,
    /// An unsigned number of 32 bits.
    Uint,
    /// A signed number of 64 bits, which proto JSON writes as text.
    Long,
    /// A floating point number.
    Double,
    /// A string.
    Text,
    /// A duration.
    Duration,
    /// One of some names; the first is the default.
    Enum(&'static [&'static str]),
    /// A message.
    Message(&'static Fields),
    /// A list.
    List(&'static Type),
    /// A map with strings as keys.
    Map(&'static Type),
    /// A value that may be unset, in which its default counts as set.
    Optional(&'static Type),
    /// Any JSON.
    Any,
}

impl Type {
    /// The canonical form of a value of this type. Unknown fields are left out and reported.
    ///
    /// # Errors
    /// When the value is not of this type.
    pub(super) fn canonical(
        self,
        value: Value,
        path: &FieldPath,
        unknown: &mut Vec<Issue>,
    ) -> Result<Value, Issue> {
        match (self, value) {
            (Type::Any, value) => Ok(value),
            (Type::Optional(of), value) => of.canonical(value, path, unknown),
            (Type::Bool, value @ Value::Bool(_)) => Ok(value),
            (Type::Text, value @ Value::String(_)) => Ok(value),
            (Type::Int, value) => integer(value, i32::MIN.into(), i32::MAX.into(), path),
            (Type::Uint, value) => integer(value, 0, u32::MAX.into(), path),
            (Type::Long, value) => integer(value, i64::MIN, i64::MAX, path)
                .map(|number| Value::String(number.to_string())),
            (Type::Double, value @ Value::Number(_)) => Ok(value),
            (Type::Duration, Value::String(text)) => match duration::parse(&text) {
                Ok(duration) => Ok(Value::String(seconds(duration))),
                Err(error) => Err(Issue::error(path.clone(), format!("{text:?}: {error}"))),
            },
            (Type::Enum(names), Value::String(name)) if names.contains(&name.as_str()) => {
                Ok(Value::String(name))
            }
            (Type::Enum(names), value) => {
                let allowed = names.join(", ");
                Err(Issue::error(path.clone(), format!("{value} is not one of {allowed}")))
            }
            (Type::List(of), Value::Array(values)) => {
                let items = values.into_iter().enumerate();
                let items = items.map(|(i, v)| of.canonical(v, &path.clone().index(i), unknown));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            (Type::Map(of), Value::Object(values)) => {
                let entries = values.into_iter().map(|(key, value)| {
                    let value = of.canonical(value, &path.clone().key(&key), unknown)?;
                    Ok((key, value))
                });
                entries.collect::<Result<_, _>>().map(Value::Object)
            }
            (Type::Message(fields), Value::Object(values)) => {
                message(fields, values, path, unknown).map(Value::Object)
            }
            (wanted, value) => Err(wanted.mismatch(&value, path)),
        }
    }

    fn mismatch(self, value: &Value, path: &FieldPath) -> Issue {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        let wanted = match self {
            Type::Bool => "true or false",
            Type::Text => "a string: quote it",
            Type::Duration => "a duration, such as 10s or 1m30s",
            Type::List(_) => "a list",
            Type::Map(_) | Type::Message(_) => "an object",
            Type::Int | Type::Uint | Type::Long | Type::Double => "a number",
            Type::Enum(_) | Type::Optional(_) | Type::Any => "another value",
        };
        Issue::error(path.clone(), format!("is {found}, must be {wanted}"))
    }

    /// Whether a message does not tell this value from an unset field.
    fn is_default(self, value: &Value) -> bool {
        match (self, value) {
            (Type::Bool, Value::Bool(value)) => !value,
            (Type::Int | Type::Uint | Type::Double, value) => value.as_f64() == Some(0.0),
            (Type::Text, Value::String(text)) => text.is_empty(),
            (Type::Enum(names), Value::String(name)) => names.first() == Some(&name.as_str()),
            (Type::List(_), Value::Array(values)) => values.is_empty(),
            (Type::Map(_), Value::Object(values)) => values.is_empty(),
            _ => false,
        }
    }
}

/// The canonical form of a message: known fields by their name in camelCase, whichever way they were written.
///
/// # Errors
/// When a field has a wrong type.
pub(super) fn message(
    fields: Fields,
    values: Object<String, Value>,
    path: &FieldPath,
    unknown: &mut Vec<Issue>,
) -> Result<Object<String, Value>, Issue> {
    let mut canonical = Object::new();
    for (key, value) in values {
        let at = path.clone().key(&key);
        let name = camel_case(&key);
        let Some((name, of)) = fields.iter().find(|(known, _)| *known == name) else {
            let message = "unknown field, which has no effect: check its spelling";
            unknown.push(Issue::warning(at, message));
            continue;
        };
        if value.is_null() {
            continue;
        }
        let value = of.canonical(value, &at, unknown)?;
        if canonical.insert((*name).to_owned(), value).is_some() {
            return Err(Issue::error(at, format!("set twice: use {name} only")));
        }
    }
    Ok(canonical)
}

/// Leaves out what proto JSON leaves out: fields that hold the default of their type.
pub(super) fn prune(fields: Fields, values: &mut Object<String, Value>) {
    for (name, of) in fields {
        let Some(value) = values.get_mut(*name) else { continue };
        prune_value(*of, value);
        if of.is_default(value) {
            values.remove(*name);
        }
    }
}

fn prune_value(of: Type, value: &mut Value) {
    match (of, value) {
        (Type::Message(fields), Value::Object(values)) => prune(fields, values),
        (Type::List(of), Value::Array(values)) => {
            values.iter_mut().for_each(|value| prune_value(*of, value));
        }
        (Type::Map(of), Value::Object(values)) => {
            values.values_mut().for_each(|value| prune_value(*of, value));
        }
        _ => {}
    }
}

/// A whole number; proto JSON allows it as text too.
fn integer(value: Value, min: i64, max: i64, path: &FieldPath) -> Result<Value, Issue> {
    let number = match &value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    match number.filter(|number| (min..=max).contains(number)) {
        Some(number) => Ok(number.into()),
        None => {
            let message = format!("{value} is no whole number from {min} to {max}");
            Err(Issue::error(path.clone(), message))
        }
    }
}

/// `proxy_listen_port` and `proxyListenPort` name the same field.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                camel.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => camel.push(c),
        }
    }
    camel
}

/// A duration in proto JSON: seconds with 0, 3, 6 or 9 digits behind the point.
pub(super) fn seconds(duration: StdDuration) -> String {
    let (whole, nanos) = (duration.as_secs(), duration.subsec_nanos());
    match nanos {
        0 => format!("{whole}s"),
        _ if nanos.is_multiple_of(1_000_000) => format!("{whole}.{:03}s", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!("{whole}.{:06}s", nanos / 1_000),
        _ => format!("{whole}.{nanos:09}s"),
    }
}
