//! From the text of one document to JSON, within limits.
//!
//! YAML lets a short text describe a huge or endless value, and the parser's time may grow with the square of
//! the depth of `[` and `{`. What a text may cost is therefore bounded before and while it is read. Plain
//! scalars follow YAML 1.2: `yes` and `0644` are strings. `<<` merges. A key that comes twice is an error, as
//! one of the two would silently have no effect.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How many `[` and `{` may be open at once. serde_yaml refuses values deeper than 128, but only after a scan
/// whose time grows with the square of this; text in scalars counts too, so the limit is far above 128.
const MAX_OPEN_BRACKETS: usize = 1000;

/// What aliases may add to a document, in values and bytes of scalars, beyond twice the size of its text. A
/// document without aliases can never reach it.
const MAX_EXPANSION: usize = 1 << 20;

/// The key that merges a map, or several, into the one that it stands in.
const MERGE_KEY: &str = "<<";

/// How the parsers write a line in a message.
const LINE: &str = " at line ";

/// Why a text is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// The line inside of the text, counted from 1, when the parser tells it.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl SyntaxError {
    /// The same error, seen from a file in which so many lines stand before the text.
    pub fn below(self, lines: usize) -> SyntaxError {
        let mut pieces = self.message.split(LINE);
        let mut message = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
            let (number, rest) = piece.split_at(end);
            let moved = number.parse::<usize>().map(|number| (number + lines).to_string());
            message.push_str(LINE);
            message.push_str(moved.as_deref().unwrap_or(number));
            message.push_str(rest);
        }
        SyntaxError { line: self.line.map(|line| line + lines), message }
    }
}

/// Reads one YAML document; JSON is one too.
pub(super) fn from_yaml(text: &str) -> Result<Value, SyntaxError> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = from_json(text)
    {
        return Ok(value);
    }
    check_brackets(text)?;
    let budget = budget(text);
    let document = serde_yaml::Deserializer::from_str(text);
    Node(&budget).deserialize(document).map_err(|error| {
        let location = error.location();
        let mut message = error.to_string();
        if let Some(at) = &location {
            // Whoever shows the error names the line already.
            let place = format!("{LINE}{} column {}", at.line(), at.column());
            message = message.replacen(&place, "", 1);
        }
        SyntaxError { line: location.map(|at| at.line()), message }
    })
}

/// Reads a JSON text.
pub(super) fn from_json(text: &str) -> Result<Value, SyntaxError> {
    let budget = budget(text);
    let mut document = serde_json::Deserializer::from_str(text);
    let value = Node(&budget).deserialize(&mut document);
    value.and_then(|value| document.end().map(|()| value)).map_err(|error| {
        let place = format!("{LINE}{} column {}", error.line(), error.column());
        SyntaxError {
            line: (error.line() > 0).then_some(error.line()),
            message: error.to_string().replacen(&place, "", 1),
        }
    })
}

fn budget(text: &str) -> Cell<usize> {
    Cell::new(text.len().saturating_mul(2).saturating_add(MAX_EXPANSION))
}

fn check_brackets(text: &str) -> Result<(), SyntaxError> {
    let mut open = 0usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_OPEN_BRACKETS {
            let before = text.as_bytes().get(..index).unwrap_or_default();
            return Err(SyntaxError {
                line: Some(before.iter().filter(|b| **b == b'\n').count() + 1),
                message: format!("more than {MAX_OPEN_BRACKETS} brackets are open"),
            });
        }
    }
    Ok(())
}

/// Builds a value and pays for each part of it.
#[derive(Clone, Copy)]
struct Node<'a>(&'a Cell<usize>);

impl Node<'_> {
    fn pay<E: de::Error>(self, cost: usize) -> Result<(), E> {
        match self.0.get().checked_sub(cost) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(E::custom("aliases make the document too large")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON knows")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.pay(1).map(|()| Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.pay(1).map(|()| Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.pay(1).map(|()| value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.pay(1).map(|()| value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.pay(1)?;
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("infinity and NaN are no values here"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.pay(1 + value.len()).map(|()| value.into())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        self.pay(1 + value.len()).map(|()| Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.pay(1)?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.pay(1)?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key_seed(Key(self))? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!("the key {key:?} comes twice")));
            }
            let value = entries.next_value_seed(self)?;
            map.insert(key, value);
        }
        merge(&mut map).map_err(de::Error::custom)?;
        Ok(Value::Object(map))
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(de::Error::custom("tags (!name) are not supported"))
    }
}

/// Applies `<<`: what the map names itself stands, then the first of several merged maps that names it.
fn merge(map: &mut Map<String, Value>) -> Result<(), &'static str> {
    let sources = match map.remove(MERGE_KEY) {
        None => return Ok(()),
        Some(Value::Array(sources)) => sources,
        Some(source) => vec![source],
    };
    for source in sources {
        let Value::Object(fields) = source else {
            return Err("<< merges maps only: give it a map, an alias of one, or a list of these");
        };
        for (key, value) in fields {
            map.entry(key).or_insert(value);
        }
    }
    Ok(())
}

/// A key of a map: JSON has strings only, so numbers and booleans become what they are written as.
struct Key<'a>(Node<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string as the key of a map")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<String, E> {
        self.0.pay(1 + value.len()).map(|()| value.to_owned())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
        self.0.pay(1).map(|()| value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<String, E> {
        self.0.pay(1).map(|()| value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
        self.0.pay(1).map(|()| value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<String, E> {
        self.0.pay(1).map(|()| value.to_string())
    }
}

#[cfg(test)]
mod tests;
