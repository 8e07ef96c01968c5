//! Sprig's functions of lists.

use std::sync::Arc;

use super::{Arity, Entry, MANY, any, empty, int, limited, list, text, textual};
use crate::webhooks::template::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("list", Arity(0, MANY), |a| Ok(Value::list(a.iter().cloned()))),
    ("tuple", Arity(0, MANY), |a| Ok(Value::list(a.iter().cloned()))),
    ("append", Arity(2, 2), append),
    ("push", Arity(2, 2), append),
    ("prepend", Arity(2, 2), |a| {
        let items = list(a, 0)?;
        Ok(Value::list(std::iter::once(any(a, 1).clone()).chain(items.iter().cloned())))
    }),
    ("first", Arity(1, 1), |a| Ok(list(a, 0)?.first().cloned().unwrap_or(Value::Nil))),
    ("last", Arity(1, 1), |a| Ok(list(a, 0)?.last().cloned().unwrap_or(Value::Nil))),
    ("rest", Arity(1, 1), |a| Ok(Value::list(list(a, 0)?.iter().skip(1).cloned()))),
    ("initial", Arity(1, 1), |a| {
        let items = list(a, 0)?;
        Ok(Value::list(items.iter().take(items.len().saturating_sub(1)).cloned()))
    }),
    ("reverse", Arity(1, 1), |a| Ok(Value::list(list(a, 0)?.iter().rev().cloned()))),
    ("uniq", Arity(1, 1), |a| {
        let mut kept: Vec<Value> = Vec::new();
        let items = list(a, 0)?;
        limited(items.len().saturating_mul(items.len()))?;
        for item in items.iter() {
            if !kept.contains(item) {
                kept.push(item.clone());
            }
        }
        Ok(Value::list(kept))
    }),
    ("without", Arity(1, MANY), |a| {
        let dropped = a.get(1..).unwrap_or_default();
        let items = list(a, 0)?;
        limited(items.len().saturating_mul(dropped.len()))?;
        Ok(Value::list(items.iter().filter(|item| !dropped.contains(item)).cloned()))
    }),
    ("has", Arity(2, 2), |a| Ok(Value::Bool(list(a, 1)?.contains(any(a, 0))))),
    ("compact", Arity(1, 1), |a| {
        Ok(Value::list(list(a, 0)?.iter().filter(|item| !empty(item)).cloned()))
    }),
    ("concat", Arity(1, MANY), |a| {
        let mut items = Vec::new();
        for at in 0..a.len() {
            items.extend(list(a, at)?.iter().cloned());
            limited(items.len())?;
        }
        Ok(Value::list(items))
    }),
    ("chunk", Arity(2, 2), |a| {
        let size = usize::try_from(int(a, 0)?).unwrap_or_default().max(1);
        Ok(Value::list(list(a, 1)?.chunks(size).map(|part| Value::list(part.iter().cloned()))))
    }),
    ("sortAlpha", Arity(1, 1), |a| {
        let mut texts = strings(any(a, 0));
        texts.sort();
        Ok(Value::list(texts.into_iter().map(Value::text)))
    }),
    ("toStrings", Arity(1, 1), |a| {
        Ok(Value::list(strings(any(a, 0)).into_iter().map(Value::text)))
    }),
    ("join", Arity(2, 2), |a| Ok(Value::text(strings(any(a, 1)).join(text(a, 0)?)))),
    ("splitList", Arity(2, 2), |a| {
        Ok(Value::list(split(text(a, 0)?, text(a, 1)?).into_iter().map(Value::text)))
    }),
    ("split", Arity(2, 2), |a| Ok(numbered(split(text(a, 0)?, text(a, 1)?)))),
    ("splitn", Arity(3, 3), |a| {
        let most = usize::try_from(int(a, 1)?).unwrap_or_default();
        let (sign, whole) = (text(a, 0)?, text(a, 2)?);
        Ok(numbered(whole.splitn(most, &**sign).map(str::to_owned).collect()))
    }),
];

fn append(arguments: &[Value]) -> Result<Value, String> {
    let mut items = Vec::clone(&*list(arguments, 0)?);
    limited(items.len())?;
    items.push(any(arguments, 1).clone());
    Ok(Value::List(Arc::new(items)))
}

/// Anything as texts: a list's items that are something, or the one that there is.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().filter(|item| !item.is_nil()).map(textual).collect(),
        other if other.is_nil() => Vec::new(),
        other => vec![textual(other)],
    }
}

/// Go's split: without a sign, between all characters.
fn split(sign: &str, whole: &str) -> Vec<String> {
    match sign.is_empty() {
        true => whole.chars().map(String::from).collect(),
        false => whole.split(sign).map(str::to_owned).collect(),
    }
}

/// Parts as a map with the keys `_0`, `_1` …
fn numbered(parts: Vec<String>) -> Value {
    Value::texts(parts.into_iter().enumerate().map(|(at, part)| (format!("_{at}"), part)))
}
