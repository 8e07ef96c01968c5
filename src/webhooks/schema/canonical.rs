//! JSON of a type as Go would have it after reading: what the type does not know is gone, what is empty too.
//!
//! Nothing is ever added, and no item of a list moves: so paths into the result are paths into what was read.

use serde_json::{Map, Value as Json};

use super::{Shape, Sort, Type, quantity};
use crate::api::duration;

/// What cannot be read as its type, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Wrong {
    /// The place, as in `spec.containers[0].image`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl Wrong {
    fn new(message: impl Into<String>) -> Wrong {
        Wrong { path: String::new(), message: message.into() }
    }

    fn under(mut self, name: &str) -> Wrong {
        self.path = match (self.path.is_empty(), self.path.starts_with('[')) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{name}{}", self.path),
            (false, false) => format!("{name}.{}", self.path),
        };
        self
    }
}

/// The JSON as the type has it.
///
/// # Errors
/// When a value is not of its type.
pub fn canonical(json: Json, of: &Type) -> Result<Json, Wrong> {
    let found = json_type(&json);
    let not = |wanted: &str| Err(Wrong::new(format!("is {found} where {wanted} belongs")));
    Ok(match (of, json) {
        (_, Json::Null) => Json::Null,
        (Type::Pointer(to), json) => canonical(json, to)?,
        (Type::Text | Type::Time, json @ Json::String(_))
        | (Type::Bool, json @ Json::Bool(_))
        | (Type::Float, json @ Json::Number(_))
        | (Type::IntOrText, json @ Json::String(_))
        | (Type::Any, json) => json,
        (Type::Int | Type::Long | Type::IntOrText, Json::Number(number)) => {
            let whole = number.as_i64().or_else(|| {
                let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
                format!("{float:.0}").parse().ok()
            });
            match whole {
                Some(whole) => Json::from(whole),
                None => return not("an integer"),
            }
        }
        // Proto JSON takes numbers as text too. Only messages have such fields.
        (Type::Long, Json::String(text)) => match text.parse::<i64>() {
            Ok(number) => Json::from(number),
            Err(_) => return not("a number"),
        },
        (Type::Quantity, json @ (Json::String(_) | Json::Number(_))) => {
            let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
            Json::String(quantity::canonical(&text).map_err(Wrong::new)?)
        }
        (Type::Duration, Json::String(text)) => {
            let parsed = duration::parse(&text)
                .map_err(|_| Wrong::new(format!("{text:?} is no duration; write 10s")))?;
            Json::String(seconds(parsed))
        }
        (Type::Enum(names), json) => match enumerated(names, &json) {
            Some(name) => Json::from(name),
            None => {
                let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
                return Err(Wrong::new(format!("{json} is none of {}", known.join(", "))));
            }
        },
        (Type::List(of), Json::Array(items)) => {
            let items = items.into_iter().enumerate().map(|(at, item)| {
                canonical(item, of).map_err(|wrong| wrong.under(&format!("[{at}]")))
            });
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        (Type::Map(of), Json::Object(entries)) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let value = canonical(value, of).map_err(|wrong| wrong.under(&key))?;
                Ok((key, value))
            });
            Json::Object(entries.collect::<Result<_, _>>()?)
        }
        (Type::Struct(name), json) => match Shape::named(name) {
            Some(shape) => object(shape, json)?,
            None => json,
        },
        (Type::Text | Type::Time, _) => return not("a string"),
        (Type::Bool, _) => return not("a boolean"),
        (Type::Int | Type::Long, _) => return not("an integer"),
        (Type::Float, _) => return not("a number"),
        (Type::IntOrText, _) => return not("a number or a name"),
        (Type::Quantity, _) => return not("an amount"),
        (Type::Duration, _) => return not("a duration"),
        (Type::List(_), _) => return not("a list"),
        (Type::Map(_), _) => return not("a map"),
    })
}

fn object(shape: &Shape, json: Json) -> Result<Json, Wrong> {
    if shape.sort == Sort::Wrapper {
        return match shape.fields.first() {
            Some(field) => canonical(json, &field.of),
            None => Ok(json),
        };
    }
    let Json::Object(entries) = json else {
        let message = format!("is {} where an object belongs", json_type(&json));
        return Err(Wrong::new(message));
    };
    let mut kept = Map::new();
    for (key, value) in entries {
        let Some(field) = shape.in_json(&key) else { continue };
        let value = canonical(value, &field.of).map_err(|wrong| wrong.under(&key))?;
        if !value.is_null() && (field.always || !is_empty(&value, &field.of)) {
            kept.insert(field.json.to_owned(), value);
        }
    }
    Ok(Json::Object(kept))
}

/// Whether Go leaves a value out of a field with `omitempty`. A pointer to something empty is something.
fn is_empty(value: &Json, of: &Type) -> bool {
    match (of, value) {
        (Type::Pointer(_) | Type::Struct(_) | Type::Any | Type::Duration, _) => false,
        (Type::Enum(names), Json::String(name)) => {
            names.first().is_some_and(|(first, _)| first == name)
        }
        (_, Json::Bool(flag)) => !flag,
        (_, Json::Number(number)) => number.as_f64() == Some(0.0),
        (_, Json::String(text)) => text.is_empty(),
        (_, Json::Array(items)) => items.is_empty(),
        (_, Json::Object(entries)) => entries.is_empty(),
        (_, Json::Null) => true,
    }
}

/// A name, by itself or by its number.
fn enumerated(names: &[(&'static str, i64)], json: &Json) -> Option<&'static str> {
    let known = |(name, number): &&(&'static str, i64)| match json {
        Json::String(text) => text == name,
        json => json.as_i64() == Some(*number),
    };
    names.iter().find(known).map(|(name, _)| *name)
}

/// A duration in proto JSON: seconds, with as many digits as it takes.
fn seconds(duration: std::time::Duration) -> String {
    match duration.subsec_nanos() {
        0 => format!("{}s", duration.as_secs()),
        nanos => {
            let digits = format!("{nanos:09}");
            let short = digits.trim_end_matches('0');
            // Three, six or nine of them.
            let width = short.len().div_ceil(3) * 3;
            format!("{}.{short:0<width$}s", duration.as_secs())
        }
    }
}

fn json_type(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
