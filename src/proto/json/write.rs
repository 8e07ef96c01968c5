//! From messages to JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use envoy_types::pb::google::protobuf;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MapKey, ReflectMessage as _, Value as Field};
use serde_json::{Map, Number, Value, json};

use super::Names;
use crate::proto::descriptors;

/// Integers up to here are exact in a 64-bit float.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) struct Writer {
    pub(super) names: Names,
}

impl Writer {
    /// Fields that are unset, or zero in a field without presence, are left out. What is nested deeper than
    /// `depth` messages is null.
    pub(super) fn message(&self, message: &DynamicMessage, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return Value::Null };
        match well_known(message) {
            Some(WellKnown::Value(value)) => value,
            Some(WellKnown::Any(any)) => self.any(&any.type_url, &any.value, depth).unwrap_or_else(
                || json!({ "@type": any.type_url, "value": BASE64_STANDARD.encode(&any.value) }),
            ),
            None => Value::Object(self.fields(message, depth)),
        }
    }

    /// None when the type is unknown, or the bytes are none of it.
    pub(super) fn any(&self, type_url: &str, bytes: &[u8], depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let message = DynamicMessage::decode(descriptors::message(type_url)?, bytes).ok()?;
        let mut fields = match well_known(&message) {
            Some(_) => Map::from_iter([("value".to_owned(), self.message(&message, depth))]),
            None => self.fields(&message, depth),
        };
        fields.insert("@type".to_owned(), type_url.into());
        Some(Value::Object(fields))
    }

    fn fields(&self, message: &DynamicMessage, depth: usize) -> Map<String, Value> {
        let fields = message.fields().map(|(field, value)| {
            let name = match self.names {
                Names::Proto => field.name(),
                Names::Camel => field.json_name(),
            };
            (name.to_owned(), self.value(&field.kind(), value, depth))
        });
        fields.collect()
    }

    fn value(&self, kind: &Kind, value: &Field, depth: usize) -> Value {
        match value {
            Field::Bool(value) => (*value).into(),
            Field::I32(value) => (*value).into(),
            Field::U32(value) => (*value).into(),
            Field::I64(value) => value.to_string().into(),
            Field::U64(value) => value.to_string().into(),
            // By way of its shortest text, so that 0.1 does not become 0.10000000149011612.
            Field::F32(value) => float(value.to_string().parse().unwrap_or(f64::from(*value))),
            Field::F64(value) => float(*value),
            Field::String(value) => value.as_str().into(),
            Field::Bytes(value) => BASE64_STANDARD.encode(value).into(),
            Field::EnumNumber(number) => {
                let value = kind.as_enum().and_then(|kind| kind.get_value(*number));
                value.map_or_else(|| (*number).into(), |value| value.name().into())
            }
            Field::Message(message) => self.message(message, depth),
            Field::List(values) => values.iter().map(|v| self.value(kind, v, depth)).collect(),
            Field::Map(entries) => {
                let values = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
                let values = values.as_ref().unwrap_or(kind);
                let entries = entries.iter().map(|(k, v)| (key(k), self.value(values, v, depth)));
                Value::Object(entries.collect())
            }
        }
    }
}

fn key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
        MapKey::String(value) => value.clone(),
    }
}

/// `1` rather than `1.0`; but an integer has no negative zero.
fn float(value: f64) -> Value {
    let negative_zero = value == 0.0 && value.is_sign_negative();
    if value.fract() == 0.0 && value.abs() < EXACT && !negative_zero {
        return (value as i64).into();
    }
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// A message of a type that has a JSON form of its own.
enum WellKnown {
    Any(protobuf::Any),
    Value(Value),
}

fn well_known(message: &DynamicMessage) -> Option<WellKnown> {
    let descriptor = message.descriptor();
    let name = descriptor.full_name().strip_prefix("google.protobuf.")?;
    // Every message below decodes: it was decoded from bytes of the same type before.
    let value = match name {
        "Any" => return message.transcode_to().ok().map(WellKnown::Any),
        "Struct" => object(&message.transcode_to().ok()?),
        "Value" => dynamic(&message.transcode_to().ok()?),
        "ListValue" => list(&message.transcode_to().ok()?),
        "Duration" | "Timestamp" | "FieldMask" => {
            serde_json::to_value(message).unwrap_or_else(|_| {
                // Beyond the range that the JSON form allows.
                BASE64_STANDARD.encode(message.encode_to_vec()).into()
            })
        }
        "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
        | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => {
            let field = descriptor.get_field(1)?;
            let writer = Writer { names: Names::Proto };
            writer.value(&field.kind(), &message.get_field(&field), 0)
        }
        _ => return None,
    };
    Some(WellKnown::Value(value))
}

fn object(message: &protobuf::Struct) -> Value {
    Value::Object(message.fields.iter().map(|(k, v)| (k.clone(), dynamic(v))).collect())
}

fn list(message: &protobuf::ListValue) -> Value {
    message.values.iter().map(dynamic).collect()
}

fn dynamic(message: &protobuf::Value) -> Value {
    use protobuf::value::Kind;
    match &message.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => (*value).into(),
        Some(Kind::NumberValue(value)) => float(*value),
        Some(Kind::StringValue(value)) => value.as_str().into(),
        Some(Kind::StructValue(value)) => object(value),
        Some(Kind::ListValue(value)) => list(value),
    }
}
