//! From JSON to messages.

use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use envoy_types::pb::google::protobuf::{self, value::Kind as Dynamic};
use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value as Field,
};
use serde_json::{Map, Value};

use super::{Error, duration, encoded};
use crate::proto::descriptors;

type Result<T> = std::result::Result<T, Error>;

/// Base64 with or without padding, as protobuf's mapping allows.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Reads a message that is nested at most `depth` messages deep.
pub(super) fn message(
    descriptor: &MessageDescriptor,
    json: &Value,
    depth: usize,
) -> Result<DynamicMessage> {
    let depth = depth.checked_sub(1).ok_or_else(|| Error::new("nested too deeply"))?;
    if let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.")
        && let Some(message) = well_known(descriptor, name, json, depth)?
    {
        return Ok(message);
    }
    let object = json.as_object().ok_or_else(|| expected("an object", json))?;
    fields(descriptor, object, &[], depth)
}

/// Reads the fields of an object except those named in `skip`.
fn fields(
    descriptor: &MessageDescriptor,
    object: &Map<String, Value>,
    skip: &[&str],
    depth: usize,
) -> Result<DynamicMessage> {
    let mut message = DynamicMessage::new(descriptor.clone());
    for (name, json) in object {
        if skip.contains(&name.as_str()) {
            continue;
        }
        let field = descriptor
            .get_field_by_name(name)
            .or_else(|| descriptor.get_field_by_json_name(name))
            .ok_or_else(|| Error::new("unknown field").within(name))?;
        if json.is_null() && !takes_null(&field) {
            continue;
        }
        if let Some(other) = set_before(&message, &field) {
            let text = format!("only one of this and {} may be set", other.json_name());
            return Err(Error::new(text).within(name));
        }
        let value = field_value(&field, json, depth).map_err(|error| error.within(name))?;
        message.set_field(&field, value);
    }
    Ok(message)
}

/// null is a value of these; in any other field it means that the field is not set.
fn takes_null(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => {
            message.full_name() == "google.protobuf.Value" && !field.is_list()
        }
        Kind::Enum(kind) => kind.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}

/// The field that stands in the way of this one: itself under its other name, or one of the same oneof.
fn set_before(message: &DynamicMessage, field: &FieldDescriptor) -> Option<FieldDescriptor> {
    match field.containing_oneof() {
        Some(oneof) => oneof.fields().find(|other| message.has_field(other)),
        None => Some(field.clone()).filter(|_| message.has_field(field)),
    }
}

fn field_value(field: &FieldDescriptor, json: &Value, depth: usize) -> Result<Field> {
    let kind = field.kind();
    if field.is_map()
        && let Kind::Message(entry) = &kind
    {
        let (keys, values) =
            (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let object = json.as_object().ok_or_else(|| expected("an object", json))?;
        let entries = object.iter().map(|(name, json)| {
            let within = |error: Error| error.within(&format!("[{name:?}]"));
            Ok((
                map_key(&keys, name).map_err(within)?,
                single(&values, json, depth).map_err(within)?,
            ))
        });
        return Ok(Field::Map(entries.collect::<Result<HashMap<_, _>>>()?));
    }
    if field.is_list() {
        let list = json.as_array().ok_or_else(|| expected("a list", json))?;
        let items = list.iter().enumerate().map(|(index, json)| {
            single(&kind, json, depth).map_err(|error| error.within(&format!("[{index}]")))
        });
        return Ok(Field::List(items.collect::<Result<_>>()?));
    }
    single(&kind, json, depth)
}

fn single(kind: &Kind, json: &Value, depth: usize) -> Result<Field> {
    Ok(match kind {
        Kind::Message(descriptor) => Field::Message(message(descriptor, json, depth)?),
        Kind::Enum(descriptor) => Field::EnumNumber(match json {
            Value::Null => 0,
            Value::String(name) => match descriptor.get_value_by_name(name) {
                Some(value) => value.number(),
                None => {
                    let names: Vec<_> = descriptor.values().map(|v| v.name().to_owned()).collect();
                    let text = format!("{name:?} is none of {}", names.join(", "));
                    return Err(Error::new(text));
                }
            },
            _ => integer(json)?,
        }),
        Kind::Bool => Field::Bool(json.as_bool().ok_or_else(|| expected("true or false", json))?),
        Kind::String => {
            Field::String(json.as_str().ok_or_else(|| expected("a string", json))?.to_owned())
        }
        Kind::Bytes => {
            let text = json.as_str().ok_or_else(|| expected("base64", json))?;
            let bytes = BASE64.decode(text).or_else(|_| BASE64_URL.decode(text));
            Field::Bytes(bytes.map_err(|_| expected("base64", json))?.into())
        }
        Kind::Double => Field::F64(float(json)?),
        Kind::Float => Field::F32(float(json)? as f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Field::I32(integer(json)?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(integer(json)?),
        Kind::Uint32 | Kind::Fixed32 => Field::U32(integer(json)?),
        Kind::Uint64 | Kind::Fixed64 => Field::U64(integer(json)?),
    })
}

fn map_key(kind: &Kind, name: &str) -> Result<MapKey> {
    let json = || Value::String(name.to_owned());
    Ok(match kind {
        Kind::Bool => MapKey::Bool(name.parse().map_err(|_| expected("true or false", &json()))?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(integer(&json())?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(integer(&json())?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(integer(&json())?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(integer(&json())?),
        _ => MapKey::String(name.to_owned()),
    })
}

/// A whole number, or its text; `1.0` counts as one.
fn integer<T: TryFrom<i128>>(json: &Value) -> Result<T> {
    let number = match json {
        Value::Number(number) => {
            let float = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e19);
            number.as_i128().or(float.map(|f| f as i128))
        }
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| expected("a whole number", json))?;
    number.try_into().map_err(|_| Error::new(format!("{number} is out of range")))
}

fn float(json: &Value) -> Result<f64> {
    let number = match json {
        Value::String(text) => match text.as_str() {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            other => other.parse().ok(),
        },
        _ => json.as_f64(),
    };
    number.ok_or_else(|| expected("a number", json))
}

fn expected(what: &str, json: &Value) -> Error {
    let mut found = json.to_string();
    if found.len() > 40 {
        found = format!("{}…", found.chars().take(39).collect::<String>());
    }
    Error::new(format!("{what} is expected, not {found}"))
}

/// A message of a type that has a JSON form of its own; None when it has none.
fn well_known(
    descriptor: &MessageDescriptor,
    name: &str,
    json: &Value,
    depth: usize,
) -> Result<Option<DynamicMessage>> {
    Ok(Some(match name {
        "Any" => transcoded(descriptor, &any(json, depth)?)?,
        "Struct" => {
            let object = json.as_object().ok_or_else(|| expected("an object", json))?;
            transcoded(descriptor, &structure(object, depth)?)?
        }
        "Value" => transcoded(descriptor, &dynamic(json, depth)?)?,
        "ListValue" => {
            let list = json.as_array().ok_or_else(|| expected("a list", json))?;
            transcoded(descriptor, &values(list, depth)?)?
        }
        "Duration" => {
            let read = json.as_str().and_then(duration::read);
            let wanted = "a duration such as 5s or 1h30m";
            transcoded(descriptor, &read.ok_or_else(|| expected(wanted, json))?)?
        }
        "Timestamp" | "FieldMask" => DynamicMessage::deserialize(descriptor.clone(), json)
            .map_err(|error| Error::new(error.to_string()))?,
        "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
        | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => {
            let mut message = DynamicMessage::new(descriptor.clone());
            if let Some(field) = descriptor.get_field(1) {
                message.set_field(&field, single(&field.kind(), json, depth)?);
            }
            message
        }
        _ => return Ok(None),
    }))
}

fn transcoded<M: Message>(descriptor: &MessageDescriptor, message: &M) -> Result<DynamicMessage> {
    let mut dynamic = DynamicMessage::new(descriptor.clone());
    dynamic.transcode_from(message).map_err(|error| Error::new(error.to_string()))?;
    Ok(dynamic)
}

fn any(json: &Value, depth: usize) -> Result<protobuf::Any> {
    let object = json.as_object().ok_or_else(|| expected("an object with @type", json))?;
    if object.is_empty() {
        return Ok(protobuf::Any::default());
    }
    let type_url = object
        .get("@type")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::new("the type URL is missing: set @type"))?;
    let payload = object.get("value");
    let value = match (descriptors::message(type_url), payload) {
        (Some(descriptor), _) => {
            let own_form = descriptor.full_name().strip_prefix("google.protobuf.");
            let own_form = match (own_form, payload) {
                (Some(name), Some(json)) => well_known(&descriptor, name, json, depth)
                    .map_err(|error| error.within("value"))?,
                _ => None,
            };
            encoded(&match own_form {
                Some(message) => message,
                None => fields(&descriptor, object, &["@type"], depth)?,
            })
        }
        (None, Some(Value::String(base64))) if object.len() == 2 => {
            let bytes = BASE64.decode(base64);
            bytes.map_err(|_| expected("base64", &base64.as_str().into()).within("value"))?
        }
        (None, _) => {
            let text = format!("no message type {type_url:?} is known: give its bytes as value");
            return Err(Error::new(text).within("@type"));
        }
    };
    Ok(protobuf::Any { type_url: type_url.to_owned(), value })
}

fn structure(object: &Map<String, Value>, depth: usize) -> Result<protobuf::Struct> {
    let fields = object.iter().map(|(name, json)| {
        Ok((name.clone(), dynamic(json, depth).map_err(|error| error.within(name))?))
    });
    Ok(protobuf::Struct { fields: fields.collect::<Result<_>>()? })
}

fn values(list: &[Value], depth: usize) -> Result<protobuf::ListValue> {
    let values = list.iter().map(|json| dynamic(json, depth));
    Ok(protobuf::ListValue { values: values.collect::<Result<_>>()? })
}

fn dynamic(json: &Value, depth: usize) -> Result<protobuf::Value> {
    let depth = depth.checked_sub(1).ok_or_else(|| Error::new("nested too deeply"))?;
    let kind = match json {
        Value::Null => Dynamic::NullValue(0),
        Value::Bool(value) => Dynamic::BoolValue(*value),
        Value::Number(_) => Dynamic::NumberValue(float(json)?),
        Value::String(value) => Dynamic::StringValue(value.clone()),
        Value::Object(object) => Dynamic::StructValue(structure(object, depth)?),
        Value::Array(list) => Dynamic::ListValue(values(list, depth)?),
    };
    Ok(protobuf::Value { kind: Some(kind) })
}
