use serde_json::json;

use super::*;

#[test]
fn patches_are_small_and_make_the_other() {
    for (from, to, operations) in [
        (json!({"a": 1}), json!({"a": 1}), 0),
        (json!({"a": 1}), json!({"b/~": 1}), 2),
        (json!([1, 2, 3]), json!([9, 1, 2, 3]), 1),
        (json!([1, 2, 3]), json!([1, 9, 8, 2, 3]), 2),
        (json!([1, 2, 3]), json!([1]), 2),
        (json!([1, 2, 3]), json!([3]), 2),
        (json!({"l": [{"x": 1}, {"y": 1}]}), json!({"l": [{"x": 2}, {"y": 1}]}), 1),
        (json!([1, 1, 1]), json!([1, 1]), 1),
        (json!({"a": {"b": []}}), json!({"a": {"b": {}}}), 1),
    ] {
        let patch = diff(&from, &to);
        assert_eq!(patch.len(), operations, "{from} {to}: {patch:?}");
        assert_eq!(apply(from, &patch), Ok(to));
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let operation = json!({"op": "remove", "path": "/a"});
    assert!(apply(json!({}), &[operation]).is_err());
}
