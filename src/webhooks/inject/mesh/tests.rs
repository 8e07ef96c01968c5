use super::*;

#[test]
fn a_pod_changes_single_fields_and_adds_metadata() {
    let mesh =
        "{defaultConfig: {proxyMetadata: {A: a, B: b}, concurrency: 4, interception_mode: TPROXY}}";
    let mesh = Mesh::parse(mesh).unwrap();
    let pod = json!({"metadata": {"annotations": {PROXY_CONFIG:
        "{proxyMetadata: {B: c}, concurrency: 0, interceptionMode: REDIRECT, unknown: 1}"}}});
    let none = ProxyConfigs::default();
    let config = mesh.proxy_config(&pod, &none).unwrap();
    assert_eq!(config["proxyMetadata"], json!({"A": "a", "B": "c"}));
    assert_eq!(config["concurrency"], 0);
    assert_eq!(config["interceptionMode"], "REDIRECT");
    assert_eq!(config["statusPort"], 15020);
    assert_eq!(mesh.proxy_config(&json!({}), &none).unwrap()["interceptionMode"], "TPROXY");
    let pod = json!({"metadata": {"annotations": {PROXY_CONFIG: "concurrency: many"}}});
    assert!(mesh.proxy_config(&pod, &none).unwrap_err().contains("concurrency"));
}

/// Objects for all pods lie below what a pod says, and the one that selects it above.
#[test]
fn objects_and_the_annotation_have_their_order() {
    let mesh = Mesh::parse("{defaultConfig: {concurrency: 1, proxyMetadata: {A: mesh}}}").unwrap();
    let objects = ProxyConfigs {
        general: vec![
            json!({"concurrency": 2, "proxyMetadata": {"A": "root", "B": "root"}}),
            json!({"proxyMetadata": {"B": "namespace"}}),
            json!({"concurrency": "none of the sort"}),
        ],
        own: Some(json!({"image": {"imageType": "debug"}, "proxyMetadata": {"C": "own"}})),
    };
    let annotations = json!({PROXY_CONFIG: "proxyMetadata: {B: pod, C: pod}"});
    let pod = json!({"metadata": {"annotations": annotations}});
    let config = mesh.proxy_config(&pod, &objects).unwrap();
    assert_eq!(config["concurrency"], 2);
    assert_eq!(config["proxyMetadata"], json!({"A": "root", "B": "pod", "C": "own"}));
    assert_eq!(config["image"]["imageType"], "debug");
}
