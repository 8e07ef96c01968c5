//! Encoding: the same message is always the same bytes.

use bytes::Bytes;
use prost::{Message, Name};

use super::Any;

/// Encodes a message, its map entries sorted by key.
pub fn encode<M: Message + Name>(message: &M) -> Bytes {
    message.encode_to_vec().into()
}

/// Packs a message into an `Any` under `type.googleapis.com/`.
pub fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: encode(message).into(),
    }
}
