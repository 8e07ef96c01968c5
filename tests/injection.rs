//! The daemon's webhook as an API server asks it, with its configuration in a cluster.

use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::kube::Cluster;
use crate::skip::skipped;

/// A ConfigMap that injects a proxy with an image.
fn injector(namespace: &str, template: &str, image: &str) -> String {
    let config = json!({"policy": "enabled", "templates": {"sidecar": template}}).to_string();
    let values = json!({"image": image}).to_string();
    let metadata = json!({"name": "istio-sidecar-injector", "namespace": namespace});
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
        "data": {"config": config, "values": values},
    })
    .to_string()
}

/// What a request is answered: the status and the body.
fn curl(arguments: &[&str]) -> (String, String) {
    let command =
        Command::new("curl").args(["-s", "-w", "\n%{http_code}"]).args(arguments).output().unwrap();
    let said = String::from_utf8(command.stdout).unwrap();
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_injected_by_the_config_map_as_it_is_now() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skipped("curl is not installed");
    }
    let Some(cluster) = Cluster::shared().await else { return };
    let namespace = cluster.namespace().await;
    let (name, folder) = (namespace.to_string(), tempfile::tempdir().unwrap());
    let mut daemon = Daemon::start(&[
        &format!("--kubeconfig={}", cluster.kubeconfig().display()),
        &format!("--namespace={name}"),
        "--meshConfig=",
        "--grpcAddr=",
        "--monitoringAddr=",
        "--ctrlz_port=0",
        "--httpsAddr=127.0.0.1:0",
    ]);
    let http = daemon.address("--httpAddr");
    let https = daemon.address("--httpsAddr");
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &name);
    let ca = secrets.get("istio-ca-secret").await.unwrap().data.unwrap();
    let root = folder.path().join("root");
    std::fs::write(&root, &ca["root-cert.pem"].0).unwrap();
    let pod = json!({"metadata": {"generateName": "web-", "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": "app"}]}});
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u", "namespace": "shop", "operation": "CREATE", "object": pod},
    });
    let review = review.to_string();
    let host = format!("istiod.{name}.svc");
    let resolve = format!("{host}:{}:127.0.0.1", https.port());
    let uri = |path: &str| format!("https://{host}:{}{path}", https.port());
    let ask = || {
        curl(&[
            "--cacert",
            root.to_str().unwrap(),
            "--resolve",
            &resolve,
            "-H",
            "content-type: application/json",
            "-d",
            &review,
            &uri("/inject?timeout=10s"),
        ])
    };
    // What a patch adds is in base64, but its length tells the images apart.
    let until = async |what: &str, holds: &dyn Fn(&str, &str) -> bool| {
        for _ in 0..300 {
            let (status, body) = ask();
            if holds(&status, &body) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{what}: {:?}", ask());
    };
    let adds = |image: &str| {
        let image = image.to_owned();
        move |_: &str, body: &str| {
            let Ok(answer) = serde_json::from_str::<Value>(body) else { return false };
            let patch = answer["response"]["patch"].as_str().unwrap_or_default().to_owned();
            use base64::Engine as _;
            let patch = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
            String::from_utf8(patch).unwrap().contains(&format!("\"{image}\""))
        }
    };
    let (ready, _) =
        curl(&["--cacert", root.to_str().unwrap(), "--resolve", &resolve, &uri("/ready")]);
    assert_eq!(ready, "200");
    until("without a configuration", &|status, body| {
        status == "404" && body.contains("istio-sidecar-injector")
    })
    .await;
    let template = "spec:\n  containers:\n  - name: istio-proxy\n    image: {{ .Values.image }}\n";
    cluster.apply(&injector(&name, template, "one")).await.unwrap();
    until("with one", &adds("one")).await;
    // Wrong, so it stays; and it is told.
    cluster.apply(&injector(&name, "{{ nonsense }}", "two")).await.unwrap();
    let debug = |path: &str| curl(&[&format!("http://{http}/debug/{path}")]).1;
    for _ in 0..300 {
        if debug("diagnostics").contains("injection goes on as before") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = debug("diagnostics");
    assert!(told.contains("template \\\"sidecar\\\", line 1"), "{told}");
    until("still with one", &adds("one")).await;
    cluster.apply(&injector(&name, template, "three")).await.unwrap();
    until("with three", &adds("three")).await;
    assert!(!debug("diagnostics").contains("injection goes on"));
    let templates: Value = serde_json::from_str(&debug("inject")).unwrap();
    assert_eq!(templates["sidecar"], template);
    let why: Value = serde_json::from_str(&debug("inject?pod=shop/web-x")).unwrap();
    assert_eq!((&why[0]["injected"], &why[0]["generateName"]), (&json!(true), &json!("web-")));
    assert!(why[0]["because"].as_str().unwrap().contains("policy"), "{why}");
    let metrics = curl(&[&format!("http://{http}/metrics")]).1;
    assert!(metrics.contains("\nsidecar_injection_failure_total "), "{metrics}");
    drop(daemon);
}
