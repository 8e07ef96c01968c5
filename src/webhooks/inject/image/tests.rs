use serde_json::json;

use super::*;

#[test]
fn variants_replace_each_other_in_the_tag() {
    for (tag, variant, want) in [
        ("1.2", "", "1.2"),
        ("1.2", "distroless", "1.2-distroless"),
        ("1.2-distroless", "debug", "1.2-debug"),
        ("1.2-debug", "default", "1.2"),
        ("1.2-debug", "", "1.2-debug"),
    ] {
        assert_eq!(with_variant(tag, variant), want, "{tag} {variant}");
    }
}

#[test]
fn the_pod_decides_over_the_mesh_over_the_values() {
    let values = r#"{"global":{"hub":"h","tag":1.5,"variant":"debug","proxy":{"image":"p"}}}"#;
    let values = Values::parse(values).unwrap();
    let pod = json!({"metadata": {"annotations": {IMAGE_TYPE: "own"}}});
    let configured = json!({"image": {"imageType": "distroless"}});
    assert_eq!(proxy(&values, &json!({}), &json!({})), "h/p:1.5-debug");
    assert_eq!(proxy(&values, &json!({}), &configured), "h/p:1.5-distroless");
    assert_eq!(proxy(&values, &pod, &configured), "h/p:1.5-own");
}
