use serde_json::json;

use super::*;

const POD: Type = Type::Struct("Pod");

fn merged(original: Json, patch: Json) -> Json {
    merge(json!({"spec": original}), json!({"spec": patch}), &POD).unwrap()["spec"].clone()
}

#[test]
fn lists_with_keys_are_merged_and_ordered_as_kubernetes_does() {
    let names = |spec: Json| -> Vec<String> {
        let items = spec["volumes"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let list = |names: &[&str]| {
        let items: Vec<Json> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"volumes": items})
    };
    for (original, patch, want) in [
        // What is new goes before what was there.
        (&["a", "b"][..], &["x", "y"][..], &["x", "y", "a", "b"][..]),
        // What was before an item of both stays before it.
        (&["a", "b", "c"], &["b", "x"], &["a", "b", "x", "c"]),
        (&["a", "b"], &["b", "a"], &["b", "a"]),
        (&[], &["x"], &["x"]),
    ] {
        assert_eq!(names(merged(list(original), list(patch))), want, "{original:?} {patch:?}");
    }
}

#[test]
fn items_with_one_key_become_one() {
    let spec = merged(
        json!({"containers": [{"name": "a", "image": "i", "args": ["x"],
            "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 1, "name": "p"}]}]}),
        json!({"containers": [{"name": "a", "args": ["y"],
            "env": [{"name": "A", "value": "2"}, {"name": "B"}], "ports": [{"containerPort": 1, "hostPort": 2}]}]}),
    );
    let want = json!({"containers": [{"name": "a", "image": "i", "args": ["y"],
        "env": [{"name": "A", "value": "2"}, {"name": "B"}],
        "ports": [{"containerPort": 1, "name": "p", "hostPort": 2}]}]});
    assert_eq!(spec, want);
}

#[test]
fn directives_and_nulls_are_obeyed() {
    let original =
        json!({"nodeSelector": {"a": "1", "b": "2"}, "volumes": [{"name": "v"}, {"name": "w"}]});
    let spec = merged(original.clone(), json!({"nodeSelector": {"a": null}}));
    assert_eq!(spec["nodeSelector"], json!({"b": "2"}));
    let spec = merged(original.clone(), json!({"nodeSelector": {"$patch": "replace", "c": "3"}}));
    assert_eq!(spec["nodeSelector"], json!({"c": "3"}));
    let spec = merged(original.clone(), json!({"volumes": [{"$patch": "delete", "name": "v"}]}));
    assert_eq!(spec["volumes"], json!([{"name": "w"}]));
    let spec = merged(original, json!({"volumes": [{"$patch": "replace"}, {"name": "x"}]}));
    assert_eq!(spec["volumes"], json!([{"name": "x"}]));
    assert!(
        merge(
            json!({"spec": {"volumes": [{"name": "v"}]}}),
            json!({"spec": {"volumes": [{}]}}),
            &POD
        )
        .is_err()
    );
}
