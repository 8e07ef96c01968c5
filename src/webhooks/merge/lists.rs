//! Lists whose items have keys, and lists that are sets.
//!
//! The order is Kubernetes': the patch's items in the patch's order, the others in theirs; one of the others goes before an
//! item of the patch only where the original had them in this order.

use serde_json::Value as Json;

use super::{DIRECTIVE, merge_at};
use crate::webhooks::schema::Type;

/// The items of the patch merged into those of the original.
pub(super) fn merge(
    original: Vec<Json>,
    patch: Vec<Json>,
    by: &str,
    of: &Type,
    depth: usize,
) -> Result<Vec<Json>, String> {
    let (original, patch) = directed(original, patch, by)?;
    let item_type = match of {
        Type::List(of) => of,
        other => other,
    };
    let mut from_patch = Vec::new();
    let mut taken = vec![false; original.len()];
    for item in &patch {
        let key = key_of(item, by)?;
        if from_patch.iter().any(|(_, known, _)| *known == key) {
            // A key that is there twice is merged twice, as by itself.
            for (merged, known, _) in &mut from_patch {
                if *known == key {
                    let before = std::mem::take(merged);
                    *merged = merge_at(before, item.clone(), item_type, depth + 1)?;
                    break;
                }
            }
            continue;
        }
        let found = find(&original, &key, by);
        let merged = match found.and_then(|at| original.get(at)) {
            Some(old) => merge_at(old.clone(), item.clone(), item_type, depth + 1)?,
            None => super::without_directives(item.clone()),
        };
        if let Some(taken) = found.and_then(|at| taken.get_mut(at)) {
            *taken = true;
        }
        from_patch.push((merged, key, found));
    }
    let others: Vec<(usize, Json)> =
        original.into_iter().enumerate().filter(|(at, _)| taken.get(*at) == Some(&false)).collect();
    Ok(woven(from_patch.into_iter().map(|(item, _, found)| (item, found)).collect(), others))
}

/// Puts what only the original has among what the patch has.
fn woven(patch: Vec<(Json, Option<usize>)>, others: Vec<(usize, Json)>) -> Vec<Json> {
    let mut woven = Vec::with_capacity(patch.len() + others.len());
    let mut others = others.into_iter().peekable();
    for (item, found) in patch {
        if let Some(place) = found {
            while let Some((_, other)) = others.next_if(|(at, _)| *at < place) {
                woven.push(other);
            }
        }
        woven.push(item);
    }
    woven.extend(others.map(|(_, other)| other));
    woven
}

/// Obeys the items that are directives, and takes them out.
fn directed(
    mut original: Vec<Json>,
    patch: Vec<Json>,
    by: &str,
) -> Result<(Vec<Json>, Vec<Json>), String> {
    let mut kept = Vec::with_capacity(patch.len());
    let mut replaces = false;
    for item in patch {
        match item.get(DIRECTIVE).and_then(Json::as_str) {
            None => kept.push(item),
            Some("replace") => replaces = true,
            Some("delete") => {
                let key = key_of(&item, by)?;
                original.retain(|old| key_of(old, by).as_ref() != Ok(&key));
            }
            Some(other) => return Err(format!("{DIRECTIVE}: {other:?} cannot be in a list")),
        }
    }
    if replaces {
        original.clear();
    }
    Ok((original, kept))
}

fn find(items: &[Json], key: &Json, by: &str) -> Option<usize> {
    items.iter().position(|item| key_of(item, by).as_ref() == Ok(key))
}

/// What an item is known by: itself when it has no key.
fn key_of(item: &Json, by: &str) -> Result<Json, String> {
    match (item, by) {
        (Json::Object(_), "") => Err("objects cannot be merged without a key".into()),
        (Json::Object(entries), by) => {
            entries.get(by).cloned().ok_or_else(|| format!("an item has no {by}"))
        }
        (scalar, _) => Ok(scalar.clone()),
    }
}
