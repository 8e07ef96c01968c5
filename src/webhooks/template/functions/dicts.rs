//! Sprig's functions of maps. Maps here are values: who calls puts what `set` and the like return in the variable that they
//! were given.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Arity, Entry, MANY, any, empty, list, map, text, textual};
use crate::webhooks::template::value::{Map, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("dict", Arity(0, MANY), |a| {
        let mut entries = BTreeMap::new();
        for pair in a.chunks(2) {
            if let Some(key) = pair.first() {
                let value = pair.get(1).cloned().unwrap_or_else(|| Value::text(""));
                entries.insert(Arc::from(textual(key)), value);
            }
        }
        Ok(Value::map(entries))
    }),
    ("get", Arity(2, 2), |a| {
        Ok(map(a, 0)?.entries.get(text(a, 1)?).cloned().unwrap_or_else(|| Value::text("")))
    }),
    ("set", Arity(3, 3), |a| {
        edited(a, |entries| {
            entries.insert(text(a, 1)?.clone(), any(a, 2).clone());
            Ok(())
        })
    }),
    ("unset", Arity(2, 2), |a| {
        edited(a, |entries| {
            entries.remove(text(a, 1)?);
            Ok(())
        })
    }),
    ("hasKey", Arity(2, 2), |a| Ok(Value::Bool(map(a, 0)?.entries.contains_key(text(a, 1)?)))),
    ("keys", Arity(0, MANY), |a| {
        let mut keys = Vec::new();
        for at in 0..a.len() {
            keys.extend(map(a, at)?.entries.keys().map(|key| Value::Text(key.clone())));
        }
        Ok(Value::list(keys))
    }),
    ("values", Arity(1, 1), |a| Ok(Value::list(map(a, 0)?.entries.values().cloned()))),
    ("pluck", Arity(1, MANY), |a| {
        let key = text(a, 0)?;
        let mut found = Vec::new();
        for at in 1..a.len() {
            found.extend(map(a, at)?.entries.get(key).cloned());
        }
        Ok(Value::list(found))
    }),
    ("pick", Arity(1, MANY), |a| chosen(a, true)),
    ("omit", Arity(1, MANY), |a| chosen(a, false)),
    ("merge", Arity(1, MANY), |a| merged(a, false)),
    ("mergeOverwrite", Arity(1, MANY), |a| merged(a, true)),
    ("deepCopy", Arity(1, 1), |a| Ok(any(a, 0).clone())),
    ("dig", Arity(3, MANY), dig),
    ("default", Arity(1, 2), |a| {
        let given = any(a, 1);
        Ok(if empty(given) { any(a, 0).clone() } else { given.clone() })
    }),
    ("empty", Arity(1, 1), |a| Ok(Value::Bool(empty(any(a, 0))))),
    ("coalesce", Arity(0, MANY), |a| {
        Ok(a.iter().find(|value| !empty(value)).cloned().unwrap_or(Value::Nil))
    }),
    ("all", Arity(0, MANY), |a| Ok(Value::Bool(a.iter().all(|value| !empty(value))))),
    ("any", Arity(0, MANY), |a| Ok(Value::Bool(a.iter().any(|value| !empty(value))))),
    ("ternary", Arity(3, 3), |a| match any(a, 2) {
        Value::Bool(true) => Ok(any(a, 0).clone()),
        Value::Bool(false) => Ok(any(a, 1).clone()),
        other => Err(format!("expected bool; found {}", other.type_name())),
    }),
];

fn edited(
    arguments: &[Value],
    edit: impl FnOnce(&mut BTreeMap<Arc<str>, Value>) -> Result<(), String>,
) -> Result<Value, String> {
    let mut map = Map::clone(&*map(arguments, 0)?);
    edit(&mut map.entries)?;
    Ok(Value::Map(Arc::new(map)))
}

/// The entries with the keys that follow, or all others.
fn chosen(arguments: &[Value], picks: bool) -> Result<Value, String> {
    let mut keys: Vec<String> = Vec::new();
    for at in 1..arguments.len() {
        match any(arguments, at) {
            Value::List(_) => keys.extend(list(arguments, at)?.iter().map(textual)),
            _ => keys.push(text(arguments, at)?.to_string()),
        }
    }
    edited(arguments, |entries| {
        entries.retain(|key, _| keys.iter().any(|chosen| **chosen == **key) == picks);
        Ok(())
    })
}

/// Maps laid over each other: the first wins, or the last.
fn merged(arguments: &[Value], overwrites: bool) -> Result<Value, String> {
    let mut entries = map(arguments, 0)?.entries.clone();
    for at in 1..arguments.len() {
        lay(&mut entries, &map(arguments, at)?.entries, overwrites);
    }
    Ok(Value::map(entries))
}

fn lay(under: &mut BTreeMap<Arc<str>, Value>, over: &BTreeMap<Arc<str>, Value>, overwrites: bool) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Map(kept)), Value::Map(map)) => {
                let mut entries = kept.entries.clone();
                lay(&mut entries, &map.entries, overwrites);
                *kept = Arc::new(Map { entries, of_text: kept.of_text });
            }
            (Some(kept), value) => {
                if empty(kept) || (overwrites && !empty(value)) {
                    *kept = value.clone();
                }
            }
            (None, value) => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

/// `dig KEY … DEFAULT MAP`.
fn dig(arguments: &[Value]) -> Result<Value, String> {
    let last = arguments.len().saturating_sub(1);
    let default = any(arguments, last.saturating_sub(1));
    let mut value = any(arguments, last).clone();
    for at in 0..last.saturating_sub(1) {
        let key = text(arguments, at)?;
        value = match &value {
            Value::Map(map) => match map.entries.get(key) {
                Some(found) => found.clone(),
                None => return Ok(default.clone()),
            },
            other => return Err(format!("expected map; found {}", other.type_name())),
        };
    }
    Ok(value)
}
