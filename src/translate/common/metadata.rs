//! Metadata: JSON as protobuf's Struct, by filter.

use serde_json::Value as Json;

use crate::proto::envoy::envoy::config::core::v3::Metadata;
use crate::proto::envoy::google::protobuf::value::Kind;
use crate::proto::envoy::google::protobuf::{ListValue, NullValue, Struct, Value};

/// The key of what Istio tells of a resource: its services, its configuration object, its workload.
pub const ISTIO: &str = "istio";

/// The key of what an endpoint tells to the transport socket matches of its cluster.
pub const TRANSPORT_SOCKET_MATCH: &str = "envoy.transport_socket_match";

/// Metadata from a JSON object for each filter.
pub fn filter_metadata<'a>(filters: impl IntoIterator<Item = (&'a str, Json)>) -> Metadata {
    Metadata {
        filter_metadata: filters
            .into_iter()
            .map(|(key, value)| (key.to_owned(), structure(value)))
            .collect(),
        ..Metadata::default()
    }
}

/// A JSON object. Anything else becomes an empty one.
pub fn structure(json: Json) -> Struct {
    let Json::Object(fields) = json else { return Struct::default() };
    Struct { fields: fields.into_iter().map(|(key, json)| (key, value(json))).collect() }
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(NullValue::NullValue.into()),
        Json::Bool(flag) => Kind::BoolValue(flag),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(items) => {
            Kind::ListValue(ListValue { values: items.into_iter().map(value).collect() })
        }
        object @ Json::Object(_) => Kind::StructValue(structure(object)),
    };
    Value { kind: Some(kind) }
}
