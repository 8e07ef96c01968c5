//! The webhook as the API server asks it: over HTTPS, with live configuration.

use std::fs;
use std::path::Path;

use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::*;
use crate::admission::fixture::{ask, client, started};
use crate::admission::{Reviews, Webhooks, Workers, router};
use crate::ca::fixture::{DAY, root, self_signed};
use crate::snapshot::{Publisher, Snapshot};
use crate::webhooks::{inject, patch};

/// A template that adds a proxy.
const SIDECAR: &str =
    "spec:\n  containers:\n  - name: istio-proxy\n    image: {{ .Values.image }}\n";

/// Without a configuration, in a mesh like this.
fn injection(mesh: MeshConfig) -> Arc<Injection> {
    let fixed = Fixed {
        revision: String::new(),
        native_sidecars: NativeSidecars::Always,
        open_shift: false,
        compliance_policy: String::new(),
        library: inject::library(BTreeMap::new()),
    };
    let publisher = Publisher::default();
    publisher.publish(Arc::new(Snapshot { mesh: Arc::new(mesh), ..Snapshot::default() }));
    let metrics = Arc::new(Metrics::new("test"));
    let place = "ConfigMap istio-system/istio-sidecar-injector".to_owned();
    Arc::new(Injection::new(fixed, place, publisher.subscribe(), metrics))
}

/// The key `config` with one template.
fn config(template: &str) -> String {
    json!({"policy": "enabled", "templates": {"sidecar": template}}).to_string()
}

fn routes(injection: &Arc<Injection>) -> axum::Router {
    let webhooks = Webhooks { inject: Some(injection.clone()), validate: None };
    router(Reviews::new(webhooks, Workers::start(2).unwrap()))
}

fn body(uid: &str, namespace: &str, pod: &Json) -> String {
    let request = json!({"uid": uid, "namespace": namespace, "operation": "CREATE", "object": pod});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"});
    let mut review = review;
    review["request"] = request;
    review.to_string()
}

fn at(uri: &Uri, path: &str) -> Uri {
    format!("https://{}{path}", uri.authority().unwrap()).parse().unwrap()
}

/// The pod that the answer makes; None when it is left alone.
fn patched(pod: &Json, answer: &Json) -> Option<Json> {
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    let operations = STANDARD.decode(answer["response"]["patch"].as_str()?).unwrap();
    let operations: Vec<Json> = serde_json::from_slice(&operations).unwrap();
    Some(patch::apply(pod.clone(), &operations).unwrap())
}

#[tokio::test]
async fn every_recorded_pod_comes_the_same_over_https() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/inject");
    if !folder.is_dir() {
        return crate::skip::skipped("no ../shared/goldens/inject");
    }
    let read = |name: &str| fs::read_to_string(folder.join("_settings").join(name)).unwrap();
    let raw: Json = serde_yaml::from_str(&read("mesh.yaml")).unwrap();
    let injection = injection(MeshConfig { raw, ..MeshConfig::default() });
    injection.take(&read("config.yaml"), &read("values.json")).unwrap();
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, _stop, _ended) = started(&issuer, routes(&injection));
    let (client, uri) = (client(&issuer, true), at(&uri, "/inject"));
    let (mut cases, mut refused) = (0, 0);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let recordings: Vec<Json> =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for recording in recordings {
            cases += 1;
            let (pod, namespace) = (&recording["pod"], recording["namespace"].as_str().unwrap());
            let answer = ask(&client, &uri, body("u", namespace, pod)).await;
            let answer: Json = serde_json::from_str(&answer).unwrap();
            if recording["allowed"] != true {
                refused += 1;
                assert_eq!(answer["response"]["allowed"], false, "{}", path.display());
                continue;
            }
            let made = patched(pod, &answer).unwrap_or(Json::Null);
            assert!(recording["patched"] == made, "{}: {made}", path.display());
        }
    }
    assert!(cases >= 50, "only {cases} recordings were found");
    let metrics = &injection.metrics;
    assert_eq!(metrics.injection_requests.get(), cases);
    assert_eq!(metrics.injection_failures.get(), refused);
    assert_eq!(metrics.injection_successes.get(), cases - refused);
}

#[tokio::test]
async fn of_two_thousand_at_once_none_is_lost() {
    const MANY: usize = 2_000;
    let injection = injection(MeshConfig::default());
    injection.take(&config(SIDECAR), "{image: proxy}").unwrap();
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, _stop, _ended) = started(&issuer, routes(&injection));
    // As several API servers would.
    let clients: Vec<_> = (0..8).map(|at| client(&issuer, at % 2 == 0)).collect();
    let uri = at(&uri, "/inject?timeout=30s");
    let asking = (0..MANY).map(|number| {
        let pod = json!({
            "metadata": {"name": format!("p{number}")},
            "spec": {"containers": [{"name": "app", "image": "app"}]},
        });
        let (client, uri) = (clients[number % clients.len()].clone(), uri.clone());
        tokio::spawn(async move {
            let answer = ask(&client, &uri, body(&number.to_string(), "shop", &pod)).await;
            let answer: Json = serde_json::from_str(&answer).expect(&answer);
            assert_eq!(answer["response"]["uid"], number.to_string());
            let made = patched(&pod, &answer).unwrap();
            made["spec"]["containers"].as_array().unwrap().len()
        })
    });
    let answers = join_all(asking.collect::<Vec<_>>()).await;
    let proxied = answers.into_iter().filter(|made| *made.as_ref().unwrap() == 2).count();
    assert_eq!(proxied, MANY);
    assert_eq!(injection.metrics.injection_successes.get(), MANY as u64);
    assert_eq!(injection.metrics.injection_failures.get(), 0);
}

/// The answer to a review, as the workers would make it.
fn reviewed(injection: &Injection, path: &str, pod: &Json) -> Result<Answer, Unavailable> {
    let review = Review::read(body("u", "shop", pod).as_bytes()).unwrap();
    let answer = injection.review(&review, path)?;
    injection.answered(Ended::Answered(&answer), Duration::from_millis(1));
    Ok(answer)
}

#[test]
fn a_configuration_that_cannot_be_used_leaves_the_last_good_one() {
    let injection = injection(MeshConfig::default());
    let pod = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app"}]}});
    let missing = reviewed(&injection, "/inject", &pod).unwrap_err();
    assert!(missing.0.contains("ConfigMap istio-system/istio-sidecar-injector"), "{missing}");
    assert_eq!(injection.templates(), BTreeMap::new());
    let image = |injection: &Injection| {
        let patch = reviewed(injection, "/inject", &pod).unwrap().patch.unwrap();
        let made = patch::apply(pod.clone(), &patch).unwrap();
        let containers = made["spec"]["containers"].as_array().unwrap().clone();
        let proxy = containers.iter().find(|container| container["name"] == "istio-proxy").unwrap();
        proxy["image"].as_str().unwrap().to_owned()
    };
    injection.take(&config(SIDECAR), "{image: one}").unwrap();
    assert_eq!(image(&injection), "one");
    let wrong = injection.take(&config("a\n{{ nonsense }}"), "{image: two}").unwrap_err();
    assert!(wrong.to_string().contains("template \"sidecar\", line 2"), "{wrong}");
    assert!(matches!(injection.take(&config(SIDECAR), "[]"), Err(Invalid::Values(_))));
    assert_eq!(image(&injection), "one");
    assert_eq!(injection.metrics.injection_rejected.get(), 2);
    injection.take(&config(SIDECAR), "{image: three}").unwrap();
    assert_eq!(image(&injection), "three");
    assert_eq!(injection.templates()["sidecar"], SIDECAR);
}

#[test]
fn why_a_pod_was_injected_or_not_is_told() {
    let injection = injection(MeshConfig::default());
    injection.take(&config(SIDECAR), "{image: proxy}").unwrap();
    let containers = json!([{"name": "app", "image": "app"}]);
    for (labels, annotations) in [
        (json!({}), json!({})),
        (json!({"sidecar.istio.io/inject": "false"}), json!({})),
        (json!({}), json!({"sidecar.istio.io/interceptionMode": "TELEPATHY"})),
        (json!({"sidecar.istio.io/inject": "yes"}), json!({})),
    ] {
        let metadata =
            json!({"generateName": "web-5d8f-", "labels": labels, "annotations": annotations});
        let pod = json!({"metadata": metadata, "spec": {"containers": containers}});
        reviewed(&injection, "/inject", &pod).unwrap();
    }
    let lines: Vec<String> = injection
        .recent(Some("shop/web-5d8f-abcde"))
        .iter()
        .rev()
        .map(|entry| entry.to_string())
        .collect();
    for (line, facts) in lines.iter().zip([
        &["pod shop/web-5d8f-*: injected: ", "policy", "(the injector's configuration)"][..],
        &["not injected: label sidecar.istio.io/inject=false (the pod)"],
        &["refused: ", "TELEPATHY"],
        &["injected: ", "\"yes\" is neither true nor false"],
    ]) {
        assert!(facts.iter().all(|fact| line.contains(fact)), "{line}");
    }
    assert_eq!(lines.len(), 4);
    assert_eq!(injection.recent(None)[0].templates, ["sidecar"]);
    let metrics = &injection.metrics;
    let counts =
        [&metrics.injection_successes, &metrics.injection_failures, &metrics.injection_skipped];
    assert_eq!(counts.map(|count| count.get()), [3, 1, 1]);
}

#[test]
fn the_path_and_proxy_configs_reach_the_proxy() {
    let injection = injection(MeshConfig::default());
    let template = "metadata:\n  annotations:\n    concurrency: \"{{ .ProxyConfig.Concurrency.Value }}\"\nspec:\n  containers:\n  - name: istio-proxy\n    image: proxy\n";
    injection.take(&config(template), "{}").unwrap();
    let metadata = json!({"annotations": {"proxy.istio.io/config": "concurrency: 7"}});
    let pod = json!({"metadata": metadata, "spec": {"containers": [{"name": "app"}]}});
    let answer = reviewed(&injection, "/inject/cluster/c1/net/n1", &pod).unwrap();
    let made = patch::apply(pod, &answer.patch.unwrap()).unwrap();
    assert_eq!(made["metadata"]["annotations"]["concurrency"], "7");
    let environment = made["spec"]["containers"].to_string();
    for part in ["ISTIO_META_CLUSTER_ID", "\"c1\"", "ISTIO_META_NETWORK", "\"n1\""] {
        assert!(environment.contains(part), "{part}: {environment}");
    }
}

#[tokio::test]
async fn a_template_that_never_ends_is_an_answer_that_refuses() {
    let injection = injection(MeshConfig::default());
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, _stop, _ended) = started(&issuer, routes(&injection));
    let (client, uri) = (client(&issuer, true), at(&uri, "/inject"));
    let pod = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app"}]}});
    for (template, fact) in [
        ("{{range 1000000}}{{range 1000000}}{{end}}{{end}}", "stopped after"),
        ("{{define `a`}}{{template `a`}}{{end}}{{template `a`}}", "call each other"),
        ("{{$l := list 1}}{{range 99}}{{$l = list $l $l}}{{end}}{{toJson $l}}", "too much"),
        (
            "{{range 9999}}{{$_ := regexMatch `(a+)+$` `aaaaaaaaaaaaaaaaab`}}{{end}}",
            "stopped after",
        ),
    ] {
        injection.take(&config(template), "{}").unwrap();
        let answer = ask(&client, &uri, body("u", "shop", &pod)).await;
        let answer: Json = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["response"]["allowed"], false, "{template}");
        let said = answer["response"]["status"]["message"].as_str().unwrap();
        assert!(said.contains(fact), "{template}: {said}");
    }
    injection.take(&config(SIDECAR), "{image: proxy}").unwrap();
    let answer = ask(&client, &uri, body("u", "shop", &pod)).await;
    assert!(patched(&pod, &serde_json::from_str(&answer).unwrap()).is_some());
}
