//! What Go's templates have by themselves.

use std::cmp::Ordering;

use super::{Arity, Entry, MANY, any, int, print, text, textual};
use crate::webhooks::template::compare;
use crate::webhooks::template::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("eq", Arity(2, MANY), |a| compare::equals_any(a).map(Value::Bool)),
    ("ne", Arity(2, 2), |a| compare::equals_any(a).map(|equal| Value::Bool(!equal))),
    ("lt", Arity(2, 2), |a| ordered(a, |o| o == Ordering::Less)),
    ("le", Arity(2, 2), |a| ordered(a, |o| o != Ordering::Greater)),
    ("gt", Arity(2, 2), |a| ordered(a, |o| o == Ordering::Greater)),
    ("ge", Arity(2, 2), |a| ordered(a, |o| o != Ordering::Less)),
    ("not", Arity(1, 1), |a| Ok(Value::Bool(!any(a, 0).is_true()))),
    ("len", Arity(1, 1), |a| length(any(a, 0))),
    ("index", Arity(1, MANY), index),
    ("slice", Arity(1, 4), slice),
    ("print", Arity(0, MANY), |a| Ok(Value::text(print::joined(a)))),
    ("println", Arity(0, MANY), |a| Ok(Value::text(print::line(a)))),
    ("printf", Arity(1, MANY), |a| {
        let values = a.get(1..).unwrap_or_default();
        print::formatted(text(a, 0)?, values).map(Value::text)
    }),
    ("html", Arity(0, MANY), |a| Ok(Value::text(html(&print::joined(a))))),
    ("urlquery", Arity(0, MANY), |a| Ok(Value::text(url_query(&print::joined(a))))),
];

fn ordered(arguments: &[Value], holds: fn(Ordering) -> bool) -> Result<Value, String> {
    compare::ordered(any(arguments, 0), any(arguments, 1)).map(|order| Value::Bool(holds(order)))
}

fn length(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.entries.len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(arguments: &[Value]) -> Result<Value, String> {
    let mut value = any(arguments, 0).clone();
    if value.is_nil() {
        return Err("index of untyped nil".into());
    }
    for at in 1..arguments.len() {
        value = match &value {
            Value::Map(map) => {
                let key = text(arguments, at)?;
                match (map.entries.get(key), map.of_text) {
                    (Some(item), _) => item.clone(),
                    (None, true) => Value::text(""),
                    (None, false) => Value::Missing,
                }
            }
            Value::List(items) => {
                let at = int(arguments, at)?;
                let item = usize::try_from(at).ok().and_then(|at| items.get(at));
                item.cloned().ok_or_else(|| format!("index out of range: {at}"))?
            }
            Value::Text(whole) => {
                let at = int(arguments, at)?;
                let byte = usize::try_from(at).ok().and_then(|at| whole.as_bytes().get(at));
                let byte = byte.ok_or_else(|| format!("index out of range: {at}"))?;
                Value::Int(i64::from(*byte))
            }
            other if other.is_nil() => return Err("index of nil pointer".into()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

fn slice(arguments: &[Value]) -> Result<Value, String> {
    let bound = |at: usize, default: usize| match arguments.len() > at {
        true => usize::try_from(int(arguments, at)?).map_err(|_| "index out of range".to_owned()),
        false => Ok(default),
    };
    let outside = || "index out of range".to_owned();
    match any(arguments, 0) {
        Value::Text(whole) => {
            let (from, to) = (bound(1, 0)?, bound(2, whole.len())?);
            whole.get(from..to).map(Value::text).ok_or_else(outside)
        }
        Value::List(items) => {
            let (from, to) = (bound(1, 0)?, bound(2, items.len())?);
            let part = items.get(from..to).ok_or_else(outside)?;
            Ok(Value::list(part.iter().cloned()))
        }
        other => Err(format!("can't slice item of type {}", other.type_name())),
    }
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// `url.QueryEscape`.
pub(super) fn url_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// All arguments as text, one after the other.
pub(super) fn texts(arguments: &[Value]) -> impl Iterator<Item = String> {
    arguments.iter().filter(|value| !value.is_nil()).map(textual)
}
