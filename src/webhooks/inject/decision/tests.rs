use super::*;
use serde_json::json;
use std::collections::BTreeMap;

fn config(policy: &str) -> Config {
    let text = format!(
        "policy: {policy}
neverInjectSelector:
- {{}}
- matchLabels: {{app: never}}
alwaysInjectSelector:
- matchExpressions: [{{key: always, operator: Exists}}]"
    );
    Config::parse(&text, &crate::webhooks::inject::library(BTreeMap::new())).unwrap()
}

#[test]
fn the_first_that_says_something_decides() {
    let pod = |labels: Json, annotations: Json| json!({"metadata": {"namespace": "n", "labels": labels, "annotations": annotations}});
    let wish = |value: &str| json!({INJECT: value});
    let host = json!({"metadata": {"labels": {INJECT: "true"}}, "spec": {"hostNetwork": true}});
    let system = json!({"metadata": {"namespace": "kube-system", "labels": {INJECT: "true"}}});
    for (policy, pod, injects, because) in [
        ("enabled", host, false, "hostNetwork"),
        ("enabled", system, false, "kube-system"),
        ("disabled", pod(wish("true"), wish("false")), true, "label sidecar"),
        ("enabled", pod(json!({}), wish("false")), false, "annotation sidecar"),
        (
            "enabled",
            pod(json!({"app": "never", "always": ""}), json!({})),
            false,
            "neverInjectSelector[1]",
        ),
        ("disabled", pod(json!({"always": ""}), json!({})), true, "alwaysInjectSelector[0]"),
        ("disabled", pod(json!({"app": "never"}), wish("true")), true, "annotation"),
        ("enabled", pod(json!({}), json!({})), true, "policy enabled"),
        ("disabled", pod(json!({}), json!({})), false, "policy disabled"),
        ("off", pod(wish("true"), json!({})), false, "policy \"off\" is none"),
    ] {
        let decision = decide(&config(policy), &pod);
        assert_eq!(decision.injects, injects, "{pod}");
        assert!(decision.because.contains(because), "{pod}: {decision:?}");
        assert_eq!(decision.warning, None);
    }
    let decision = decide(&config("enabled"), &pod(wish("yes"), json!({})));
    assert!(decision.injects && decision.warning.unwrap().contains("\"yes\""));
}
