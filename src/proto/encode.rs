//! Encoding: the same message is always the same bytes.
//!
//! envoy-types keeps maps in `HashMap`s, and prost writes their entries in iteration order, which differs from
//! map to map. Here the entries are put in the order of their keys after prost has written them (module `maps`).

mod maps;
#[cfg(test)]
mod tests;

pub(super) use self::maps::sort as sort_maps;

use bytes::Bytes;
use prost::{Message, Name};

use super::Any;

/// Encodes a message, its map entries sorted by key. What is already packed into an `Any` inside stays as it
/// is: [`any`] sorted it.
pub fn encode<M: Message + Name>(message: &M) -> Bytes {
    let mut bytes = message.encode_to_vec();
    sort_maps(&mut bytes, &M::full_name());
    bytes.into()
}

/// Packs a message into an `Any` under `type.googleapis.com/`.
pub fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: encode(message).into(),
    }
}
