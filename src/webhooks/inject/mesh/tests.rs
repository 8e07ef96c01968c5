use super::*;

#[test]
fn a_pod_changes_single_fields_and_adds_metadata() {
    let mesh =
        "{defaultConfig: {proxyMetadata: {A: a, B: b}, concurrency: 4, interception_mode: TPROXY}}";
    let mesh = Mesh::parse(mesh).unwrap();
    let pod = json!({"metadata": {"annotations": {PROXY_CONFIG:
        "{proxyMetadata: {B: c}, concurrency: 0, interceptionMode: REDIRECT, unknown: 1}"}}});
    let config = mesh.proxy_config(&pod).unwrap();
    assert_eq!(config["proxyMetadata"], json!({"A": "a", "B": "c"}));
    assert_eq!(config["concurrency"], 0);
    assert_eq!(config["interceptionMode"], "REDIRECT");
    assert_eq!(config["statusPort"], 15020);
    assert_eq!(mesh.proxy_config(&json!({})).unwrap()["interceptionMode"], "TPROXY");
    let pod = json!({"metadata": {"annotations": {PROXY_CONFIG: "concurrency: many"}}});
    assert!(mesh.proxy_config(&pod).unwrap_err().contains("concurrency"));
}
