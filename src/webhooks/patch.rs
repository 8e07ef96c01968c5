//! The difference of two objects as a JSON patch (RFC 6902): small, and exact.
//!
//! Lists that only grew or shrank at one place keep their other items, wherever that place is.

use serde_json::{Map, Value as Json, json};

/// The operations that make the one of the other.
pub fn diff(from: &Json, to: &Json) -> Vec<Json> {
    let mut operations = Vec::new();
    compare(from, to, "", &mut operations);
    operations
}

fn compare(from: &Json, to: &Json, path: &str, operations: &mut Vec<Json>) {
    match (from, to) {
        (from, to) if from == to => {}
        (Json::Object(from), Json::Object(to)) => objects(from, to, path, operations),
        (Json::Array(from), Json::Array(to)) => lists(from, to, path, operations),
        (_, to) => operations.push(json!({"op": "replace", "path": path, "value": to})),
    }
}

fn objects(
    from: &Map<String, Json>,
    to: &Map<String, Json>,
    path: &str,
    operations: &mut Vec<Json>,
) {
    for (key, old) in from {
        let path = format!("{path}/{}", escaped(key));
        match to.get(key) {
            Some(new) => compare(old, new, &path, operations),
            None => operations.push(json!({"op": "remove", "path": path})),
        }
    }
    for (key, new) in to.iter().filter(|(key, _)| !from.contains_key(*key)) {
        let path = format!("{path}/{}", escaped(key));
        operations.push(json!({"op": "add", "path": path, "value": new}));
    }
}

fn lists(from: &[Json], to: &[Json], path: &str, operations: &mut Vec<Json>) {
    let before = from.iter().zip(to).take_while(|(old, new)| old == new).count();
    let (from, to) = (from.get(before..).unwrap_or_default(), to.get(before..).unwrap_or_default());
    let after = from.iter().rev().zip(to.iter().rev()).take_while(|(old, new)| old == new).count();
    let from = from.get(..from.len() - after).unwrap_or_default();
    let to = to.get(..to.len() - after).unwrap_or_default();
    for (at, (old, new)) in from.iter().zip(to).enumerate() {
        compare(old, new, &format!("{path}/{}", before + at), operations);
    }
    let both = from.len().min(to.len());
    // From the end, so that places before stay what they are.
    for at in (both..from.len()).rev() {
        operations.push(json!({"op": "remove", "path": format!("{path}/{}", before + at)}));
    }
    for (at, new) in to.iter().enumerate().skip(both) {
        let path = format!("{path}/{}", before + at);
        operations.push(json!({"op": "add", "path": path, "value": new}));
    }
}

/// A key as a part of a path.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The object with the operations applied.
///
/// # Errors
/// When an operation does not fit the object.
pub fn apply(mut object: Json, operations: &[Json]) -> Result<Json, String> {
    for operation in operations {
        apply_one(&mut object, operation).ok_or_else(|| format!("does not apply: {operation}"))?;
    }
    Ok(object)
}

fn apply_one(object: &mut Json, operation: &Json) -> Option<()> {
    let path = operation.get("path")?.as_str()?;
    let value = operation.get("value").cloned();
    let kind = operation.get("op")?.as_str()?;
    let Some((parent, key)) = path.rsplit_once('/') else {
        *object = value?;
        return Some(());
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    match (object.pointer_mut(parent)?, kind) {
        (Json::Object(entries), "remove") => entries.remove(&key).map(|_| ()),
        (Json::Object(entries), "replace") => {
            *entries.get_mut(&key)? = value?;
            Some(())
        }
        (Json::Object(entries), "add") => {
            entries.insert(key, value?);
            Some(())
        }
        (Json::Array(items), kind) => {
            let at: usize = key.parse().ok()?;
            match kind {
                "remove" if at < items.len() => {
                    items.remove(at);
                }
                "replace" => *items.get_mut(at)? = value?,
                "add" if at <= items.len() => items.insert(at, value?),
                _ => return None,
            }
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
