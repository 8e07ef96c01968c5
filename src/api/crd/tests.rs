use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{definitions, yaml};
use crate::skip::skipped;

const MANIFEST: &str = "manifests/crds.yaml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_manifest_is_what_the_types_say() {
    let path = root().join(MANIFEST);
    let now = yaml().unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == now, "{MANIFEST} is behind: UPDATE=1 cargo test --lib crd");
}

/// What differs for no object: words, how rules are written and named.
fn gist(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept =
                fields.iter().filter(|(key, value)| *key != "description" || value.is_object());
            let fields = kept.map(|(key, value)| match key.as_str() {
                "x-kubernetes-validations" => (key.clone(), json!("rules")),
                _ => (key.clone(), gist(value)),
            });
            fields.collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(gist).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let absent = Value::Null;
                let (a, b) = (a.get(key).unwrap_or(&absent), b.get(key).unwrap_or(&absent));
                differences(&format!("{path}.{key}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, found);
            }
        }
        _ if ours != theirs => found.push(format!("{path}: {ours} instead of {theirs}")),
        _ => {}
    }
}

/// Order has no meaning in lists of names.
fn sorted(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sorted);
            items.sort_by_key(ToString::to_string);
        }
        Value::Object(fields) => fields.values_mut().for_each(sorted),
        _ => {}
    }
}

#[test]
fn schemas_take_what_istios_take() {
    let path = root().join("../shared/reference/crds/istio.yaml");
    let Ok(text) = std::fs::read_to_string(path) else {
        return skipped("the CRDs of Istio (../shared/reference/crds) are not here");
    };
    let documents =
        serde_yaml::Deserializer::from_str(&text).filter_map(|d| Value::deserialize(d).ok());
    let theirs: BTreeMap<String, Value> = documents
        .filter_map(|d| Some((d.pointer("/metadata/name")?.as_str()?.to_owned(), d)))
        .collect();
    let mut found = Vec::new();
    for ours in definitions() {
        let name = ours.pointer("/metadata/name").and_then(Value::as_str).unwrap();
        let (mut a, mut b) = (gist(&ours), gist(&theirs[name]));
        sorted(&mut a);
        sorted(&mut b);
        differences(name, &a, &b, &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
