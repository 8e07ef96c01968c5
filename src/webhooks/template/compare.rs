//! Go's comparisons: of values of one basic kind only.

use std::cmp::Ordering;

use super::value::Value;

/// `eq`: whether the first equals any of the others.
pub(super) fn equals_any(values: &[Value]) -> Result<bool, String> {
    let [first, rest @ ..] = values else { return Err("missing argument for comparison".into()) };
    if rest.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in rest {
        if equals(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equals(a: &Value, b: &Value) -> Result<bool, String> {
    match (kind(a), kind(b)) {
        (Kind::Nothing, _) | (_, Kind::Nothing) => Ok(a.is_nil() == b.is_nil()),
        (Kind::Other, Kind::Other) => match (a, b) {
            (Value::List(_) | Value::Map(_), _) => {
                Err(format!("non-comparable type {}", a.type_name()))
            }
            _ => Ok(a == b),
        },
        (one, other) if one == other => Ok(order(a, b) == Some(Ordering::Equal)),
        _ => Err(incompatible(a, b)),
    }
}

/// `lt` and the like.
pub(super) fn ordered(a: &Value, b: &Value) -> Result<Ordering, String> {
    let (one, other) = (kind(a), kind(b));
    for (kind, value) in [(one, a), (other, b)] {
        if matches!(kind, Kind::Other | Kind::Nothing | Kind::Bool) {
            return Err(format!("invalid type for comparison: {}", value.type_name()));
        }
    }
    match one == other {
        true => order(a, b).ok_or_else(|| incompatible(a, b)),
        false => Err(incompatible(a, b)),
    }
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Nothing,
    Bool,
    Int,
    Float,
    Text,
    Other,
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Missing | Value::Nil | Value::NilPointer(_) => Kind::Nothing,
        Value::Bool(_) => Kind::Bool,
        Value::Int(_) | Value::Enum(..) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::Text(_) => Kind::Text,
        Value::Pointer(_) | Value::List(_) | Value::Map(_) | Value::Struct(_) => Kind::Other,
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    let number = |value: &Value| match value {
        Value::Int(number) | Value::Enum(number, _) => Some(*number),
        _ => None,
    };
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        _ => Some(number(a)?.cmp(&number(b)?)),
    }
}
