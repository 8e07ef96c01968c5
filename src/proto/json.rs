//! Messages as JSON, both ways, for every type that has a descriptor (protobuf's JSON mapping).
//!
//! Beyond prost-reflect's own mapping: an `Any` of an unknown type is kept as bytes, durations may be written as
//! Go writes them (`24h`), errors tell the path of the field, and encoding is deterministic. For configuration
//! that users write and for debug output; nothing here is on the way of a push.

mod duration;
mod lint;
mod read;
mod write;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

pub use self::lint::{Findings, lint};
use super::{descriptors, encode};

/// How deep messages, `Any` included, may be nested. Envoy does not decode deeper ones.
const MAX_DEPTH: usize = 100;

/// How fields are named in the output. The input may use both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// `filter_chains`, as Envoy's documentation and its admin interface spell them.
    Proto,
    /// `filterChains`, protobuf's own choice and istiod's in debug output.
    Camel,
}

/// Why a message could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct Error {
    /// Such as `filterChains[0].name`; empty for the message as a whole.
    pub path: String,
    /// What is wrong there, and what would be right.
    pub message: String,
}

impl Error {
    fn new(message: impl Into<String>) -> Error {
        Error { path: String::new(), message: message.into() }
    }

    /// The same error, seen from the message around.
    fn within(mut self, segment: &str) -> Error {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{segment}{dot}{}", self.path);
        self
    }
}

/// An encoded message of the type that `type_url` (or a full name) tells.
///
/// Errors when there is no descriptor of the type, or when the bytes are no such message.
pub fn to_json(type_url: &str, bytes: &[u8], names: Names) -> Result<Value, Error> {
    let descriptor = descriptors::message(type_url)
        .ok_or_else(|| Error::new(format!("no message type {type_url:?} is known")))?;
    let message = DynamicMessage::decode(descriptor, bytes)
        .map_err(|error| Error::new(format!("not an encoded {type_url}: {error}")))?;
    Ok(write::Writer { names }.message(&message, MAX_DEPTH))
}

/// What an `Any` of this type and value looks like: the message's fields and `@type`. When the type is
/// unknown, or the bytes are no such message, `value` holds them in base64.
pub fn any_to_json(type_url: &str, bytes: &[u8], names: Names) -> Value {
    write::Writer { names }
        .any(type_url, bytes, MAX_DEPTH)
        .unwrap_or_else(|| json!({ "@type": type_url, "value": BASE64_STANDARD.encode(bytes) }))
}

/// The encoding of the message that `json` describes, of the type that `full_name` (or a type URL) tells.
pub fn from_json(full_name: &str, json: &Value) -> Result<Bytes, Error> {
    let descriptor = descriptors::message(full_name)
        .ok_or_else(|| Error::new(format!("no message type {full_name:?} is known")))?;
    Ok(encoded(&read::message(&descriptor, json, MAX_DEPTH)?).into())
}

fn encoded(message: &DynamicMessage) -> Vec<u8> {
    let mut bytes = message.encode_to_vec();
    encode::sort_maps(&mut bytes, prost_reflect::ReflectMessage::descriptor(message).full_name());
    bytes
}
