use super::*;

const CONFIG: &str = r#"
kind: ConfigMap
data:
  config: |
    policy: enabled
    templates:
      sidecar: |
        {metadata: {labels: {mesh: "{{ .MeshConfig.TrustDomain }}", hub: "{{ .Values.hub }}"}}, spec: {containers: [{name: istio-proxy}]}}
  values: '{"hub": "h"}'
"#;

const OBJECTS: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: app}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: out, namespace: other, annotations: {sidecar.istio.io/inject: "false"}}
spec: {containers: [{name: app}]}
---
apiVersion: v1
kind: Pod
metadata: {name: bad, annotations: {status.sidecar.istio.io/port: x}}
spec: {containers: [{name: app}]}
"#;

#[test]
fn a_files_objects_are_printed_and_what_became_of_them_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let arguments = Args {
        filename: file("objects.yaml", OBJECTS),
        inject_config: file("config.yaml", CONFIG),
        values: None,
        mesh_config: Some(file("mesh.yaml", "trustDomain: td")),
        revision: String::new(),
        native_sidecars: true,
        namespace: "shop".into(),
    };
    let injector = injector(&arguments, Vec::new()).unwrap();
    let done = injected(&injector, &arguments, OBJECTS).unwrap();
    let objects: Vec<Json> = serde_yaml::Deserializer::from_str(&done.objects)
        .map(|document| Json::deserialize(document).unwrap())
        .collect();
    assert_eq!(objects.len(), 4);
    let template = &objects[1]["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["mesh"], "td");
    assert_eq!(template["metadata"]["labels"]["hub"], "h");
    assert_eq!(template["spec"]["containers"][1]["name"], "istio-proxy");
    let told: Vec<&str> = done.told.lines().collect();
    assert_eq!(told[0], "Deployment shop/web: injected: policy enabled");
    assert_eq!(told[1], "Pod other/out: not injected: annotation sidecar.istio.io/inject=false");
    assert!(told[2].starts_with("istiod: Pod shop/bad: ") && told[2].contains("\'x\'"), "{told:?}");
    assert!(!done.sound);
}
