//! What templates compute with: values as Go's reflection sees them.
//!
//! Owns the kinds of values, Go's zero values and what counts as true. Structs know their Go type, so that a field
//! that is not set is its type's zero value and an unknown one is an error, as in Go.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::webhooks::schema::{Shape, Type};

/// A value of Go's.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// What an absent key of a map has. Its fields are missing too.
    Missing,
    /// An interface that holds nothing. To ask for a field of it is an error.
    Nil,
    /// A pointer to a struct of this type that points to nothing.
    NilPointer(&'static Shape),
    /// A boolean.
    Bool(bool),
    /// Any integer.
    Int(i64),
    /// A floating point number, which all numbers of Helm values are.
    Float(f64),
    /// A string.
    Text(Arc<str>),
    /// A number of protobuf's that has a name.
    Enum(i64, Arc<str>),
    /// A pointer to something that is not a struct.
    Pointer(Arc<Value>),
    /// A slice.
    List(Arc<Vec<Value>>),
    /// A map with strings as keys.
    Map(Arc<Map>),
    /// A struct, or a pointer to one.
    Struct(Arc<Struct>),
}

/// A map, and what an index gives for a key that is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// What is in it.
    pub entries: BTreeMap<Arc<str>, Value>,
    /// Whether its values are strings: then an absent one is empty.
    pub of_text: bool,
}

/// A struct, of which only what is set is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// Its type.
    pub shape: &'static Shape,
    /// Its fields by their Go names.
    pub fields: BTreeMap<&'static str, Value>,
}

impl Value {
    /// A string.
    pub fn text(text: impl AsRef<str>) -> Value {
        Value::Text(Arc::from(text.as_ref()))
    }

    /// A slice.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(Arc::new(items.into_iter().collect()))
    }

    /// A `map[string]any`.
    pub fn map(entries: BTreeMap<Arc<str>, Value>) -> Value {
        Value::Map(Arc::new(Map { entries, of_text: false }))
    }

    /// A `map[string]string`.
    pub fn texts<K: AsRef<str>, V: AsRef<str>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
        let entries =
            entries.into_iter().map(|(key, value)| (Arc::from(key.as_ref()), Value::text(value)));
        Value::Map(Arc::new(Map { entries: entries.collect(), of_text: true }))
    }

    /// What Go's decoder makes of JSON without a type: every number is a float.
    pub fn of_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(flag) => Value::Bool(*flag),
            serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
            serde_json::Value::String(text) => Value::text(text),
            serde_json::Value::Array(items) => Value::list(items.iter().map(Value::of_json)),
            serde_json::Value::Object(entries) => Value::map(
                entries
                    .iter()
                    .map(|(key, value)| (Arc::from(key.as_str()), Value::of_json(value)))
                    .collect(),
            ),
        }
    }

    /// What Go has where a value of a type was never set.
    pub fn zero(of: &Type) -> Value {
        match of {
            Type::Text | Type::Quantity | Type::Time => Value::text(""),
            Type::Bool => Value::Bool(false),
            Type::Int | Type::Long | Type::IntOrText => Value::Int(0),
            Type::Float => Value::Float(0.0),
            Type::Any | Type::Duration => Value::Nil,
            Type::Enum(names) => names
                .first()
                .map_or(Value::Int(0), |(name, number)| Value::Enum(*number, Arc::from(*name))),
            Type::List(_) => Value::list([]),
            Type::Map(of) => Value::Map(Arc::new(Map {
                entries: BTreeMap::new(),
                of_text: matches!(**of, Type::Text | Type::Quantity),
            })),
            Type::Pointer(to) => match &**to {
                Type::Struct(name) => Shape::named(name).map_or(Value::Nil, Value::NilPointer),
                _ => Shape::named("scalar").map_or(Value::Nil, Value::NilPointer),
            },
            Type::Struct(name) => Shape::named(name).map_or(Value::Nil, |shape| {
                Value::Struct(Arc::new(Struct { shape, fields: BTreeMap::new() }))
            }),
        }
    }

    /// What `if` and `with` ask.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Missing | Value::Nil | Value::NilPointer(_) => false,
            Value::Bool(flag) => *flag,
            Value::Int(number) | Value::Enum(number, _) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(map) => !map.entries.is_empty(),
            Value::Pointer(_) | Value::Struct(_) => true,
        }
    }

    /// Whether there is nothing, however it is typed.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Missing | Value::Nil | Value::NilPointer(_))
    }

    /// The name of its type in Go, for messages.
    pub fn type_name(&self) -> String {
        match self {
            Value::Missing | Value::Nil => "<nil>".into(),
            Value::NilPointer(shape) => format!("*{}", shape.name),
            Value::Bool(_) => "bool".into(),
            Value::Int(_) => "int".into(),
            Value::Float(_) => "float64".into(),
            Value::Text(_) => "string".into(),
            Value::Enum(..) => "int32".into(),
            Value::Pointer(to) => format!("*{}", to.type_name()),
            Value::List(_) => "[]interface {}".into(),
            Value::Map(map) if map.of_text => "map[string]string".into(),
            Value::Map(_) => "map[string]interface {}".into(),
            Value::Struct(of) => of.shape.name.to_owned(),
        }
    }

    /// What is at the name: a field, an entry, or what a method without arguments returns.
    ///
    /// # Errors
    /// When the value can have nothing by that name.
    pub fn field(&self, name: &str) -> Result<Value, String> {
        match self {
            Value::Missing => Ok(Value::Missing),
            Value::Map(map) => Ok(map.entries.get(name).cloned().unwrap_or(Value::Missing)),
            Value::Struct(of) => of.field(name),
            // A getter of a message works without one.
            Value::NilPointer(shape) => shape
                .getter(name)
                .map(|field| Value::zero(&field.of))
                .ok_or_else(|| format!("nil pointer evaluating *{}.{name}", shape.name)),
            Value::Enum(_, text) if name == "String" => Ok(Value::Text(text.clone())),
            Value::Enum(number, _) if name == "Number" => Ok(Value::Int(*number)),
            Value::Nil => Err(format!("nil pointer evaluating interface {{}}.{name}")),
            other => Err(format!("can't evaluate field {name} in type {}", other.type_name())),
        }
    }
}

impl Struct {
    fn field(self: &Arc<Self>, name: &str) -> Result<Value, String> {
        if self.shape.embeds(name) {
            return Ok(Value::Struct(self.clone()));
        }
        let field = self.shape.field(name).or_else(|| self.shape.getter(name));
        let field = field
            .ok_or_else(|| format!("can't evaluate field {name} in type {}", self.shape.name))?;
        Ok(self.fields.get(field.name).cloned().unwrap_or_else(|| Value::zero(&field.of)))
    }
}
