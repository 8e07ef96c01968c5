//! The recorded injections of the real webhook, where they are; and rules that none of them shows.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Where the recordings are.
fn goldens() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/inject");
    folder.is_dir().then_some(folder)
}

/// The injector of the recordings.
fn recorded(folder: &Path) -> Injector {
    let read = |name: &str| fs::read_to_string(folder.join("_settings").join(name)).unwrap();
    let library = library(BTreeMap::new());
    Injector {
        config: Arc::new(Config::parse(&read("config.yaml"), &library).unwrap()),
        values: Arc::new(Values::parse(&read("values.json")).unwrap()),
        mesh: Arc::new(Mesh::parse(&read("mesh.yaml")).unwrap()),
        library: Arc::new(library),
        revision: String::new(),
        native_sidecars: true,
        compliance_policy: String::new(),
    }
}

/// Where two objects differ.
fn differences(path: &str, want: &Json, got: &Json, found: &mut Vec<String>) {
    match (want, got) {
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let (one, other) =
                    (a.get(key).unwrap_or(&Json::Null), b.get(key).unwrap_or(&Json::Null));
                differences(&format!("{path}.{key}"), one, other, found);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (at, (one, other)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{at}]"), one, other, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}\n    want {a}\n    got  {b}")),
    }
}

#[test]
fn every_recorded_pod_is_what_the_real_webhook_made() {
    let Some(folder) = goldens() else {
        return crate::skip::skipped("no ../shared/goldens/inject");
    };
    let injector = recorded(&folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut cases, mut wrong) = (0, Vec::new());
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
        let recordings: Vec<Json> =
            serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for recording in recordings {
            cases += 1;
            let name = file.file_stem().unwrap().to_string_lossy();
            let outcome = injector.inject(Request {
                pod: recording["pod"].clone(),
                namespace: recording["namespace"].as_str().unwrap().to_owned(),
                environment: BTreeMap::new(),
                namespace_annotations: None,
                workload: None,
                proxy_configs: ProxyConfigs::default(),
            });
            let mut found = Vec::new();
            match (recording["allowed"] == true, &outcome.patch) {
                (true, Ok(None)) => differences("", &recording["patched"], &Json::Null, &mut found),
                (true, Ok(Some(operations))) => {
                    let made = patch::apply(recording["pod"].clone(), operations).unwrap();
                    differences("", &recording["patched"], &made, &mut found);
                }
                (true, Err(message)) => found.push(format!("refused: {message}")),
                (false, Err(message)) => {
                    // Our own words, with the same facts.
                    let said = recording["message"].as_str().unwrap();
                    for fact in said
                        .split('\'')
                        .skip(1)
                        .step_by(2)
                        .chain(said.split('"').skip(1).step_by(2))
                    {
                        if fact.len() > 1 && !message.contains(fact) {
                            found.push(format!("{message:?} does not say {fact:?}"));
                        }
                    }
                }
                (false, Ok(_)) => found.push("not refused".into()),
            }
            wrong.extend(found.into_iter().map(|line| format!("{name}: {line}")));
        }
    }
    assert!(cases >= 50, "only {cases} recordings were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What injection makes of an injected pod again is the same: the API server may ask twice. Not where the user changed
/// what templates add: as in Istio, what was injected before is the template's in the second round.
#[test]
fn to_inject_again_changes_nothing() {
    let Some(folder) = goldens() else {
        return crate::skip::skipped("no ../shared/goldens/inject");
    };
    let injector = recorded(&folder);
    let mut cases = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let recordings: Vec<Json> =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for recording in recordings.iter().filter(|recording| recording["patched"].is_object()) {
            let pod = &recording["patched"];
            let changed = containers::annotation(pod, "proxy.istio.io/overrides").is_some();
            let before = containers::annotation(&recording["pod"], overrides::STATUS).is_some();
            if changed || before {
                continue;
            }
            cases += 1;
            let outcome = injector.inject(Request {
                pod: pod.clone(),
                namespace: recording["namespace"].as_str().unwrap().to_owned(),
                environment: BTreeMap::new(),
                namespace_annotations: None,
                workload: None,
                proxy_configs: ProxyConfigs::default(),
            });
            assert_eq!(outcome.patch, Ok(Some(Vec::new())), "{}", path.display());
        }
    }
    assert!(cases >= 40, "only {cases} recordings were found");
}

/// An injector with one template, and no values.
fn small(template: &str) -> Injector {
    let library = library(BTreeMap::from([("SAID".to_owned(), "by the environment".to_owned())]));
    let config = json!({
        "policy": "enabled",
        "templates": {"sidecar": template},
        "injectedAnnotations": {"added": "yes"},
    });
    Injector {
        config: Arc::new(Config::parse(&config.to_string(), &library).unwrap()),
        values: Arc::new(
            Values::parse(r#"{"global":{"multiCluster":{"clusterName":"c1"}}}"#).unwrap(),
        ),
        mesh: Arc::new(Mesh::parse("{}").unwrap()),
        library: Arc::new(library),
        revision: "canary".into(),
        native_sidecars: false,
        compliance_policy: String::new(),
    }
}

fn injected(injector: &Injector, pod: Json) -> Result<Json, String> {
    let outcome = injector.inject(Request {
        pod: pod.clone(),
        namespace: "shop".into(),
        environment: path::environment("/inject/net/n1/foo/a--slash--b"),
        namespace_annotations: None,
        workload: None,
        proxy_configs: ProxyConfigs::default(),
    });
    patch::apply(pod, &outcome.patch?.unwrap())
}

const PROXY_TEMPLATE: &str = "
spec:
  containers:
  - name: istio-proxy
    image: proxy
    env:
    - {name: ISTIO_META_NETWORK, value: other}
    - {name: SAID, value: '{{ env \"SAID\" \"\" }}'}
";

#[test]
fn the_path_and_the_values_set_cluster_and_network() {
    let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "app"}]}});
    let made = injected(&small(PROXY_TEMPLATE), pod).unwrap();
    let env = &made["spec"]["containers"][1]["env"];
    let want = json!([
        {"name": "SAID", "value": "by the environment"},
        {"name": "FOO", "value": "a/b"},
        {"name": "ISTIO_META_CLUSTER_ID", "value": "c1"},
        {"name": "ISTIO_META_NETWORK", "value": "n1"},
    ]);
    assert_eq!(env, &want);
    assert_eq!(made["metadata"]["labels"]["topology.istio.io/network"], "n1");
    assert_eq!(made["metadata"]["annotations"]["added"], "yes");
    let status = made["metadata"]["annotations"]["sidecar.istio.io/status"].as_str().unwrap();
    assert!(status.ends_with(r#""revision":"canary"}"#), "{status}");
}

#[test]
fn a_template_that_makes_no_pod_refuses_it_with_the_place() {
    let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": []}});
    let wrong = injected(&small("spec: {containers: [{name: 5}]}"), pod.clone()).unwrap_err();
    assert!(wrong.contains("spec.containers[0].name: is a number"), "{wrong}");
    let wrong = injected(&small("a\n{{ .Spec.Nonsense }}"), pod.clone()).unwrap_err();
    assert!(wrong.contains("\"sidecar\", line 2") && wrong.contains("Nonsense"), "{wrong}");
    let wrong = injected(&small("- a"), pod).unwrap_err();
    assert!(wrong.contains("\"sidecar\" did not make a pod"), "{wrong}");
}

#[test]
fn what_the_types_do_not_know_stays_as_the_user_wrote_it() {
    let pod = json!({
        "metadata": {"name": "a", "managedFields": [{"manager": "x"}]},
        "spec": {"containers": [{"name": "app", "image": "i", "newField": 1}], "newer": true},
    });
    let made = injected(&small(PROXY_TEMPLATE), pod).unwrap();
    assert_eq!(made["spec"]["newer"], true);
    assert_eq!(made["spec"]["containers"][0]["newField"], 1);
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "x");
}
