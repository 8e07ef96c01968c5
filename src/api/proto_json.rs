//! JSON as protobuf reads it, for the types of Istio's API.
//!
//! Between serde's derived implementations and a JSON value: fields may be written in camelCase or in snake_case,
//! a null is an absent field, and a number may be written as text. Keys of maps are left as they are. Knows no type:
//! the fields of a struct are what serde tells when it asks for one.

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

/// Deserializes the value that it holds.
#[derive(Clone, Debug)]
pub struct ProtoJson(pub Value);

/// A number that is written as text, or with a fraction of zero, as a number.
fn number(value: Value) -> Value {
    match &value {
        Value::String(text) => match text.parse::<serde_json::Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => value,
        },
        Value::Number(number) if number.is_f64() => {
            /// Beyond it a double does not tell integers apart.
            const LARGEST: f64 = 9_007_199_254_740_992.0;
            match number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= LARGEST) {
                Some(whole) => Value::from(whole as i64),
                None => value,
            }
        }
        _ => value,
    }
}

/// The name of a field in camelCase.
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            _ if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            _ => out.push(c),
        }
    }
    out
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            ProtoJson(number(self.0)).deserialize_any(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for ProtoJson {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            Value::Object(fields) => {
                visitor.visit_map(Fields { known: &[], fields: fields.into_iter(), value: None })
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => {
                visitor.visit_map(Fields { known, fields: fields.into_iter(), value: None })
            }
            // An element that is not there is one in which nothing is set.
            Value::Null => {
                visitor.visit_map(Fields { known, fields: Map::new().into_iter(), value: None })
            }
            // A list is no struct, whatever serde makes of it.
            Value::Array(_) => Err(Error::invalid_type(serde::de::Unexpected::Seq, &visitor)),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0 {
            Value::String(_) => ProtoJson(number(self.0)).deserialize_any(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool f32 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for ProtoJson {
    type Deserializer = ProtoJson;

    fn into_deserializer(self) -> ProtoJson {
        self
    }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(ProtoJson(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields {
    /// The fields of the struct; none for a map.
    known: &'static [&'static str],
    fields: serde_json::map::IntoIter,
    value: Option<Value>,
}

impl Fields {
    fn key(&self, key: String) -> String {
        if self.known.contains(&key.as_str()) || !key.contains('_') {
            return key;
        }
        let camel = camel_case(&key);
        if self.known.contains(&camel.as_str()) { camel } else { key }
    }
}

/// A key of an object. Where a map has numbers as keys, JSON has them as text.
struct Key(String);

impl<'de> Deserializer<'de> for Key {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.parse() {
            Ok(number) => visitor.visit_u32(number),
            Err(_) => Err(Error::invalid_value(serde::de::Unexpected::Str(&self.0), &"a number")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        for (key, value) in self.fields.by_ref() {
            if value.is_null() && !self.known.is_empty() {
                continue;
            }
            self.value = Some(value);
            return seed.deserialize(Key(self.key(key))).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(ProtoJson(self.value.take().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests;
