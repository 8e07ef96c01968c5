//! The types of Go that injection speaks of: pods as Kubernetes defines them, the mesh's configuration as Istio does.
//!
//! Owns two tables of them (`pod.types`, `mesh.types`): each field's name in Go and in JSON, its type, whether JSON has it
//! when it is empty (`!`), and by which key lists are merged. From these follow what templates see, what is a valid
//! pod, how JSON is written, and how pods are merged. A line is `GoName jsonName type [merge=KEY]`; `+` embeds a type.

pub mod canonical;
pub mod json;
pub mod quantity;
pub mod typed;

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A struct of Go, or a message of protobuf.
#[derive(Debug, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// What it is in JSON.
    pub sort: Sort,
    /// Its fields, in their order.
    pub fields: Vec<Field>,
    embedded: Vec<&'static str>,
}

/// How JSON writes a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// As Go does.
    Struct,
    /// As protobuf does.
    Message,
    /// As the one value that is in it.
    Wrapper,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in Go.
    pub name: &'static str,
    /// Its name in JSON.
    pub json: &'static str,
    /// Whether JSON has it when it is empty.
    pub always: bool,
    /// What it holds.
    pub of: Type,
    /// The key by which its items are merged: empty for a list of scalars that is a set.
    pub merge: Option<&'static str>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A string.
    Text,
    /// A boolean.
    Bool,
    /// An integer.
    Int,
    /// An integer that proto JSON writes as text.
    Long,
    /// A floating point number.
    Float,
    /// An amount of a resource.
    Quantity,
    /// A time.
    Time,
    /// A number, or a name.
    IntOrText,
    /// A duration.
    Duration,
    /// Any JSON.
    Any,
    /// One of some names, which have numbers.
    Enum(Vec<(&'static str, i64)>),
    /// A pointer: it may be unset.
    Pointer(Box<Type>),
    /// A list.
    List(Box<Type>),
    /// A map with strings as keys.
    Map(Box<Type>),
    /// A struct by its name.
    Struct(&'static str),
}

static SHAPES: LazyLock<BTreeMap<&'static str, Shape>> = LazyLock::new(|| {
    let mut shapes = BTreeMap::new();
    for text in [include_str!("schema/pod.types"), include_str!("schema/mesh.types")] {
        read(text, &mut shapes);
    }
    embed(&mut shapes);
    shapes
});

impl Shape {
    /// The type of a name.
    pub fn named(name: &str) -> Option<&'static Shape> {
        SHAPES.get(name)
    }

    /// The field of a name in Go.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that a method without arguments returns, as `GetTracing` does.
    pub fn getter(&self, name: &str) -> Option<&Field> {
        name.strip_prefix("Get").and_then(|name| self.field(name))
    }

    /// The field of a name in JSON. Messages may be written with underscores too.
    pub fn in_json(&self, name: &str) -> Option<&Field> {
        let exact = self.fields.iter().find(|field| field.json == name);
        exact.or_else(|| match self.sort == Sort::Message && name.contains('_') {
            true => {
                let camel = camel_case(name);
                self.fields.iter().find(|field| field.json == camel)
            }
            false => None,
        })
    }

    /// Whether it embeds a type of this name, whose fields are its own.
    pub fn embeds(&self, name: &str) -> bool {
        self.embedded.contains(&name)
    }
}

fn camel_case(name: &str) -> String {
    let mut upper = false;
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// Reads a table. What is no line of one is left out, which a test would notice.
fn read(text: &'static str, shapes: &mut BTreeMap<&'static str, Shape>) {
    let mut current: Option<Shape> = None;
    for line in text.lines() {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        match (words.as_slice(), &mut current) {
            ([sort @ ("type" | "message" | "wrapper"), name], _) => {
                let sort = match *sort {
                    "type" => Sort::Struct,
                    "message" => Sort::Message,
                    _ => Sort::Wrapper,
                };
                let shape = Shape { name, sort, fields: Vec::new(), embedded: Vec::new() };
                if let Some(done) = current.replace(shape) {
                    shapes.insert(done.name, done);
                }
            }
            (["+", _, embedded], Some(shape)) => {
                // Its fields are put here once all types are known.
                let of = Type::Struct(embedded);
                let field = Field { name: "+", json: "", always: false, of, merge: None };
                shape.fields.push(field);
                shape.embedded.push(embedded);
            }
            ([name, json, of, rest @ ..], Some(shape)) => {
                let merge = rest.iter().find_map(|word| word.strip_prefix("merge="));
                let bare = json.trim_end_matches('!');
                let always = bare.len() < json.len();
                shape.fields.push(Field { name, json: bare, always, of: type_of(of), merge });
            }
            _ => {}
        }
    }
    if let Some(done) = current {
        shapes.insert(done.name, done);
    }
}

/// Puts the fields of embedded types in their place.
fn embed(shapes: &mut BTreeMap<&'static str, Shape>) {
    let fields: BTreeMap<&'static str, Vec<Field>> =
        shapes.iter().map(|(name, shape)| (*name, shape.fields.clone())).collect();
    for shape in shapes.values_mut() {
        let own = std::mem::take(&mut shape.fields);
        for field in own {
            match (field.name, &field.of) {
                ("+", Type::Struct(name)) => {
                    shape.fields.extend(fields.get(name).into_iter().flatten().cloned());
                }
                _ => shape.fields.push(field),
            }
        }
    }
}

fn type_of(text: &'static str) -> Type {
    if let Some(of) = text.strip_prefix('*') {
        return Type::Pointer(Box::new(type_of(of)));
    }
    if let Some(of) = text.strip_prefix("[]") {
        return Type::List(Box::new(type_of(of)));
    }
    if let Some(of) = text.strip_prefix("{}") {
        return Type::Map(Box::new(type_of(of)));
    }
    if let Some(names) = text.strip_prefix("enum(").and_then(|rest| rest.strip_suffix(')')) {
        let names = names.split('|').filter_map(|name| name.split_once(':'));
        return Type::Enum(
            names.filter_map(|(name, number)| Some((name, number.parse().ok()?))).collect(),
        );
    }
    match text {
        "string" => Type::Text,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "quantity" => Type::Quantity,
        "time" => Type::Time,
        "intstr" => Type::IntOrText,
        "duration" => Type::Duration,
        "any" => Type::Any,
        name => Type::Struct(name),
    }
}

#[cfg(test)]
mod tests;
