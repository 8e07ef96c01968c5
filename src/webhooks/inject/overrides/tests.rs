use super::*;

#[test]
fn an_injected_pod_is_seen_as_it_was() {
    let pod = json!({
        "metadata": {"annotations": {
            STATUS: r#"{"containers":["istio-proxy","app"],"initContainers":["istio-init"]}"#,
            OVERRIDES: r#"{"containers":[{"name":"app","image":"own"}]}"#,
            "prometheus.io/port": "15020", "prometheus.io/path": "/stats/prometheus", "kept": "yes",
        }},
        "spec": {"containers": [{"name": "app"}, {"name": "istio-proxy"}, {"name": "other"}],
            "initContainers": [{"name": "istio-init"}, {"name": "mine"}]},
    });
    let stripped = stripped(&pod, 15020).unwrap();
    let names =
        |list| containers::list(&stripped, list).iter().map(containers::name).collect::<Vec<_>>();
    assert_eq!(names(CONTAINERS), ["other", "app"]);
    assert_eq!(names(INIT_CONTAINERS), ["mine"]);
    let left = containers::texts(&stripped, "/metadata/annotations");
    assert_eq!(left.keys().collect::<Vec<_>>(), ["kept", OVERRIDES]);
}

#[test]
fn overrides_that_cannot_be_read_are_told() {
    let pod = json!({"metadata": {"annotations": {OVERRIDES: "{"}}});
    assert!(stripped(&pod, 15020).unwrap_err().contains(OVERRIDES));
}
