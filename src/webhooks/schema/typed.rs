//! Canonical JSON as the values that templates see.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Shape, Sort, Type};
use crate::webhooks::template::value::{Map, Struct, Value};

/// The value that canonical JSON of a type is.
pub fn typed(json: &Json, of: &Type) -> Value {
    match (of, json) {
        (_, Json::Null) => Value::zero(of),
        (Type::Pointer(to), json) => match &**to {
            Type::Struct(_) => typed(json, to),
            _ => Value::Pointer(Arc::new(typed(json, to))),
        },
        (Type::Struct(name), json) => {
            Shape::named(name).map_or(Value::Nil, |shape| record(shape, json))
        }
        (Type::List(of), Json::Array(items)) => {
            Value::list(items.iter().map(|item| typed(item, of)))
        }
        (Type::Map(of), Json::Object(entries)) => Value::Map(Arc::new(Map {
            entries: entries
                .iter()
                .map(|(key, value)| (Arc::from(key.as_str()), typed(value, of)))
                .collect(),
            of_text: matches!(**of, Type::Text | Type::Quantity),
        })),
        (Type::Enum(names), Json::String(text)) => {
            let known = names.iter().find(|(name, _)| name == text);
            Value::Enum(known.map_or(0, |(_, number)| *number), Arc::from(text.as_str()))
        }
        (Type::Int | Type::Long | Type::IntOrText, Json::Number(number)) => {
            Value::Int(number.as_i64().unwrap_or_default())
        }
        (_, json) => Value::of_json(json),
    }
}

fn record(shape: &'static Shape, json: &Json) -> Value {
    let mut record = Struct { shape, fields: Default::default() };
    match (shape.sort, json) {
        (Sort::Wrapper, json) => {
            if let Some(field) = shape.fields.first() {
                record.fields.insert(field.name, typed(json, &field.of));
            }
        }
        (_, Json::Object(entries)) => {
            for field in &shape.fields {
                if let Some(value) = entries.get(field.json) {
                    record.fields.insert(field.name, typed(value, &field.of));
                }
            }
        }
        _ => {}
    }
    Value::Struct(Arc::new(record))
}
