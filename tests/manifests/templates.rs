//! Our own templates: what they make of pods, of which values, and whether an agent understands it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use istiod::webhooks::inject::{Config, Injector, Mesh, Values, library, offline};
use serde_json::{Value, json};

use super::files;
use crate::skip::skipped;

const CONFIG: &str = "manifests/injection/config.yaml";
const VALUES: &str = "manifests/injection/values.yaml";

/// Values that code reads beside the templates.
const READ_BY_CODE: [&str; 8] = [
    "global.hub",
    "global.tag",
    "global.variant",
    "global.proxy.image",
    "global.proxy.holdApplicationUntilProxyStarts",
    "global.multiCluster.clusterName",
    "global.network",
    "sidecarInjectorWebhook.rewriteAppHTTPProbe",
];

/// An injector of these texts.
fn injector(config: &str, values: &str, mesh: &str, native: bool) -> Injector {
    let library = library(BTreeMap::new());
    Injector {
        config: Arc::new(Config::parse(config, &library).unwrap()),
        values: Arc::new(Values::parse(values).unwrap()),
        mesh: Arc::new(Mesh::parse(mesh).unwrap()),
        library: Arc::new(library),
        revision: String::new(),
        native_sidecars: native,
        compliance_policy: String::new(),
    }
}

/// The injector that is installed.
fn ours(native: bool) -> Injector {
    injector(&files::text(CONFIG), &files::text(VALUES), "{}", native)
}

/// A pod after injection, if it is injected.
fn injected(injector: &Injector, pod: &Value, namespace: &str) -> Option<Value> {
    let mut made = pod.clone();
    let told = offline::inject(injector, &mut made, namespace).ok()?;
    told.first().is_some_and(|told| told.decision.injects).then_some(made)
}

/// A pod in a form in which order and notation that mean nothing are alike.
fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::Object(entries) => {
            for (key, value) in entries.iter_mut() {
                *value = plain(value.take());
                let unordered = ["env", "volumeMounts", "volumes"].contains(&key.as_str());
                if let Some(items) = value.as_array_mut().filter(|_| unordered) {
                    items.sort_by_key(|item| item["name"].as_str().map(str::to_owned));
                }
            }
            // Lists of JSON, and what follows from the order of volumes.
            let json = ["ISTIO_META_POD_PORTS", "PROXY_CONFIG"];
            if json.iter().any(|name| entries.get("name") == Some(&json!(name)))
                && let Some(text) = entries["value"].as_str()
            {
                let parsed: Value = serde_json::from_str(text).unwrap();
                entries.insert("value".into(), parsed);
            }
            entries.remove("sidecar.istio.io/status");
            // A volume without a source is an empty directory.
            if entries.get("emptyDir") == Some(&json!({})) {
                entries.remove("emptyDir");
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| *item = plain(item.take()));
        }
        _ => {}
    }
    value
}

#[test]
fn our_templates_make_the_pods_that_istios_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/inject");
    if !folder.is_dir() {
        return skipped("no ../shared/goldens/inject");
    }
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (values, mesh) = (read("_settings/values.json"), read("_settings/mesh.yaml"));
    let (mut cases, mut wrong) = (0, Vec::new());
    for native in [true, false] {
        let theirs = injector(&read("_settings/config.yaml"), &values, &mesh, native);
        let ours = injector(&files::text(CONFIG), &values, &mesh, native);
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for recording in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
                let (pod, namespace) =
                    (&recording["pod"], recording["namespace"].as_str().unwrap());
                let templates = &pod["metadata"]["annotations"]["inject.istio.io/templates"];
                if !(templates.is_null() || templates == "gateway" || templates == "sidecar") {
                    continue;
                }
                cases += 1;
                let [want, got] =
                    [&theirs, &ours].map(|with| injected(with, pod, namespace).map(plain));
                if want != got {
                    wrong.push(format!("{}: want {want:?}\ngot {got:?}", path.display()));
                }
            }
        }
    }
    assert!(cases >= 90, "only {cases}");
    assert!(wrong.is_empty(), "{} of {cases}: {}", wrong.len(), wrong[0]);
}

/// The paths of all leaves below a value; an empty object is a leaf.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value.as_object().filter(|entries| !entries.is_empty()) {
        Some(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(value, &path, found);
            }
        }
        None => {
            found.insert(path.to_owned());
        }
    }
}

/// The values that the templates ask for, by the short names that they give to parts of them.
fn asked() -> BTreeSet<String> {
    let text = files::text(CONFIG);
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_');
    let mut asked = BTreeSet::new();
    for (short, long) in [
        (".Values.", ""),
        ("$global.", "global."),
        ("$proxy.", "global.proxy."),
        ("$cni.", "pilot.cni."),
    ] {
        for rest in text.split(short).skip(1) {
            let path = rest.split(ends).next().unwrap().trim_end_matches('.');
            asked.insert(format!("{long}{path}"));
        }
    }
    asked
}

#[test]
fn each_value_is_documented_and_means_something() {
    let values = files::yaml(VALUES);
    let asked: BTreeSet<String> =
        asked().into_iter().chain(READ_BY_CODE.map(str::to_owned)).collect();
    for path in &asked {
        let pointer = format!("/{}", path.replace('.', "/"));
        assert!(values.pointer(&pointer).is_some(), "{path} is used, and not among the values");
    }
    let mut documented = BTreeSet::new();
    leaves(&values, "", &mut documented);
    let unused = documented.iter().filter(|leaf| {
        // What is used as a whole is used with all that it has.
        !asked.iter().any(|path| *leaf == path || leaf.starts_with(&format!("{path}.")))
            || ["global", "global.proxy", "pilot.cni"].contains(&leaf.as_str())
    });
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new());
    // Below a comment, or beside one that has.
    let mut told = false;
    for line in files::text(VALUES).lines() {
        let line = line.trim_start();
        told = line.starts_with('#') || (told && !line.is_empty()) || line.ends_with(':');
        assert!(
            told || line.is_empty() || line.starts_with("- "),
            "nothing tells what {line:?} is"
        );
    }
}

/// A pod with one container.
fn pod(annotations: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    })
}

/// Starts the agent as a container says, and returns what it said until it ended.
fn agent(container: &Value) -> String {
    let home = tempfile::tempdir().unwrap();
    let texts = |key: &str| container[key].as_array().unwrap().clone();
    let arguments = texts("args")
        .into_iter()
        .map(|text| text.as_str().unwrap().replace("$(POD_NAMESPACE)", "shop"));
    let environment = texts("env").into_iter().map(|variable| {
        let name = variable["name"].as_str().unwrap().to_owned();
        let downward = match name.as_str() {
            "INSTANCE_IP" | "HOST_IP" => "10.0.0.1",
            "GOMAXPROCS" | "GOMEMLIMIT" | "ISTIO_CPU_LIMIT" => "1",
            _ => "shop",
        };
        (name, variable["value"].as_str().unwrap_or(downward).to_owned())
    });
    // Without Envoy it gets as far as its certificate.
    let output = Command::cargo_bin("istiod")
        .unwrap()
        .arg("agent")
        .args(arguments)
        .args(["--envoy", "/nowhere/envoy"])
        .arg(format!("--workDir={}", home.path().display()))
        .env_clear()
        .envs(environment)
        .timeout(Duration::from_secs(10))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&said));
    String::from_utf8(said).unwrap()
}

#[test]
fn agents_understand_how_they_are_started() {
    let gateway = json!({"inject.istio.io/templates": "gateway"});
    for (annotations, list, native) in [
        (json!({}), "initContainers", true),
        (json!({}), "containers", false),
        (gateway, "containers", true),
    ] {
        let pod = injected(&ours(native), &pod(annotations), "shop").unwrap();
        let containers = pod["spec"][list].as_array().unwrap();
        let proxy = containers.iter().find(|c| c["name"] == "istio-proxy").unwrap();
        let said = agent(proxy);
        assert!(said.contains("istiod agent "), "{said}");
        assert!(!said.contains("no effect"), "{said}");
    }
}
