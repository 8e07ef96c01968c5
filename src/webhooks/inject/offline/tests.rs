use std::sync::Arc;

use super::*;
use crate::webhooks::inject::{Config, Mesh, Values, library};

fn injector() -> Injector {
    let library = library(BTreeMap::new());
    let template = "{metadata: {labels: {of: '{{ .TypeMeta.Kind }}/{{ .DeploymentMeta.Name }}/{{ .DeploymentMeta.Namespace }}'}}, spec: {containers: [{name: istio-proxy}]}}";
    let config = json!({"policy": "enabled", "templates": {"sidecar": template}}).to_string();
    Injector {
        config: Arc::new(Config::parse(&config, &library).unwrap()),
        values: Arc::new(Values::parse("{}").unwrap()),
        mesh: Arc::new(Mesh::parse("{}").unwrap()),
        library: Arc::new(library),
        revision: String::new(),
        native_sidecars: false,
        compliance_policy: String::new(),
    }
}

#[test]
fn what_makes_pods_is_injected_and_the_rest_left_alone() {
    let template = json!({"spec": {"containers": [{"name": "app"}]}});
    for (kind, spec, place) in [
        ("Deployment", json!({"template": template}), "/spec/template"),
        ("StatefulSet", json!({"template": template}), "/spec/template"),
        (
            "CronJob",
            json!({"jobTemplate": {"spec": {"template": template}}}),
            "/spec/jobTemplate/spec/template",
        ),
    ] {
        let mut object =
            json!({"kind": kind, "apiVersion": "x/v1", "metadata": {"name": "web"}, "spec": spec});
        let injected = inject(&injector(), &mut object, "shop").unwrap();
        assert_eq!(injected[0].name, format!("{kind} shop/web"));
        let pod = object.pointer(place).unwrap();
        assert_eq!(pod["metadata"]["labels"]["of"], format!("{kind}/web/shop"));
        assert_eq!(pod["spec"]["containers"][1]["name"], "istio-proxy");
        // The template is of no namespace.
        assert_eq!(pod["metadata"].get("namespace"), None);
    }
    let mut service = json!({"kind": "Service", "spec": {}});
    assert!(inject(&injector(), &mut service, "shop").unwrap().is_empty());
    assert_eq!(service, json!({"kind": "Service", "spec": {}}));
}

#[test]
fn lists_are_looked_into_and_mistakes_name_the_object() {
    let mut list = json!({"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}}]});
    inject(&injector(), &mut list, "shop").unwrap();
    assert_eq!(list["items"][0]["spec"]["containers"][0]["name"], "istio-proxy");
    let mut broken = json!({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {}});
    let said = inject(&injector(), &mut broken, "shop").unwrap_err();
    assert_eq!(said, "Deployment shop/a: spec/template is missing");
}
