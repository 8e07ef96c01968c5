use serde_json::json;

use super::Received;

#[test]
fn what_nobody_reads_is_dropped_and_nothing_else() {
    let text = json!({
        "metadata": {
            "name": "a",
            "namespace": "n",
            "resourceVersion": "7",
            "labels": {"env": "prod", "volumes": "x"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "k": "v"},
            "managedFields": [{"manager": "kubectl"}],
        },
        "spec": {
            "volumes": [{}],
            "env": [1, -2, 0.5, true, null],
            "containers": [{"name": "c", "env": [{}], "ports": [{"containerPort": 80}]}],
        },
        "status": {"containerStatuses": [{}], "podIP": "10.0.0.1"},
        "data": {"env": "kept"},
    });
    let received: Received = serde_json::from_str(&text.to_string()).unwrap();
    assert_eq!((received.name(), received.namespace(), received.version()), ("a", "n", "7"));
    let expected = json!({
        "metadata": {
            "name": "a",
            "namespace": "n",
            "resourceVersion": "7",
            "labels": {"env": "prod", "volumes": "x"},
            "annotations": {"k": "v"},
        },
        "spec": {
            "env": [1, -2, 0.5, true, null],
            "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
        },
        "status": {"podIP": "10.0.0.1"},
        "data": {"env": "kept"},
    });
    assert_eq!(received.0, expected);
}

#[test]
fn parts_may_be_null() {
    let received: Received = serde_json::from_str(r#"{"metadata":null,"spec":null}"#).unwrap();
    assert_eq!((received.name(), received.version()), ("", ""));
}
