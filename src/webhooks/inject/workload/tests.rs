use serde_json::json;

use super::*;

#[test]
fn a_pod_belongs_to_what_its_names_tell() {
    let pod = |kind: &str, owner: &str, labels: Json| {
        json!({"metadata": {"generateName": "x-", "namespace": "n", "labels": labels, "ownerReferences": [
            {"controller": false, "kind": "Other", "name": "o", "apiVersion": "v1"},
            {"controller": true, "kind": kind, "name": owner, "apiVersion": "apps/v1"},
        ]}})
    };
    for (made, want) in [
        (
            pod("ReplicaSet", "web-12", json!({"pod-template-hash": "12"})),
            ("Deployment", "web", "apps/v1"),
        ),
        (
            pod("ReplicaSet", "web-12", json!({"pod-template-hash": "13"})),
            ("ReplicaSet", "web-12", "apps/v1"),
        ),
        (
            pod("ReplicaSet", "web-12", json!({"rollouts-pod-template-hash": "12"})),
            ("Rollout", "web", "v1alpha1"),
        ),
        (
            pod("ReplicationController", "web-1", json!({"deploymentconfig": "web"})),
            ("DeploymentConfig", "web", "apps/v1"),
        ),
        (pod("Job", "tick-12345678", json!({})), ("CronJob", "tick", "batch/v1")),
        (pod("Job", "tick-1234567", json!({})), ("Job", "tick-1234567", "apps/v1")),
        (pod("StatefulSet", "db", json!({})), ("StatefulSet", "db", "apps/v1")),
        (json!({"metadata": {"name": "a"}}), ("Pod", "a", "v1")),
    ] {
        let got = of(&made);
        assert_eq!(
            (got.kind.as_str(), got.name.as_str(), got.api_version.as_str()),
            want,
            "{made}"
        );
    }
}
