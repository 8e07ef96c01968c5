//! The functions that templates may call: Go's own, those of Sprig, and what a [`Library`] adds.
//!
//! A function gets its arguments as they are and says what is wrong with them. Sprig's that look at clocks, networks or
//! chance, or make keys, are not here: what a pod becomes follows from the pod and the configuration.

mod convert;
mod dicts;
mod encode;
mod go;
mod lists;
mod numbers;
mod patterns;
mod strings;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::print;
use super::value::{Map, Value};

/// How many arguments a function takes: at least, and at most.
#[derive(Clone, Copy, Debug)]
pub struct Arity(pub usize, pub usize);

/// Any number from some on.
const MANY: usize = usize::MAX;

/// What a function does.
pub type Function = fn(&[Value]) -> Result<Value, String>;

/// A name, how many arguments, and what it does.
pub type Entry = (&'static str, Arity, Function);

/// The functions of a template, by name.
#[derive(Debug)]
pub struct Library {
    functions: BTreeMap<&'static str, (Arity, Function)>,
    /// What `env` tells.
    environment: BTreeMap<String, String>,
}

impl Library {
    /// Go's functions and Sprig's, and over them some others; with what `env` is to tell.
    pub fn with(others: &[Entry], environment: BTreeMap<String, String>) -> Library {
        let own = [
            go::FUNCTIONS,
            convert::FUNCTIONS,
            dicts::FUNCTIONS,
            encode::FUNCTIONS,
            lists::FUNCTIONS,
            numbers::FUNCTIONS,
            patterns::FUNCTIONS,
            strings::FUNCTIONS,
            words::FUNCTIONS,
            others,
        ];
        let functions =
            own.into_iter().flatten().map(|(name, arity, function)| (*name, (*arity, *function)));
        Library { functions: functions.collect(), environment }
    }

    /// Whether there is such a function.
    pub fn knows(&self, name: &str) -> bool {
        self.functions.contains_key(name) || matches!(name, "and" | "or" | "env")
    }

    /// Calls a function.
    ///
    /// # Errors
    /// When there is none by this name, or the arguments are not what it takes.
    pub fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        if name == "env" {
            let found =
                self.environment.get(&**text(arguments, 0)?).filter(|text| !text.is_empty());
            return match (found, arguments.len()) {
                (Some(found), _) => Ok(Value::text(found)),
                (None, 1) => Ok(Value::text("")),
                (None, _) => text(arguments, 1).cloned().map(Value::Text),
            };
        }
        let Some((Arity(least, most), function)) = self.functions.get(name) else {
            return Err("no such function".into());
        };
        if !(*least..=*most).contains(&arguments.len()) {
            let want = match (*least, *most) {
                (least, MANY) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            return Err(format!("wrong number of args: want {want} got {}", arguments.len()));
        }
        function(arguments)
    }
}

/// The most that one function may make, in bytes or items.
const MAX_MADE: usize = 1 << 20;

/// An error when a function would make more than it may.
fn limited(size: usize) -> Result<(), String> {
    match size > MAX_MADE {
        true => Err(format!("makes more than {MAX_MADE}")),
        false => Ok(()),
    }
}

/// The argument at an index; nothing when there is none.
pub fn any(arguments: &[Value], at: usize) -> &Value {
    arguments.get(at).unwrap_or(&Value::Missing)
}

/// An argument that must be a string.
pub fn text(arguments: &[Value], at: usize) -> Result<&Arc<str>, String> {
    match any(arguments, at) {
        Value::Text(text) => Ok(text),
        Value::Missing | Value::Nil => Err("invalid value; expected string".into()),
        other => {
            Err(format!("expected string; found {} ({})", print::plain(other), other.type_name()))
        }
    }
}

/// An argument that must be an integer.
pub fn int(arguments: &[Value], at: usize) -> Result<i64, String> {
    match any(arguments, at) {
        Value::Int(number) | Value::Enum(number, _) => Ok(*number),
        // Values from YAML are floats, and Go refuses them; whole ones mean what they say.
        Value::Float(number) if number.fract() == 0.0 => Ok(number_of(*number)),
        other => Err(format!("expected integer; found {}", print::plain(other))),
    }
}

/// An argument that must be a list. Nothing is an empty one.
pub fn list(arguments: &[Value], at: usize) -> Result<Arc<Vec<Value>>, String> {
    match any(arguments, at) {
        Value::List(items) => Ok(items.clone()),
        other if other.is_nil() => Ok(Arc::default()),
        other => Err(format!("expected list; found {}", other.type_name())),
    }
}

/// An argument that must be a map. Nothing is an empty one.
pub fn map(arguments: &[Value], at: usize) -> Result<Arc<Map>, String> {
    match any(arguments, at) {
        Value::Map(map) => Ok(map.clone()),
        other if other.is_nil() => Ok(Arc::default()),
        other => Err(format!("expected map; found {}", other.type_name())),
    }
}

/// Sprig's text of anything.
fn textual(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => print::plain(other),
    }
}

/// A float as an integer, cut off.
#[allow(clippy::cast_possible_truncation, reason = "a cast of a float stops at the ends")]
fn number_of(float: f64) -> i64 {
    float as i64
}

/// Sprig's idea of nothing.
fn empty(value: &Value) -> bool {
    match value {
        Value::Struct(_) | Value::Pointer(_) => false,
        other => !other.is_true(),
    }
}
